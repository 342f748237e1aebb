import { planHasher } from '../../core/plan-hash.ts';
import type { NewOperationEvent } from '../../ports/operation-store.ts';
import { ahead } from '../ahead.ts';
import { closePlan } from './detection.ts';
import { type OperationRun, OperationStop } from './operation-run.ts';

/** Conflicts that get an event of their own; the rest are counted in one. */
const SHOWN_CONFLICTS = 100;
const DEFAULT_BATCH = 1000;
/** Beyond every group's number. */
export const LAST_GROUP = 2n ** 63n - 1n;

/** Closes the plan, counts and hashes it, and cuts it into batches. Afterwards it can be shown, or executed. */
export async function prepare(run: OperationRun): Promise<void> {
  const { plans } = run.deps;
  if (run.operation.status === 'ANALYZING') {
    await run.advance({ status: run.after('DETECT'), progress: 30, events: [{ type: 'PHASE' }] });
  }
  const { id, checkedSeq } = run.operation;
  await plans.renewStatistics();
  await closePlan(run, checkedSeq ?? 0n);
  const planHash = await hashPlan(run);
  await run.advance({
    progress: 35,
    planHash,
    planSummary: await plans.summary(id),
    recount: true,
    events: await conflictEvents(run, 0n),
  });
  const batchEnds = await cutBatches(run);
  await run.advance({ progress: 40, batchEnds });
}

/** The identity of what is pending now. */
export async function hashPlan({ deps, operation }: OperationRun): Promise<string> {
  const hasher = planHasher();
  for await (const page of ahead(deps.plans.hashRows(operation.id))) for (const row of page) hasher.add(row);
  return hasher.digest();
}

/** One event for each conflict found after number `after`, up to a bound. */
export async function conflictEvents({ deps, operation }: OperationRun, after: bigint): Promise<NewOperationEvent[]> {
  const found = await deps.plans.conflicts(operation.id, after, SHOWN_CONFLICTS + 1);
  const events = found.slice(0, SHOWN_CONFLICTS).map(
    ({ id: conflictId, explanation: message }): NewOperationEvent => ({
      type: 'CONFLICT_DETECTED',
      message,
      conflictId,
    }),
  );
  if (found.length > SHOWN_CONFLICTS) events.push({ type: 'CONFLICT_DETECTED', message: 'There are more conflicts.' });
  return events;
}

/** @throws OperationStop when what belongs together is more than one graph transaction may hold */
async function cutBatches(run: OperationRun): Promise<bigint[]> {
  const { operation, served, deps } = run;
  const { immediateLimit } = served.graph;
  const { planned } = operation.counts;
  if (planned === 0n) return [];
  if (operation.strategy === 'IMMEDIATE') {
    if (planned > BigInt(immediateLimit)) {
      const most = immediateLimit.toLocaleString('en');
      refuse(run, `${planned} changes are more than one transaction of this graph may hold (${most}): use GRADUAL`);
    }
    return [LAST_GROUP];
  }
  await deps.plans.group(run.lease);
  const target = operation.batchSize ?? Math.min(DEFAULT_BATCH, immediateLimit);
  const limit = operation.batchSize ?? immediateLimit;
  const ends: bigint[] = [];
  let size = 0;
  let last = 0n;
  for await (const page of deps.plans.groups(operation.id)) {
    for (const group of page) {
      if (group.size > limit) {
        refuse(
          run,
          `${group.size} changes belong together, more than a batch may hold (${limit}): raise batchSize or use IMMEDIATE`,
        );
      }
      if (size > 0 && size + group.size > target) {
        ends.push(last);
        size = 0;
      }
      size += group.size;
      last = group.group;
    }
  }
  return [...ends, LAST_GROUP];
}

/** A preview may be executed with another strategy, so only the real run fails. */
function refuse({ operation }: OperationRun, message: string): void {
  if (!operation.dryRun) throw new OperationStop('FAILED', message);
}
