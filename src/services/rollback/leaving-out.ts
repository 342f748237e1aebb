import { skipClosure } from '../../core/closure.ts';
import { type EntityChange, type EntityRef, type EntityState, entityId } from '../../core/entities.ts';
import type { PlanRow } from '../../ports/plan-store.ts';
import { planRequest } from './analysis.ts';
import { EntityPlanner } from './entity-planner.ts';
import { lineage } from './lineage.ts';
import type { OperationRun } from './operation-run.ts';
import { planAgain } from './planning-anew.ts';

/** Rows of the plan that are looked at together. */
const PAGE = 10_000;

/** An entity that is left out; with a reason where its row does not say so yet. */
interface LeftOutOrigin extends EntityRef {
  readonly reason?: string;
  readonly conflictId?: string | null;
}

/**
 * Leaves entities out, and what hangs on them, saying why. Holds of the plan only what is left out. `of`: the operation whose plan has them,
 * where they are not of this one's.
 */
export async function skipDependents(
  run: OperationRun,
  skipped: readonly LeftOutOrigin[],
  seq: bigint,
  of = run.operation.id,
): Promise<void> {
  const { plans } = run.deps;
  const conflictIds = new Map(skipped.map((ref) => [entityId(ref), ref.conflictId ?? null]));
  const first = skipped.flatMap(({ kind, key, reason, conflictId = null }) =>
    reason === undefined ? [] : [{ kind, key, reason, conflictId }],
  );
  await plans.setState(run.lease, first, 'SKIPPED');
  let planOf = of;
  for (let frontier: readonly EntityRef[] = skipped; frontier.length > 0; ) {
    run.checkpoint();
    const closure = skipClosure(frontier, await changesAround(run, await plans.rows(planOf, frontier)));
    const found = [...closure].filter(([id]) => !conflictIds.has(id)).map(([, dependent]) => dependent);
    const left = found.map(({ ref, reason, root }) => ({ ...ref, reason, conflictId: conflictIds.get(root) ?? null }));
    const withdrawn = await withdraw(run, left, seq);
    await plans.setState(
      run.lease,
      left.filter((ref) => !withdrawn.has(entityId(ref))),
      'SKIPPED',
    );
    for (const ref of left) conflictIds.set(entityId(ref), ref.conflictId);
    frontier = left;
    planOf = run.operation.id;
  }
}

/**
 * Leaves out what hangs on what the operations that this one goes on from had left out: one of them may have failed before it came to that. What a
 * later one has something else to do with counts no more.
 */
export async function skipDependentsOfEarlier(run: OperationRun, seq: bigint): Promise<void> {
  const { plans } = run.deps;
  const later: string[] = [];
  for (const id of await lineage(run)) {
    const skipped = new Map((await plans.skippedStructures(id)).map((ref) => [entityId(ref), ref]));
    for (const other of later) {
      for (const row of await plans.rows(other, [...skipped.values()])) skipped.delete(entityId(row));
    }
    if (skipped.size > 0) await skipDependents(run, [...skipped.values()], seq, id);
    later.push(id);
  }
}

/**
 * What goes along with an entity, or is left out for its sake, by a decision, and no longer has to since that entity is not written: another decision
 * came in between. It is planned for itself. @returns whether there was anything
 */
export async function withdrawOrphans(run: OperationRun, seq: bigint): Promise<boolean> {
  const planner = new EntityPlanner(run.deps, planRequest(run));
  let found = false;
  for await (const refs of run.deps.plans.orphans(run.operation.id, PAGE)) {
    run.checkpoint();
    found = (await planAgain(run, planner, refs, seq)).length > 0 || found;
  }
  return found;
}

/**
 * What was only to go with an entity that is left out needs no leaving out: it is planned for itself.
 * @returns what need not be left out
 */
async function withdraw(run: OperationRun, left: readonly EntityRef[], seq: bigint): Promise<ReadonlySet<string>> {
  const cascades = [...(await rowsOf(run, left)).values()].filter(({ cascade }) => cascade);
  if (cascades.length === 0) return new Set();
  const rows = await planAgain(run, new EntityPlanner(run.deps, planRequest(run)), cascades, seq);
  return new Set(rows.filter(({ state, action }) => state !== 'PENDING' || action === 'UPDATED').map(entityId));
}

/** The creations and deletions among rows, and the planned ones that hang on them or that they hang on. */
async function changesAround(run: OperationRun, rows: readonly PlanRow[]): Promise<EntityChange[]> {
  const own = rows.filter(({ action }) => action !== 'UPDATED');
  const nodes = new Set(own.flatMap(({ kind, key }) => (kind === 'NODE' ? [key] : [])));
  const ends = new Set(own.flatMap(({ before, after }) => endsOf(before ?? after)));
  const around: EntityChange[] = [...own];
  for await (const page of run.deps.plans.structuralChanges(run.operation.id, PAGE)) {
    for (const change of page) {
      const hangs = endsOf(change.before ?? change.after).some((end) => nodes.has(end));
      if (hangs || (change.kind === 'NODE' && ends.has(change.key))) around.push(change);
    }
  }
  return around;
}

function endsOf(state: EntityState | null): string[] {
  return state?.kind === 'RELATIONSHIP' ? [state.start, state.end] : [];
}

export async function rowsOf(run: OperationRun, refs: readonly EntityRef[]): Promise<Map<string, PlanRow>> {
  const rows = await run.deps.plans.rows(run.operation.id, refs);
  return new Map(rows.map((row) => [entityId(row), row]));
}
