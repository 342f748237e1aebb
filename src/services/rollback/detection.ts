import { together } from '../../core/ahead.ts';
import {
  basisOf,
  type DependencyConflict,
  dependencyEffect,
  returningConflicts,
  vanishingConflicts,
} from '../../core/closure.ts';
import { choiceKind } from '../../core/conflict-choice.ts';
import { actionOf, type EntityChange, type EntityRef, entityId } from '../../core/entities.ts';
import { hashOf } from '../../core/hash.ts';
import type {
  DependencyReads,
  HangingRelationship,
  MissingEnd,
  NewConflict,
  PlanRow,
  PlanTie,
} from '../../ports/plan-store.ts';
import { closeConstraints, constraintsOf } from './constraint-closure.ts';
import { Hindrances } from './hindrances.ts';
import { rowsOf, skipDependents, withdrawOrphans } from './leaving-out.ts';
import type { OperationRun } from './operation-run.ts';
import { StandingConflicts, storeConflicts } from './standing-conflicts.ts';

/**
 * Every round leaves out or adds something, so few are needed but for chains of unique values, which may take a round for each page of the
 * plan that they lead into.
 */
const MAX_ROUNDS = 1000;
/** Rows of the plan that are looked at together. */
const PAGE = 10_000;

/**
 * Closes the plan over what its writes depend on, as recorded at `seq`: nodes to vanish must not be somebody's ends, relationships to
 * come back need theirs, and what the graph's constraints demand must hold. The policy decides what it can; the rest stays as open
 * DEPENDENCY conflicts.
 * @returns whether anything was found that the plan did not account for
 */
export async function closePlan(run: OperationRun, seq: bigint): Promise<boolean> {
  const { plans } = run.deps;
  const { id, graphId } = run.operation;
  const constraints = await constraintsOf(run);
  const skipped = await plans.skippedStructures(id);
  if (skipped.length > 0) await skipDependents(run, skipped, seq);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (round > 0) await run.refresh();
    run.checkpoint();
    if (await closeDependencies(run, { operationId: id, graphId, seq, pageSize: PAGE })) continue;
    const closed = await closeConstraints(run, constraints, seq);
    if (closed.leftOut.length > 0) await skipDependents(run, closed.leftOut, seq);
    if (closed.found || (await withdrawOrphans(run, seq))) continue;
    await plans.dropUnfound(run.lease);
    await plans.markReleases(run.lease, constraints);
    return round > 0;
  }
  throw new RangeError('the dependencies of the plan do not come to rest');
}

/** Decides what there is to decide, a page at a time. @returns whether anything was found */
async function closeDependencies(run: OperationRun, reads: DependencyReads): Promise<boolean> {
  const { plans } = run.deps;
  let found = false;
  for await (const [hanging, missing] of together(plans.hangingRelationships(reads), plans.missingEnds(reads))) {
    run.checkpoint();
    found = true;
    await settle(run, [...vanishingOf(hanging ?? []), ...returningOf(missing ?? [])], reads.seq);
  }
  return found;
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

/** An entity that is left out, and the conflict because of which it is. */
interface Skip extends EntityRef {
  readonly reason: string;
  readonly conflictId: string;
}

/** Stores conflicts with what is decided about them. */
async function settle(run: OperationRun, found: readonly DependencyConflict[], seq: bigint): Promise<void> {
  const { keys } = run.deps;
  const refs = found.map(({ ref }) => ref);
  const standing = await StandingConflicts.of(run, refs);
  const rows = await rowsOf(run, refs);
  const hindrances = await Hindrances.of(run, found);
  const conflicts: NewConflict[] = [];
  const changed: PlanRow[] = [];
  const cascades = new Map<string, PlanRow>();
  const ties: PlanTie[] = [];
  const listed = new Map<string, PlanRow>();
  const skips = new Map<string, Skip>();
  for (const conflict of found) {
    const row = rows.get(entityId(conflict.ref));
    if (row === undefined) continue;
    const stored = conflictOf(conflict, row, keys.next());
    const state = row.before ?? row.after;
    const adds = conflict.cascade.length > 0;
    const settlement = standing.settle({ ...stored, mergesCleanly: false, state }, adds);
    conflicts.push({ ...stored, settlement });
    if (settlement === null) {
      changed.push({ ...row, state: 'CONFLICTED', conflictId: stored.id });
      for (const change of conflict.cascade) listed.set(entityId(change), listedRow(change, stored.id));
      continue;
    }
    const overwrites = choiceKind(settlement.choice) === 'TARGET';
    const hindrance = overwrites ? hindrances.of(conflict.cascade) : null;
    if (hindrance?.isOpen === true) {
      changed.push({ ...row, state: 'CONFLICTED', conflictId: hindrance.conflictId });
      continue;
    }
    const effect = dependencyEffect(conflict, overwrites && hindrance === null ? 'OVERWRITE' : 'SKIP');
    const because = { conflictId: stored.id };
    for (const change of effect.cascade) {
      cascades.set(entityId(change), { ...cascadeRow(change), ...because });
      ties.push({ kind: change.kind, key: change.key, ...because });
    }
    const reason = hindrance?.reason ?? conflict.explanation;
    for (const ref of effect.skipped) skips.set(entityId(ref), { ...ref, ...because, reason });
    changed.push({ ...row, conflictId: stored.id });
  }
  const overridden = await rowsOf(run, [...cascades.values()]);
  const written = [...cascades.values()]
    .filter((row) => !skips.has(entityId(row)))
    .map((row) => ({ ...row, partial: leavesOut(row, overridden.get(entityId(row))) }));
  // What the plan has something else to do with is not listed a second time.
  const there = [...(await rowsOf(run, [...listed.values()])).values()].filter((row) => row.state !== 'ALREADY_SO');
  const taken = new Set([...changed, ...written, ...there].map(entityId));
  const shown = [...listed.values()].filter((row) => !taken.has(entityId(row)));
  const ids = await storeConflicts(run, standing, conflicts, [...changed, ...written, ...shown], {
    ties: ties.filter((tie) => !skips.has(entityId(tie))),
  });
  const kept = ({ conflictId }: Skip): string => ids.get(conflictId) ?? conflictId;
  if (skips.size > 0)
    await skipDependents(
      run,
      [...skips.values()].map((skip) => ({ ...skip, conflictId: kept(skip) })),
      seq,
    );
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

/** What comes back as it last was, though it was to stay away, comes without what the undo set would take back of it. */
function leavesOut(row: PlanRow, overridden: PlanRow | undefined): boolean {
  if (row.action !== 'CREATED' || overridden === undefined) return false;
  return overridden.cascade ? overridden.partial : overridden.state === 'SKIPPED';
}

/** What overwriting would write besides, shown for as long as nothing is decided. */
function listedRow(change: EntityChange, conflictId: string): PlanRow {
  return { ...cascadeRow(change), state: 'CONFLICTED', conflictId };
}

function conflictOf(
  { ref, aspect, explanation, overwritable, cascade, keeps }: DependencyConflict,
  row: PlanRow,
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
    merged: null,
    overwritable,
    baseState: row.before,
    targetState: row.after,
    liveState: row.before,
    liveHash: basisOf({ cascade, keeps }),
    liveSeq: null,
    settlement: null,
    explanation,
  };
}
