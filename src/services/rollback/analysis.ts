import type { EntityRef } from '../../core/entities.ts';
import type { DiffPosition } from '../../ports/history.ts';
import type { NewConflict, PlanRow } from '../../ports/plan-store.ts';
import { ahead } from '../ahead.ts';
import { EntityPlanner, type PlanRequest } from './entity-planner.ts';
import type { OperationRun } from './operation-run.ts';
import { decide } from './plan-decisions.ts';

/** Entities in one page of planning. */
const PAGE = 2500;
/** Entities over which a tenth of the progress that is left goes by. */
const REPORT_PAGE = 5000;
/** Progress is reported at most this often. */
const REPORT_MS = 500;
const LAST_PROGRESS = 30;

/**
 * Freezes the undo set at the head and plans every entity that it touched. Whatever an earlier try had planned is forgotten.
 * @returns false when there is nothing to take back
 */
export async function analyze(run: OperationRun): Promise<boolean> {
  const { deps, lease } = run;
  if (run.operation.status === 'ROLLBACK_INITIATED') {
    await run.advance({ status: run.after('ANALYZE'), progress: 1, events: [{ type: 'PHASE' }] });
  }
  const { graphId, targetSeq, undo } = run.operation;
  const head = await run.fence();
  const set = { selector: undo.selector, from: undo.from ?? 0n, until: lesser(undo.until, head.seq) };
  await deps.plans.renewStatistics();
  const extent = await deps.history.extentOf(graphId, set);
  const start = targetSeq ?? (extent === null ? head.seq : extent.first - 1n);
  if (run.operation.headSeq !== null) await deps.plans.reset(lease);
  await run.advance({
    undoUntil: set.until,
    startSeq: start,
    headSeq: head.seq,
    checkedSeq: head.seq,
    epoch: head.epoch,
    logs: [{ level: 'INFO', message: startMessage(extent?.transactions ?? 0n, start, head.seq) }],
  });
  if (extent === null) return false;
  await planTouched(run, head.seq);
  return true;
}

/** The request that an operation's entities are planned by, once it is analysed. */
export function planRequest({ operation, undoSet }: OperationRun): PlanRequest {
  return { graphId: operation.graphId, undo: undoSet, from: operation.startSeq ?? 0n, scope: operation.scope };
}

async function planTouched(run: OperationRun, head: bigint): Promise<void> {
  const { deps, operation } = run;
  const planner = new EntityPlanner(deps, planRequest(run));
  let reported = performance.now();
  let planned = 0;
  // Pages are stored in their order while the next ones are being read and planned.
  let stored = Promise.resolve();
  try {
    for await (const refs of ahead(touchedPages(run))) {
      run.checkpoint();
      const rows: PlanRow[] = [];
      const conflicts: NewConflict[] = [];
      for (const entity of refs.length === 0 ? [] : await planner.plan(refs, head)) {
        const decided = decide(entity, operation.policy, deps.keys);
        if (decided.row !== null) rows.push(decided.row);
        conflicts.push(...decided.conflicts);
      }
      await stored;
      stored = store(run, rows, conflicts);
      stored.catch(() => {});
      planned += refs.length;
      if (performance.now() - reported < REPORT_MS) continue;
      reported = performance.now();
      // How many there are is not known before the last page: each one covers part of what is left.
      const progress = LAST_PROGRESS * (1 - 0.9 ** (planned / REPORT_PAGE));
      await run.advance({
        progress: Math.floor(progress),
        events: [{ type: 'PROGRESS', message: `${planned} entities looked at` }],
      });
    }
  } finally {
    await stored;
  }
}

async function* touchedPages({ deps, operation, undoSet }: OperationRun): AsyncGenerator<readonly EntityRef[]> {
  for (let after: DiffPosition | undefined; ; ) {
    const page = await deps.history.touchedBy(operation.graphId, undoSet, { limit: PAGE, after });
    yield page.items.map(({ position: { kind, key } }): EntityRef => ({ kind, key }));
    after = page.items.at(-1)?.position;
    if (!page.hasMore || after === undefined) return;
  }
}

async function store(
  { deps, lease }: OperationRun,
  rows: readonly PlanRow[],
  conflicts: readonly NewConflict[],
): Promise<void> {
  if (rows.length > 0) await deps.plans.put(lease, rows);
  if (conflicts.length > 0) await deps.plans.addConflicts(lease, conflicts);
}

function startMessage(transactions: bigint, start: bigint, head: bigint): string {
  const what = transactions === 1n ? '1 transaction' : `${transactions} transactions`;
  return `Planning: ${what} to take back between ${start} and ${head}`;
}

function lesser(a: bigint | null, b: bigint): bigint {
  return a === null || a > b ? b : a;
}
