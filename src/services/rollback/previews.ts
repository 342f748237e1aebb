import { OperationRun, type RollbackDependencies, UNWATCHED } from './operation-run.ts';
import { takeStock } from './preparation.ts';
import { replanAt } from './replanning.ts';

const LEASE_MS = 15_000;

/** Takes decisions about a finished preview into its plan, under a lease of its own. Whoever holds the lease does it otherwise. */
export async function planDecidedPreview(deps: RollbackDependencies, id: string): Promise<void> {
  // What is decided while this one holds the lease is found once it has been given back.
  do {
    const acquired = await deps.operations.acquire(id, deps.keys.next(), LEASE_MS);
    if (acquired === null) return;
    const run = new OperationRun(deps, acquired, UNWATCHED);
    const renewal = setInterval(() => void run.renew(LEASE_MS).catch(() => {}), LEASE_MS / 3);
    try {
      await replanPreview(run);
    } finally {
      clearInterval(renewal);
      await deps.operations.release(run.lease).catch(() => {});
    }
  } while ((await deps.conflicts.unplanned(id, 1)).length > 0);
}

/**
 * The plan of a finished preview with what was decided about it since, as of the moment that it was checked against: only decisions
 * change it, and what the graph has become is seen when it is executed.
 */
export async function replanPreview(run: OperationRun): Promise<void> {
  const { conflicts } = run.deps;
  do {
    await replanAt(run, run.operation.checkedSeq ?? 0n);
    await takeStock(run);
  } while ((await conflicts.unplanned(run.operation.id, 1)).length > 0);
}
