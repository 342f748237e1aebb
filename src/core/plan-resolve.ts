import { type Aspect, aspectValue, listTexts, propertyAspect, stateOf, valuesOf } from './aspects.ts';
import { sameState } from './canonical.ts';
import { actionOf, type EntityState } from './entities.ts';
import type { Decision, EntityPlan, PlannedConflict, ResolvedPlan } from './plan-types.ts';
import type { Value } from './values.ts';

/**
 * The state that results when each conflict is decided; one that is still open is to be given as LIVE.
 *
 * @throws RangeError for a value where a side must be chosen (EXISTENCE, ENDS), or one that is no list of strings for the labels
 */
export function resolvePlan(
  plan: EntityPlan,
  decide: (conflict: PlannedConflict, index: number) => Decision,
): ResolvedPlan {
  const origins = new Map(Object.entries(plan.origins ?? {}));
  let values = valuesOf(plan.after);
  let skipped = false;
  for (const [index, conflict] of plan.conflicts.entries()) {
    const decision = decide(conflict, index);
    if (decision === 'LIVE') {
      skipped = true;
    } else if (conflict.aspect === 'EXISTENCE') {
      values = valuesOf(sideOf(plan, decision));
      takeOrigins(origins, plan, decision, Object.keys(plan.overwrittenOrigins ?? {}));
    } else {
      const aspect = aspectOf(conflict);
      const value = valueFor(plan, conflict, aspect, decision);
      if (value === null) values.delete(aspect);
      else values.set(aspect, value);
      takeOrigins(origins, plan, decision, [aspect]);
    }
  }
  const after = stateOf(plan.ref, values);
  return {
    action: sameState(plan.live, after) ? null : actionOf({ before: plan.live, after }),
    after,
    origins: origins.size === 0 ? null : Object.fromEntries(origins),
    skipped,
  };
}

/** Only what is put back from history has an origin; what a person chose otherwise is the rollback's own write. */
function takeOrigins(
  origins: Map<string, string>,
  plan: EntityPlan,
  decision: Decision,
  aspects: readonly string[],
): void {
  if (decision !== 'TARGET') return;
  for (const aspect of aspects) {
    const origin = plan.overwrittenOrigins?.[aspect];
    if (origin !== undefined) origins.set(aspect, origin);
  }
}

function aspectOf({ aspect, property }: PlannedConflict): Aspect {
  if (aspect === 'PROPERTY' && property !== null) return propertyAspect(property);
  return aspect === 'LABEL' ? 'labels' : 'existence';
}

function valueFor(plan: EntityPlan, conflict: PlannedConflict, aspect: Aspect, decision: Decision): Value | null {
  if (conflict.aspect === 'ENDS') return aspectValue(sideOf(plan, decision), aspect);
  if (decision === 'BASE') return conflict.base;
  if (typeof decision === 'string') return conflict.target;
  const { value } = decision;
  if (aspect === 'labels' && (value === null || listTexts(value) === null)) {
    throw new RangeError('labels are decided as a list of strings');
  }
  return value;
}

function sideOf(plan: EntityPlan, decision: Decision): EntityState | null {
  if (typeof decision === 'object') throw new RangeError('existence and ends are decided by choosing a side');
  return decision === 'BASE' ? plan.base : plan.overwritten;
}
