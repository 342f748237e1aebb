import { actionOf, type EntityState } from '../../core/entities.ts';
import { stateHash, toHex } from '../../core/hash.ts';
import { type EntityPlan, type PlannedConflict, resolvePlan } from '../../core/plan.ts';
import { type ConflictPolicy, type ConflictStrategy, strategyFor } from '../../core/policy.ts';
import type { Keys } from '../../ports/keys.ts';
import type { NewConflict, PlanRow } from '../../ports/plan-store.ts';
import type { PlannedEntity } from './entity-planner.ts';

export interface Decided {
  /** Null when the plan has nothing to say about the entity. */
  readonly row: PlanRow | null;
  readonly conflicts: readonly NewConflict[];
}

/**
 * A planned entity as a row, with its conflicts decided where the policy decides them: SKIP keeps live, OVERWRITE takes target, and
 * everything else leaves the conflict open and the entity unwritten.
 */
export function decide(entity: PlannedEntity, policy: ConflictPolicy, keys: Keys): Decided {
  const { plan } = entity;
  if (plan.conflicts.length === 0) return { row: settledRow(plan), conflicts: [] };
  const strategies = plan.conflicts.map((conflict) => strategyFor(policy, conflict.type));
  const conflicts = plan.conflicts.map((conflict, at) =>
    conflictOf(entity, conflict, strategies[at] ?? 'MANUAL', keys),
  );
  const conflictId = conflicts[0]?.id ?? null;
  if (conflicts.some(({ resolution }) => resolution === null)) {
    return { row: { ...wouldBe(plan), state: 'CONFLICTED', conflictId }, conflicts };
  }
  const resolved = resolvePlan(plan, (_, at) => ({ side: strategies[at] === 'OVERWRITE' ? 'TARGET' : 'LIVE' }));
  const reason = resolved.skipped ? skippedReason(plan.conflicts, strategies) : null;
  if (resolved.action === null) return { row: { ...wouldBe(plan), state: 'SKIPPED', conflictId, reason }, conflicts };
  const row = rowOf(plan, resolved.after, {
    action: resolved.action,
    state: 'PENDING',
    partial: resolved.skipped,
    origins: resolved.origins,
    conflictId,
    reason,
  });
  return { row, conflicts };
}

function settledRow(plan: EntityPlan): PlanRow | null {
  if (plan.action !== null) {
    return rowOf(plan, plan.after, { action: plan.action, state: 'PENDING', origins: plan.origins });
  }
  if (!plan.alreadySo || plan.live === null) return null;
  return rowOf(plan, plan.live, { action: 'UPDATED', state: 'ALREADY_SO', origins: null });
}

/** What overwriting would write: shown for what is open or left out. */
function wouldBe(plan: EntityPlan): PlanRow {
  const { live, overwritten, overwrittenOrigins: origins } = plan;
  const action = live === null && overwritten === null ? 'UPDATED' : actionOf({ before: live, after: overwritten });
  return rowOf(plan, overwritten, { action, state: 'SKIPPED', origins });
}

function rowOf(
  { ref, live }: EntityPlan,
  after: EntityState | null,
  rest: Pick<PlanRow, 'action' | 'state' | 'origins'> & Partial<PlanRow>,
): PlanRow {
  return {
    kind: ref.kind,
    key: ref.key,
    before: live,
    after,
    expectedHash: hashOf(live),
    targetHash: hashOf(after),
    cascade: false,
    partial: false,
    replanned: false,
    conflictId: null,
    reason: null,
    ...rest,
  };
}

function conflictOf(
  { plan, liveSeq }: PlannedEntity,
  conflict: PlannedConflict,
  strategy: ConflictStrategy,
  keys: Keys,
): NewConflict {
  return {
    ...plan.ref,
    id: keys.next(),
    type: conflict.type,
    aspect: conflict.aspect,
    property: conflict.property,
    base: conflict.base,
    target: conflict.target,
    live: conflict.live,
    baseState: plan.base,
    targetState: plan.overwritten,
    liveState: plan.live,
    liveHash: plan.live === null ? '' : toHex(stateHash(plan.live)),
    liveSeq,
    resolution: strategy === 'SKIP' || strategy === 'OVERWRITE' ? strategy : null,
    explanation: conflict.explanation,
  };
}

function skippedReason(conflicts: readonly PlannedConflict[], strategies: readonly ConflictStrategy[]): string {
  const kept = conflicts.filter((_, at) => strategies[at] !== 'OVERWRITE');
  const names = kept.map(({ aspect, property }) => property ?? aspect.toLowerCase());
  return `kept as it is by policy: ${names.join(', ')}`;
}

export function hashOf(state: EntityState | null): Uint8Array | null {
  return state === null ? null : stateHash(state);
}
