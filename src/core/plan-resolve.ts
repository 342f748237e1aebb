import { type Aspect, aspectValue, propertyAspect, stateOf, valuesOf } from './aspects.ts';
import { sameState } from './canonical.ts';
import { type ConflictChoice, choiceKind, choiceProblem } from './conflict-choice.ts';
import { actionOf, type EntityState } from './entities.ts';
import type { EntityPlan, PlannedConflict, ResolvedPlan } from './plan-types.ts';
import type { Value } from './values.ts';

/**
 * The state that results when each conflict is decided by itself; null leaves one open, which keeps live as it is. A given value and a
 * merge are the rollback's own writes: only what is put back from history has an origin.
 *
 * @throws RangeError for a choice that does not fit the conflict, see `choiceProblem`
 */
export function resolvePlan(
  plan: EntityPlan,
  choose: (conflict: PlannedConflict, index: number) => ConflictChoice | null,
): ResolvedPlan {
  const origins = new Map(Object.entries(plan.origins ?? {}));
  let values = valuesOf(plan.after);
  let skipped = false;
  let open = false;
  for (const [index, conflict] of plan.conflicts.entries()) {
    const choice = choose(conflict, index);
    open ||= choice === null;
    if (choice === null || isLive(choice)) {
      skipped = true;
      continue;
    }
    const problem = choiceProblem(conflict, choice);
    if (problem !== null) throw new RangeError(problem);
    const target = choiceKind(choice) === 'TARGET';
    if (conflict.aspect === 'EXISTENCE') {
      values = valuesOf(target ? plan.overwritten : plan.base);
      if (target) takeOrigins(origins, plan, Object.keys(plan.overwrittenOrigins ?? {}));
    } else {
      const aspect = aspectOf(conflict);
      const value = conflict.aspect === 'ENDS' ? endsFor(plan, target) : valueFor(conflict, choice);
      if (value === null) values.delete(aspect);
      else values.set(aspect, value);
      if (target) takeOrigins(origins, plan, [aspect]);
    }
  }
  const after = stateOf(plan.ref, values);
  return {
    action: sameState(plan.live, after) ? null : actionOf({ before: plan.live, after }),
    after,
    origins: origins.size === 0 ? null : Object.fromEntries(origins),
    skipped,
    open,
  };
}

function isLive(choice: ConflictChoice): boolean {
  return choiceKind(choice) === 'LIVE';
}

function takeOrigins(origins: Map<string, string>, plan: EntityPlan, aspects: readonly string[]): void {
  for (const aspect of aspects) {
    const origin = plan.overwrittenOrigins?.[aspect];
    if (origin !== undefined) origins.set(aspect, origin);
  }
}

function aspectOf({ aspect, property }: PlannedConflict): Aspect {
  if (aspect === 'PROPERTY' && property !== null) return propertyAspect(property);
  return aspect === 'LABEL' ? 'labels' : 'existence';
}

function endsFor({ base, overwritten }: EntityPlan, target: boolean): Value | null {
  const state: EntityState | null = target ? overwritten : base;
  return aspectValue(state, 'existence');
}

function valueFor(conflict: PlannedConflict, choice: ConflictChoice): Value | null {
  if ('value' in choice) return choice.value;
  if ('absent' in choice) return null;
  const { base, target, live, merged } = conflict;
  return { BASE: base, TARGET: target, LIVE: live, MERGED: merged }[choice.side];
}
