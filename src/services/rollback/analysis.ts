import { ahead, worked } from '../../core/ahead.ts';
import type { EntityRef } from '../../core/entities.ts';
import type { DiffPosition } from '../../ports/history.ts';
import type { NewConflict, PlanRow } from '../../ports/plan-store.ts';
import { EntityPlanner, type PlanRequest } from './entity-planner.ts';
import type { OperationRun } from './operation-run.ts';
import { decide } from './plan-decisions.ts';
import { StandingConflicts, storeConflicts } from './standing-conflicts.ts';

/** Entities in one page of planning. */
const PAGE = 2500;
/** Pages: what one needs of history is read while another is thought about. */
const PLANNED_AT_A_TIME = 2;
/** Entities over which a tenth of the progress that is left goes by. */
const REPORT_PAGE = 5000;
/** Progress is reported at most this often. */
const REPORT_MS = 500;
const LAST_PROGRESS = 30;

/**
 * Freezes the undo set at the head and plans every entity that it touched. Whatever an earlier try had planned is forgotten, but not its
 * head: the set ends there, so that all that was written since counts as others', as after any other plan.
 * @returns false when there is nothing to take back
 */
export async function analyze(run: OperationRun): Promise<boolean> {
  const { deps, lease } = run;
  if (run.operation.status === 'ROLLBACK_INITIATED') {
    await run.transit('ANALYZE', { progress: 1 });
  }
  const { graphId, targetSeq, undo } = run.operation;
  const now = await run.fence();
  const isAgain = run.operation.headSeq !== null;
  const head = run.operation.headSeq ?? now.seq;
  const set = { selector: undo.selector, from: undo.from ?? 0n, until: lesser(undo.until, head) };
  await deps.plans.renewStatistics();
  const extent = await deps.history.extentOf(graphId, set);
  const start = targetSeq ?? (extent === null ? head : extent.first - 1n);
  if (isAgain) await deps.plans.reset(lease);
  await run.advance({
    undoUntil: set.until,
    startSeq: start,
    headSeq: head,
    checkedSeq: head,
    ...(!isAgain && { epoch: now.epoch }),
    announcedConflict: 0n,
    logs: [{ level: 'INFO', message: startMessage(extent?.transactions ?? 0n, start, head) }],
  });
  if (extent === null) return false;
  await planTouched(run, head, { again: false });
  return true;
}

/** The request that an operation's entities are planned by, once it is analysed. */
export function planRequest({ operation, undoSet }: OperationRun): PlanRequest {
  return { graphId: operation.graphId, undo: undoSet, from: operation.startSeq ?? 0n, scope: operation.scope };
}

/**
 * Plans every entity that the undo set touched, as the graph is at `head`. `again`: the operation has conflicts already, and those that are
 * found again keep their decisions.
 * @returns how many rows there are
 */
export async function planTouched(run: OperationRun, head: bigint, { again }: { again: boolean }): Promise<number> {
  const { deps } = run;
  const planner = new EntityPlanner(deps, planRequest(run));
  let reported = performance.now();
  let looked = 0;
  let planned = 0;
  // Pages are stored in their order while the next ones are being read and planned.
  let stored = Promise.resolve();
  try {
    const pages = worked(ahead(touchedPages(run)), PLANNED_AT_A_TIME, (refs) =>
      planPage(run, planner, refs, head, again),
    );
    for await (const page of pages) {
      run.checkpoint();
      await stored;
      stored = page.store();
      stored.catch(() => {});
      planned += page.rows;
      looked += page.looked;
      if (again || performance.now() - reported < REPORT_MS) continue;
      reported = performance.now();
      // How many there are is not known before the last page: each one covers part of what is left.
      const progress = LAST_PROGRESS * (1 - 0.9 ** (looked / REPORT_PAGE));
      await run.advance({
        progress: Math.floor(progress),
        events: [{ type: 'PROGRESS', message: `${looked} entities looked at` }],
      });
    }
  } finally {
    await stored;
  }
  return planned;
}

async function* touchedPages({ deps, operation, undoSet }: OperationRun): AsyncGenerator<readonly EntityRef[]> {
  for (let after: DiffPosition | undefined; ; ) {
    const page = await deps.history.touchedBy(operation.graphId, undoSet, { limit: PAGE, after });
    yield page.items.map(({ position: { kind, key } }): EntityRef => ({ kind, key }));
    after = page.items.at(-1)?.position;
    if (!page.hasMore || after === undefined) return;
  }
}

interface PlannedPage {
  /** Entities that were looked at. */
  readonly looked: number;
  readonly rows: number;
  store(): Promise<void>;
}

async function planPage(
  run: OperationRun,
  planner: EntityPlanner,
  refs: readonly EntityRef[],
  head: bigint,
  again: boolean,
): Promise<PlannedPage> {
  if (refs.length === 0) return { looked: 0, rows: 0, store: async () => {} };
  const standing = await (again ? StandingConflicts.of(run, refs) : StandingConflicts.none(run));
  const rows: PlanRow[] = [];
  const conflicts: NewConflict[] = [];
  for (const entity of await planner.plan(refs, head)) {
    const decided = decide(entity, standing.settlePlanned, run.deps.keys);
    const { row } = decided;
    // What is absent by now and was there at the plan's head was removed by others, which the proof has to know.
    if (row !== null && (again || !staysAbsent(row))) rows.push({ ...row, replanned: again });
    conflicts.push(...decided.conflicts);
  }
  return {
    looked: refs.length,
    rows: rows.length,
    store: async () => {
      await storeConflicts(run, standing, conflicts, rows);
    },
  };
}

function staysAbsent({ state, before }: PlanRow): boolean {
  return state === 'ALREADY_SO' && before === null;
}

function startMessage(transactions: bigint, start: bigint, head: bigint): string {
  const what = transactions === 1n ? '1 transaction' : `${transactions} transactions`;
  return `Planning: ${what} to take back between ${start} and ${head}`;
}

function lesser(a: bigint | null, b: bigint): bigint {
  return a === null || a > b ? b : a;
}
