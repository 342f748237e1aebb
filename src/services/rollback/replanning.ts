import { type EntityRef, entityId } from '../../core/entities.ts';
import { planRequest, planTouched } from './analysis.ts';
import { constraintsOf } from './constraint-closure.ts';
import { closePlan } from './detection.ts';
import { EntityPlanner } from './entity-planner.ts';
import type { OperationRun } from './operation-run.ts';
import { planAgain } from './planning-anew.ts';
import { announce } from './preparation.ts';

/** Entities that are planned again at a time. */
const PAGE = 5000;

export interface ReplanOptions {
  /** What the guard found changed. */
  readonly guarded?: readonly EntityRef[];
  /** Whether decisions that the plan does not account for are taken in. */
  readonly decisions?: boolean;
}

/**
 * Plans again what others changed since the plan was last checked, with the undo set as it was frozen, so that their writes count as
 * theirs. Decisions hold unless what they were based on changed.
 * @returns whether anything of the plan is different now
 */
export async function replan(run: OperationRun, options: ReplanOptions = {}): Promise<boolean> {
  const head = await run.fence();
  return replanAt(run, head.seq, options);
}

/** As `replan` at a recorded moment. */
export async function replanAt(
  run: OperationRun,
  head: bigint,
  { guarded = [], decisions = true }: ReplanOptions = {},
): Promise<boolean> {
  const { deps, lease, operation } = run;
  const { plans } = deps;
  let replanned = 0;
  if (await isToBeginAgain(run, decisions)) {
    replanned = await planAfresh(run, head);
  } else {
    const planner = new EntityPlanner(deps, planRequest(run));
    for await (const refs of changed(run, head, guarded, decisions)) {
      run.checkpoint();
      replanned += (await planAgain(run, planner, refs, head)).length;
    }
  }
  // A waiting operation that nobody touched is looked through again when it goes on, not each time that the graph has moved.
  if (!decisions && replanned === 0) {
    await run.advance({ checkedSeq: head });
    return false;
  }
  const closed = await closePlan(run, head);
  if (operation.strategy === 'GRADUAL') await plans.group(lease, await constraintsOf(run));
  const announcement = await announce(run);
  const message = `${replanned} planned entities were changed by others, or decided about, and planned again`;
  await run.advance({
    checkedSeq: head,
    recount: true,
    replanned: true,
    ...announcement,
    ...(replanned > 0 && { logs: [{ level: 'INFO', message }] }),
  });
  return replanned > 0 || closed;
}

/** A decision that the plan had taken in was changed, or a run that began again for that reason did not come to its end. */
async function isToBeginAgain({ deps, operation }: OperationRun, decisions: boolean): Promise<boolean> {
  if (operation.safetyPointId !== null) return false;
  return operation.replanning || (decisions && (await deps.conflicts.hasRevised(operation.id)));
}

/** Everything from the beginning, for decisions that were changed: what had followed from them is not told apart. */
async function planAfresh(run: OperationRun, head: bigint): Promise<number> {
  const { plans } = run.deps;
  // Rows first: from then on whoever takes this up knows that they are not all there.
  await plans.resetRows(run.lease);
  await plans.questionConflicts(run.lease, null);
  return planTouched(run, head, { again: true });
}

/** Pages of entities that others touched, that the guard found changed, or that were decided about. */
async function* changed(
  run: OperationRun,
  head: bigint,
  guarded: readonly EntityRef[],
  decisions: boolean,
): AsyncGenerator<readonly EntityRef[]> {
  const { plans, conflicts } = run.deps;
  const { id, graphId, checkedSeq } = run.operation;
  if (guarded.length > 0) yield guarded;
  for (let after: EntityRef | null = null; ; ) {
    const page: readonly EntityRef[] = await plans.touchedSince(id, graphId, checkedSeq ?? 0n, head, PAGE, after);
    if (page.length > 0) yield page;
    if (page.length < PAGE) break;
    after = page.at(-1) ?? null;
  }
  if (!decisions) return;
  // What is planned accounts for its decisions and is not found again; what is decided meanwhile is found the next time.
  for (const seen = new Set<string>(); ; ) {
    const page = await conflicts.unplanned(id, PAGE);
    const fresh = page.filter((ref) => !seen.has(entityId(ref)));
    if (fresh.length === 0) return;
    yield fresh;
    for (const ref of fresh) seen.add(entityId(ref));
  }
}
