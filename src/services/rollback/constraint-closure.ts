import { sameState } from '../../core/canonical.ts';
import { type ConflictChoice, choiceKind } from '../../core/conflict-choice.ts';
import { type Constraint, failingProperty, withProperty } from '../../core/constraints.ts';
import { actionOf, distinct, type EntityRef, type EntityState, entityId } from '../../core/entities.ts';
import { hashOf, toHex } from '../../core/hash.ts';
import type { Value } from '../../core/values.ts';
import type { NewConflict, PlanRow, PlanTie } from '../../ports/plan-store.ts';
import { type Holding, type Violation, ViolationSearch } from './constraint-violations.ts';
import type { OperationRun } from './operation-run.ts';
import { StandingConflicts, storeConflicts } from './standing-conflicts.ts';

/** An entity that is left out because of a conflict. */
export interface LeftOut extends EntityRef {
  readonly reason: string;
  readonly conflictId: string;
}

/**
 * The constraints that the operation's graph enforces while it writes: those that it drops before, to restore the schema, do not count. None where the
 * graph has none that plans are checked against.
 */
export async function constraintsOf({ served, operation }: OperationRun): Promise<readonly Constraint[]> {
  const dropped = new Set(operation.schemaChanges.flatMap(({ before }) => before?.name ?? []));
  const enforced = (await served.graph.constraints?.read()) ?? [];
  return enforced.filter(({ name }) => !dropped.has(name));
}

/**
 * Finds what of the plan the graph's constraints would not allow, and does what is decided about it. A unique value that another has is
 * never overwritten: the entity keeps its own, or somebody says what the other gets. What fails by itself is given a value that does not, or
 * is left as it is.
 * @returns what is left out, and whether anything was found
 */
export async function closeConstraints(
  run: OperationRun,
  constraints: readonly Constraint[],
  seq: bigint,
): Promise<{ readonly found: boolean; readonly leftOut: readonly LeftOut[] }> {
  const graph = run.served.graph.constraints;
  const leftOut: LeftOut[] = [];
  let found = false;
  if (graph === undefined) return { found, leftOut };
  for (const constraint of constraints) {
    const search = new ViolationSearch(run, constraint, graph, seq);
    const settleAll = async (violations: readonly Violation[]): Promise<Settled> => {
      const settled = await settle(run, violations, constraints);
      found = true;
      leftOut.push(...settled.leftOut);
      return settled;
    };
    for await (const page of search.pages()) {
      // What is left after so many turns is found in the next round.
      for (let [rows, turns] = [page, 0]; rows.length > 0 && turns <= page.length; turns += 1) {
        run.checkpoint();
        const violations = await search.among(rows);
        if (violations.length === 0) break;
        const { changed, later } = await settleAll(violations);
        // Whoever keeps its values was to give them to another, which was to give its own to the next.
        rows = await search.again(page, changed, later);
      }
    }
    const shared = await search.shared();
    if (shared.length > 0) await settleAll(shared);
  }
  return { found, leftOut };
}

interface Settled {
  readonly leftOut: readonly LeftOut[];
  /** Rows as they are now. */
  readonly changed: readonly PlanRow[];
  /** Rows whose finding waits for another's. */
  readonly later: readonly PlanRow[];
}

/** One entity may be found twice, and a holder be another's finding: later ones wait. */
async function settle(
  run: OperationRun,
  violations: readonly Violation[],
  constraints: readonly Constraint[],
): Promise<Settled> {
  const involved = violations.flatMap(({ row, holder }) => [row, ...(holder === null ? [] : [holder.state])]);
  const standing = await StandingConflicts.of(run, distinct<EntityRef>(involved));
  const conflicts: NewConflict[] = [];
  const changed = new Map<string, PlanRow>();
  const ties: PlanTie[] = [];
  const leftOut: LeftOut[] = [];
  const later: PlanRow[] = [];
  for (const violation of violations) {
    const { row, holder } = violation;
    if ([row, ...(holder === null ? [] : [holder.state])].some((ref) => changed.has(entityId(ref)))) {
      later.push(row);
      continue;
    }
    const found = conflictOf(violation, run.deps.keys.next());
    const state = row.before ?? row.after;
    const settlement = standing.settle({ ...found, mergesCleanly: false, state });
    const outcome =
      settlement === null
        ? null
        : outcomeOf(violation, settlement.choice, { constraints, conflictId: found.id, standing });
    // What does not help is as good as not decided.
    conflicts.push({ ...found, settlement: outcome === null ? null : settlement });
    const rows = outcome ?? [{ ...row, state: 'CONFLICTED', cascade: false, conflictId: found.id }];
    for (const written of rows) {
      changed.set(entityId(written), written);
      if (entityId(written) !== entityId(row))
        ties.push({ kind: written.kind, key: written.key, conflictId: found.id });
      if (written.state !== 'SKIPPED') continue;
      const reason = `kept as it is by ${settlement?.by ?? 'nobody'}: ${violation.explanation}`;
      changed.set(entityId(written), { ...written, reason });
      leftOut.push({ kind: written.kind, key: written.key, reason, conflictId: found.id });
    }
  }
  const ids = await storeConflicts(run, standing, conflicts, [...changed.values()], { ties });
  return {
    leftOut: leftOut.map((left) => ({ ...left, conflictId: ids.get(left.conflictId) ?? left.conflictId })),
    changed: [...changed.values()],
    later,
  };
}

