import { choiceKind } from '../../core/conflict-choice.ts';
import { actionOf, type EntityState } from '../../core/entities.ts';
import { hashOf, stateHash, toHex } from '../../core/hash.ts';
import { type EntityPlan, type PlannedConflict, resolvePlan } from '../../core/plan.ts';
import type { Settlement } from '../../core/settling.ts';
import type { Keys } from '../../ports/keys.ts';
import type { NewConflict, PlanRow } from '../../ports/plan-store.ts';
import type { PlannedEntity } from './entity-planner.ts';

export interface Decided {
  /** Null when the plan has nothing to say about the entity. */
  readonly row: PlanRow | null;
  readonly conflicts: readonly NewConflict[];
}

/** What is decided about a conflict by now; null while it is open. */
export type Settler = (conflict: PlannedConflict, entity: PlannedEntity) => Settlement | null;

/** A planned entity as a row, with its conflicts as they are decided. One that is open leaves the entity unwritten. */
export function decide(entity: PlannedEntity, settlerOf: Settler, keys: Keys): Decided {
  const { plan } = entity;
  if (plan.conflicts.length === 0) return { row: settledRow(plan), conflicts: [] };
  const settlements = plan.conflicts.map((conflict) => settlerOf(conflict, entity));
  const conflicts = plan.conflicts.map((conflict, at) => conflictOf(entity, conflict, settlements[at] ?? null, keys));
  const conflictId = conflicts[0]?.id ?? null;
  const resolved = resolvePlan(plan, (_, at) => settlements[at]?.choice ?? null);
  if (resolved.open) return { row: { ...wouldBe(plan), state: 'CONFLICTED', conflictId }, conflicts };
  const reason = resolved.skipped ? skippedReason(plan.conflicts, settlements) : null;
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
  if (!plan.alreadySo) return null;
  const action = plan.live === null ? 'DELETED' : 'UPDATED';
  return rowOf(plan, plan.live, { action, state: 'ALREADY_SO', origins: null });
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
  settlement: Settlement | null,
  keys: Keys,
): NewConflict {
  const { mergesCleanly: _, ...shown } = conflict;
  return {
    ...shown,
    ...plan.ref,
    id: keys.next(),
    baseState: plan.base,
    targetState: plan.overwritten,
    liveState: plan.live,
    liveHash: plan.live === null ? '' : toHex(stateHash(plan.live)),
    liveSeq: conflict.liveSeq ?? liveSeq,
    settlement,
  };
}

function skippedReason(conflicts: readonly PlannedConflict[], settlements: readonly (Settlement | null)[]): string {
  const kept = conflicts.flatMap(({ aspect, property }, at) => {
    const settlement = settlements[at];
    const isKept = settlement !== null && settlement !== undefined && choiceKind(settlement.choice) === 'LIVE';
    return isKept ? [{ name: property ?? aspect.toLowerCase(), by: settlement.by }] : [];
  });
  const whose = [...new Set(kept.map(({ by }) => by))].join(' and ');
  return `kept as it is by ${whose}: ${kept.map(({ name }) => name).join(', ')}`;
}
