import { type NewOperationEvent, UnsettledError } from '../../ports/operation-store.ts';
import type { OpenConflicts } from '../../ports/plan-store.ts';
import { writingStrategy } from '../strategies/strategies.ts';
import { takeMarker } from './batch.ts';
import { aborts } from './ending.ts';
import { type OperationRun, OperationStop, Waits } from './operation-run.ts';
import { takeStock } from './preparation.ts';
import { replan } from './replanning.ts';

/**
 * Conflicts are open: the policy ends the operation, or it waits for a person. Waiting, it holds no lease, so that nothing of it is in any
 * process.
 * @throws OperationStop, or Waits once the operation waits
 */
export async function ask(run: OperationRun, open: OpenConflicts): Promise<never> {
  assertNotAborted(run, open);
  const message = `${counted(open)} a decision. The first: ${open.first}`;
  await run.transit('ASK', {
    release: true,
    events: [{ type: 'WAITING', message }],
    logs: [{ level: 'INFO', message: `Waiting: ${message}` }],
  });
  throw new Waits(message);
}

/**
 * An operation that waits is taken up: what others changed is planned again, and once nothing is open the decisions are taken into the plan
 * and the operation goes on, after the batches that were written before it waited.
 * @throws Waits while something is open
 */
export async function goOn(run: OperationRun): Promise<void> {
  const { plans } = run.deps;
  for (;;) {
    run.checkpoint();
    const before = await plans.openConflicts(run.operation.id);
    await replan(run, { decisions: before.count === 0n });
    const open = await plans.openConflicts(run.operation.id);
    if (open.count > 0n) await waitOn(run, before, open);
    if (before.count === 0n && (await execution(run))) return;
  }
}

async function waitOn(run: OperationRun, before: OpenConflicts, open: OpenConflicts): Promise<never> {
  assertNotAborted(run, open);
  const message = `${counted(open)} a decision. The first: ${open.first}`;
  const events: NewOperationEvent[] = open.count > before.count ? [{ type: 'WAITING', message }] : [];
  await run.advance({ release: true, events });
  throw new Waits(message);
}

/** @returns false when something was decided, or is open, since the plan was made: the step is refused then */
async function execution(run: OperationRun): Promise<boolean> {
  const isUntouched = run.operation.safetyPointId === null;
  const written = isUntouched ? 0n : await takeMarker(run);
  if (isUntouched) await takeStock(run);
  const batchEnds = await writingStrategy(run.operation).cut(run, run.operation.batchEnds.slice(0, Number(written)));
  try {
    await run.transit('EXECUTE', {
      batchEnds,
      whenSettled: true,
      progress: 40,
      events: [{ type: 'RESUMED', message: 'Every conflict is decided' }],
      logs: [{ level: 'INFO', message: 'Every conflict is decided: going on' }],
    });
    return true;
  } catch (error) {
    if (error instanceof UnsettledError) return false;
    throw error;
  }
}

/** @throws OperationStop */
function assertNotAborted(run: OperationRun, open: OpenConflicts): void {
  if (!aborts(run.operation.policy, open)) return;
  const wrote = run.operation.counts.applied > 0n ? '' : ', nothing was written';
  throw new OperationStop('ABORTED', `${counted(open)} a decision${wrote}. The first: ${open.first}`);
}

function counted({ count }: OpenConflicts): string {
  return count === 1n ? '1 conflict needs' : `${count} conflicts need`;
}
