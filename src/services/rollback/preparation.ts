import { ahead, both } from '../../core/ahead.ts';
import { planHasher } from '../../core/plan-hash.ts';
import type { NewOperationEvent, OperationStep } from '../../ports/operation-store.ts';
import { writingStrategy } from '../strategies/strategies.ts';
import { closePlan } from './detection.ts';
import type { OperationRun } from './operation-run.ts';
import { planSchema } from './schema-restore.ts';

/** Conflicts that get an event of their own; the rest are counted in one. */
const SHOWN_CONFLICTS = 100;

/** Closes the plan, counts and hashes it, and cuts it into batches. Afterwards it can be shown, or executed. */
export async function prepare(run: OperationRun): Promise<void> {
  const { plans } = run.deps;
  if (run.operation.status === 'ANALYZING') await run.transit('DETECT', { progress: 30 });
  const { checkedSeq } = run.operation;
  await plans.renewStatistics();
  await planSchema(run);
  await closePlan(run, checkedSeq ?? 0n);
  await takeStock(run, { progress: 35, ...(await announce(run)) });
  const batchEnds = await writingStrategy(run.operation).cut(run, []);
  await run.advance({ progress: 40, batchEnds });
}

/** Says what the plan is by now. */
export async function takeStock(run: OperationRun, step: OperationStep = {}): Promise<void> {
  const [planHash, planSummary] = await both(hashPlan(run), run.deps.plans.summary(run.operation.id));
  await run.advance({ ...step, planHash, planSummary, recount: true });
}

/** The identity of what is pending now. */
export async function hashPlan({ deps, operation }: OperationRun): Promise<string> {
  const hasher = planHasher();
  for await (const page of ahead(deps.plans.hashRows(operation.id))) for (const row of page) hasher.add(row);
  return hasher.digest();
}

/**
 * One event for each conflict that has none yet, up to a bound: what it is, or whose remembered decision was applied to it. To be part of
 * one step.
 */
export async function announce({ deps, operation }: OperationRun): Promise<Required<Announcement>> {
  const { id, announcedConflict } = operation;
  const found = await deps.plans.conflicts(id, announcedConflict, SHOWN_CONFLICTS + 1);
  const events = found.slice(0, SHOWN_CONFLICTS).map(
    ({ id: conflictId, explanation: message, rememberedFrom }): NewOperationEvent =>
      rememberedFrom === null
        ? { type: 'CONFLICT_DETECTED', message, conflictId }
        : {
            type: 'CONFLICT_RESOLVED',
            message: `Decided as ${rememberedFrom} had done before: ${message}`,
            conflictId,
          },
  );
  if (found.length > SHOWN_CONFLICTS) events.push({ type: 'CONFLICT_DETECTED', message: 'There are more conflicts.' });
  const last = found.length > SHOWN_CONFLICTS ? await deps.plans.lastConflict(id) : found.at(-1)?.no;
  return { events, announcedConflict: last ?? announcedConflict };
}

type Announcement = Pick<OperationStep, 'events' | 'announcedConflict'>;
