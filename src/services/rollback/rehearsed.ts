import { type EntityRef, entityId } from '../../core/entities.ts';
import { sameHash } from '../../core/hash.ts';
import type { OperationRecord } from '../../ports/operation-store.ts';
import type { PlanRow } from '../../ports/plan-store.ts';
import { EntityPlanner } from './entity-planner.ts';
import { skipDependentsOfEarlier } from './leaving-out.ts';
import { type OperationRun, OperationStop, type RollbackDependencies } from './operation-run.ts';
import { decide } from './plan-decisions.ts';
import { hashPlan } from './preparation.ts';
import { replanAt } from './replanning.ts';
import { StandingConflicts } from './standing-conflicts.ts';

/** Entities that are compared before the request is answered; more are compared by the job. */
const SYNCHRONOUS_LIMIT = 1000;
/** Rows of the plan that are looked at together. */
const PAGE = 1000;
const CHANGED = 'the graph has changed since the preview in a way that the plan did not foresee';

/**
 * Takes over the plan of a preview, with its decisions, at the present head. Entities that others have touched since are planned again, which
 * may leave writes out or ask somebody: a write that comes out otherwise ends the operation.
 */
export async function takeOver(run: OperationRun, previewId: string): Promise<void> {
  const preview = await copyFrom(run, previewId, 'ALL', `Going by the plan of the preview ${previewId}`);
  // Decisions are taken about a preview until it has been copied: what was copied must be what was confirmed.
  if ((await hashPlan(run)) !== run.operation.expectPlan)
    throw new OperationStop(
      'FAILED',
      `PLAN_CHANGED: the preview ${previewId} was decided about after it was confirmed`,
    );
  const head = await run.fence();
  if (!(await replanAt(run, head.seq))) return;
  if ((await hashPlan(run)) === preview.planHash) return;
  const wider = await widerRow(run, previewId);
  if (wider !== null)
    throw new OperationStop('FAILED', `PLAN_CHANGED: ${CHANGED}: ${wider.kind.toLowerCase()} ${wider.key}`);
}

/** Takes over what another operation left of its plan, with its decisions, at the present head. */
export async function takeOverRest(run: OperationRun, previousId: string): Promise<void> {
  await copyFrom(run, previousId, 'LEFT', `Going on with what operation ${previousId} left`);
  const head = await run.fence();
  await skipDependentsOfEarlier(run, head.seq);
  await replanAt(run, head.seq);
}

async function copyFrom(
  run: OperationRun,
  from: string,
  rows: 'ALL' | 'LEFT',
  message: string,
): Promise<OperationRecord> {
  const { deps, lease } = run;
  const source = await deps.operations.get(from);
  if (source === null || source.headSeq === null) throw new OperationStop('FAILED', `operation ${from} has no plan`);
  if (run.operation.status === 'ROLLBACK_INITIATED') await run.transit('ANALYZE', { progress: 1 });
  await deps.plans.reset(lease);
  await deps.plans.copy(lease, from, rows);
  const { epoch } = await run.fence();
  await run.advance({
    ...(source.startSeq !== null && { startSeq: source.startSeq }),
    headSeq: source.headSeq,
    checkedSeq: source.checkedSeq ?? source.headSeq,
    epoch,
    announcedConflict: 0n,
    recount: true,
    logs: [{ level: 'INFO', message }],
  });
  return source;
}

/** A row that would be written and that the preview does not have with the same target. */
async function widerRow(run: OperationRun, previewId: string): Promise<EntityRef | null> {
  const { plans } = run.deps;
  for await (const page of plans.irregular(run.operation.id, SYNCHRONOUS_LIMIT)) {
    const rows = page.filter((row) => row.state === 'PENDING');
    const previewed = new Map((await plans.rows(previewId, rows)).map((row) => [entityId(row), row]));
    const wider = rows.filter((row) => !isWithin(row, previewed.get(entityId(row))));
    if (wider.length === 0) continue;
    // It was as it was for another's sake, which is left out now: what is taken back of it instead follows from the state that the preview had seen.
    const was = new Set((await plans.tied(previewId, wider)).map(entityId));
    const is = new Set((await plans.tied(run.operation.id, wider)).map(entityId));
    const isFree = (row: PlanRow): boolean => {
      const id = entityId(row);
      return was.has(id) && !is.has(id) && sameHash(row.expectedHash, previewed.get(id)?.expectedHash ?? null);
    };
    const found = wider.find((row) => !isFree(row));
    if (found !== undefined) return found;
  }
  return null;
}

function isWithin(row: PlanRow | null, previewed: PlanRow | undefined): boolean {
  if (row === null || row.state === 'SKIPPED' || row.state === 'ALREADY_SO') return true;
  if (previewed === undefined) return false;
  if (row.state !== previewed.state) return false;
  return sameHash(row.targetHash, previewed.targetHash);
}

/**
 * Whether a preview's plan still holds, as far as that can be told at once: false when something recorded since makes it wider, true when
 * nothing does or when that takes a job to find out.
 */
export async function stillHolds(
  deps: Pick<RollbackDependencies, 'plans' | 'conflicts' | 'history' | 'scopes' | 'keys'>,
  preview: OperationRecord,
  head: bigint,
): Promise<boolean> {
  const { plans } = deps;
  const since = preview.checkedSeq ?? preview.headSeq ?? 0n;
  if (head === since) return true;
  const touched = await plans.touchedSince(preview.id, preview.graphId, since, head, SYNCHRONOUS_LIMIT + 1);
  if (touched.length > SYNCHRONOUS_LIMIT) return true;
  if (touched.length > 0) {
    const { selector, from, until } = preview.undo;
    const undo = { selector, from: from ?? 0n, until: until ?? 0n };
    const request = { graphId: preview.graphId, undo, from: preview.startSeq ?? 0n, scope: preview.scope };
    const previewed = new Map((await plans.rows(preview.id, touched)).map((row) => [entityId(row), row]));
    const rules = () => deps.conflicts.rules(preview.graphId);
    const standing = await StandingConflicts.of({ deps, operation: preview, rules }, touched);
    for (const entity of await new EntityPlanner(deps, request).plan(touched, head)) {
      const { row } = decide(entity, standing.settlePlanned, deps.keys);
      const old = previewed.get(entityId(entity.plan.ref));
      if (old?.cascade !== true && !isWithin(row, old)) return false;
    }
    return true;
  }
  if ((preview.policy.dependency ?? preview.policy.default) === 'SKIP') return true;
  const reads = { operationId: preview.id, graphId: preview.graphId, seq: head, pageSize: PAGE };
  for await (const _ of plans.hangingRelationships(reads)) return false;
  for await (const _ of plans.missingEnds(reads)) return false;
  return true;
}