interface Means {
  readonly constraints: readonly Constraint[];
  readonly conflictId: string;
  readonly standing: StandingConflicts;
}

/** The rows that a choice leads to; null when it does not settle the matter. */
function outcomeOf(
  violation: Violation,
  choice: ConflictChoice,
  { constraints, conflictId, standing }: Means,
): PlanRow[] | null {
  const { row, property, holder } = violation;
  const kind = choiceKind(choice);
  if (kind === 'LIVE')
    return holder === null ? [{ ...row, state: 'SKIPPED', conflictId }] : [keeping(violation, conflictId)];
  if (kind !== 'VALUE' && kind !== 'ABSENT') return null;
  const value = 'value' in choice ? choice.value : null;
  if (holder === null) return given(violation, value, constraints, conflictId);
  // Just this was decided against, about the other.
  if (standing.isRefused(holder.state, property, value)) return null;
  return handedOver(row, holder, property, value, conflictId);
}

/** The entity's unique values stay as they are, and the rest of the plan is written. One that does not exist stays away. */
function keeping({ row, constraint }: Violation, conflictId: string): PlanRow {
  const { before, after } = row;
  if (before === null || after === null) return { ...row, state: 'SKIPPED', conflictId };
  const kept = constraint.properties.reduce<EntityState>(
    (state, name) => withProperty(state, name, before.properties[name] ?? null),
    after,
  );
  if (sameState(before, kept)) return { ...row, state: 'SKIPPED', conflictId };
  return { ...rewritten(row, kept, constraint.properties), partial: true, conflictId };
}

/** The entity gets a value that a person has named, if every constraint allows it. */
function given(
  { row, property }: Violation,
  value: Value | null,
  constraints: readonly Constraint[],
  conflictId: string,
): PlanRow[] | null {
  if (row.after === null) return null;
  const after = withProperty(row.after, property, value);
  const stillFails = constraints.some((constraint) => failingProperty(constraint, after) === property);
  return stillFails ? null : [{ ...rewritten(row, after, [property]), conflictId }];
}

/** The other gets a value that a person has named, or none, and the entity what the plan has for it. */
function handedOver(
  row: PlanRow,
  { state, row: other }: Holding,
  property: string,
  value: Value | null,
  conflictId: string,
): PlanRow[] | null {
  const after = withProperty(state, property, value);
  if (sameState(state, after)) return null;
  const taker = { ...row, conflictId };
  const reason = 'gets another value, since its own goes back to where it was';
  if (other?.state === 'PENDING') return [taker, { ...rewritten(other, after, [property]), reason }];
  // What the other gets is in question itself: this is planned again with it.
  if (other?.state === 'CONFLICTED') return [{ ...row, state: 'CONFLICTED', conflictId: other.conflictId }];
  // Written already, or just this was decided against.
  if (other?.state === 'APPLIED' || (other?.state === 'SKIPPED' && sameState(other.after, after))) return null;
  const { kind, key } = state;
  return [
    taker,
    {
      kind,
      key,
      before: state,
      after,
      action: 'UPDATED',
      state: 'PENDING',
      cascade: true,
      partial: other?.state === 'SKIPPED' && !other.cascade,
      replanned: other?.replanned ?? false,
      expectedHash: hashOf(state),
      targetHash: hashOf(after),
      origins: null,
      conflictId,
      reason,
    },
  ];
}

/** Values that a person has named are the rollback's own, and no longer what the plan had: the proof is told so. */
function rewritten(row: PlanRow, after: EntityState, properties: readonly string[]): PlanRow {
  const kept = Object.entries(row.origins ?? {}).filter(
    ([aspect]) => !properties.some((name) => aspect === `p:${name}`),
  );
  const origins = kept.length === 0 ? null : Object.fromEntries(kept);
  const action = actionOf({ before: row.before, after });
  return { ...row, after, action, targetHash: hashOf(after), origins, replanned: true };
}

function conflictOf({ row, property, explanation }: Violation, id: string): NewConflict {
  const sideOf = (state: EntityState | null): Value | null => state?.properties[property] ?? null;
  return {
    kind: row.kind,
    key: row.key,
    id,
    type: 'DEPENDENCY',
    aspect: 'CONSTRAINT',
    property,
    base: null,
    target: sideOf(row.after),
    live: sideOf(row.before),
    merged: null,
    overwritable: false,
    baseState: null,
    targetState: row.after,
    liveState: row.before,
    liveHash: row.expectedHash === null ? '' : toHex(row.expectedHash),
    liveSeq: null,
    settlement: null,
    explanation,
  };
}
