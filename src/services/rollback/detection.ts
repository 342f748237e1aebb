import {
  type DependencyConflict,
  dependencyEffect,
  returningConflicts,
  skipClosure,
  vanishingConflicts,
} from '../../core/closure.ts';
import { actionOf, type EntityChange, type EntityRef, entityId } from '../../core/entities.ts';
import { toHex } from '../../core/hash.ts';
import { strategyFor } from '../../core/policy.ts';
import type { HangingRelationship, MissingEnd, NewConflict, PlanRow } from '../../ports/plan-store.ts';
import type { OperationRun } from './operation-run.ts';
import { hashOf } from './plan-decisions.ts';

/** Every round leaves out or adds something, so few are ever needed. */
const MAX_ROUNDS = 50;

/**
 * Closes the plan over what its writes depend on, as recorded at `seq`: nodes to vanish must not be somebody's ends, relationships to
 * come back need theirs. The policy decides what it can; the rest stays as open DEPENDENCY conflicts.
 */
export async function closePlan(run: OperationRun, seq: bigint): Promise<void> {
  const { plans } = run.deps;
  const { id, graphId } = run.operation;
  const skipped = await plans.skippedStructures(id);
  if (skipped.length > 0) await skipDependents(run, skipped);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    run.checkpoint();
    const hanging = await plans.hangingRelationships(id, graphId, seq);
    const missing = await plans.missingEnds(id, graphId, seq);
    const found = [...vanishingOf(hanging), ...returningOf(missing)];
    if (found.length === 0) return;
    await settle(run, found);
  }
  throw new RangeError('the dependencies of the plan do not come to rest');
}

function vanishingOf(hanging: readonly HangingRelationship[]): DependencyConflict[] {
  const nodes = new Map(hanging.map(({ node }) => [node.key, node]));
  const relationships = new Map(hanging.map(({ relationship }) => [relationship.key, relationship]));
  return vanishingConflicts([...nodes.values()], [...relationships.values()], new Set());
}

function returningOf(missing: readonly MissingEnd[]): DependencyConflict[] {
  const relationships = new Map(missing.map(({ relationship }) => [relationship.key, relationship]));
  const ends = new Map(missing.map((end) => [end.end, end]));
  return returningConflicts(
    [...relationships.values()],
    (key) => ends.get(key) ?? { presence: 'THERE', lastState: null },
  );
}

/** Stores conflicts with what the policy makes of them. */
async function settle(run: OperationRun, found: readonly DependencyConflict[]): Promise<void> {
  const { plans, keys } = run.deps;
  const strategy = strategyFor(run.operation.policy, 'DEPENDENCY');
  const rows = await rowsOf(
    run,
    found.map(({ ref }) => ref),
  );
  const conflicts: NewConflict[] = [];
  const changed: PlanRow[] = [];
  const cascades = new Map<string, EntityChange>();
  const skips = new Map<string, EntityRef & { reason: string }>();
  for (const conflict of found) {
    const row = rows.get(entityId(conflict.ref));
    if (row === undefined) continue;
    const decision = strategy === 'SKIP' || (strategy === 'OVERWRITE' && conflict.overwritable) ? strategy : null;
    const stored = conflictOf(conflict, row, decision, keys.next());
    conflicts.push(stored);
    if (decision === null) {
      changed.push({ ...row, state: 'CONFLICTED', conflictId: stored.id });
      continue;
    }
    const effect = dependencyEffect(conflict, decision);
    for (const change of effect.cascade) cascades.set(entityId(change), change);
    for (const ref of effect.skipped) skips.set(entityId(ref), { ...ref, reason: conflict.explanation });
    changed.push({ ...row, conflictId: stored.id });
  }
  await plans.addConflicts(run.lease, conflicts);
  const written = [...cascades.values()].filter((change) => !skips.has(entityId(change))).map(cascadeRow);
  await plans.put(run.lease, [...changed, ...written]);
  if (skips.size > 0) await skipDependents(run, [...skips.values()]);
}

/** Leaves entities out, and what hangs on them, saying why. */
async function skipDependents(run: OperationRun, skipped: readonly (EntityRef & { reason?: string })[]): Promise<void> {
  const { plans } = run.deps;
  const closure = skipClosure(skipped, await plans.structuralChanges(run.operation.id));
  const refs = [...closure.values()].map(({ ref, reason }) => ({ ...ref, reason }));
  const first = skipped.flatMap(({ kind, key, reason }) => (reason === undefined ? [] : [{ kind, key, reason }]));
  await plans.setState(run.lease, [...first, ...refs], 'SKIPPED');
}

async function rowsOf(run: OperationRun, refs: readonly EntityRef[]): Promise<Map<string, PlanRow>> {
  const rows = await run.deps.plans.rows(run.operation.id, refs);
  return new Map(rows.map((row) => [entityId(row), row]));
}

function cascadeRow(change: EntityChange): PlanRow {
  return {
    ...change,
    action: actionOf(change),
    state: 'PENDING',
    cascade: true,
    partial: false,
    replanned: false,
    expectedHash: hashOf(change.before),
    targetHash: hashOf(change.after),
    origins: null,
    conflictId: null,
    reason:
      change.after === null ? 'deleted with the node that it hangs on' : 'comes back as an end of what comes back',
  };
}

function conflictOf(
  { ref, aspect, explanation }: DependencyConflict,
  row: PlanRow,
  resolution: 'SKIP' | 'OVERWRITE' | null,
  id: string,
): NewConflict {
  return {
    ...ref,
    id,
    type: 'DEPENDENCY',
    aspect,
    property: null,
    base: null,
    target: null,
    live: null,
    baseState: row.before,
    targetState: row.after,
    liveState: row.before,
    liveHash: row.expectedHash === null ? '' : toHex(row.expectedHash),
    liveSeq: null,
    resolution,
    explanation,
  };
}
