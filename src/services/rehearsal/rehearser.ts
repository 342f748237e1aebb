import { LimitError, NotFoundError, StateError } from '../../core/errors.ts';
import type { ConflictStore } from '../../ports/conflict-store.ts';
import type { EventBus } from '../../ports/event-bus.ts';
import type { History } from '../../ports/history.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Keys } from '../../ports/keys.ts';
import type { OperationRecord, OperationStore } from '../../ports/operation-store.ts';
import type { PlanStore } from '../../ports/plan-store.ts';
import type { RehearsalRecord, RehearsalStore } from '../../ports/rehearsal-store.ts';
import type { ScratchGraphs } from '../../ports/scratch-graphs.ts';
import { auditFact } from '../audit-facts.ts';
import type * as contract from '../contract.ts';
import type { GraphRegistry } from '../graph-registry.ts';
import type { Idempotency } from '../idempotency.ts';
import { LeasedJobs, type LeasedJobsOptions, SWEEP_LIMIT } from '../leased-jobs.ts';
import type { MomentResolver } from '../moment-resolver.ts';
import { RehearsalRun } from './rehearsal-run.ts';

const REHEARSAL_QUEUE = 'rehearsal';
/** The largest plan that is rehearsed, in entities: the copy takes room beside the graph. */
export const MAX_REHEARSED = 1_000_000n;

export interface RehearserDependencies {
  readonly operations: Pick<OperationStore, 'get'>;
  readonly plans: Pick<PlanStore, 'planned' | 'rows' | 'writes' | 'groups' | 'openConflicts'>;
  readonly conflicts: Pick<ConflictStore, 'unplanned'>;
  readonly rehearsals: RehearsalStore;
  readonly scratches: ScratchGraphs;
  readonly history: Pick<History, 'statesAt' | 'incidentAt'>;
  readonly registry: GraphRegistry;
  readonly moments: Pick<MomentResolver, 'live'>;
  readonly idempotency: Idempotency;
  readonly queue: Pick<JobQueue, 'handle' | 'send'>;
  readonly bus: EventBus;
  readonly keys: Keys;
}

/** Tries plans out on scratch copies of what they touch. */
export class Rehearser implements contract.Rehearser {
  readonly #deps: RehearserDependencies;
  readonly #jobs: LeasedJobs<RehearsalRecord>;

  constructor(deps: RehearserDependencies, options: LeasedJobsOptions) {
    this.#deps = deps;
    const { queue, keys, rehearsals: records } = deps;
    this.#jobs = new LeasedJobs(
      {
        queueName: REHEARSAL_QUEUE,
        queue,
        keys,
        records,
        turn: async (rehearsal, lease) => {
          const operation = await deps.operations.get(rehearsal.operationId);
          return operation === null ? null : new RehearsalRun(deps, rehearsal, operation, lease);
        },
        tidy: () => this.#tidy(),
      },
      options,
    );
  }

  /** To be called after the queue's start. */
  start(): Promise<void> {
    return this.#jobs.start();
  }

  /** Hands rehearsals under way over. */
  stop(): Promise<void> {
    return this.#jobs.stop();
  }

  /** Queues rehearsals that nobody runs, and removes scratch graphs that belong to none. */
  sweep(): Promise<void> {
    return this.#jobs.sweep();
  }

  run(id: string): Promise<void> {
    return this.#jobs.run(id);
  }

  /** A preview has one rehearsal at a time: asking again while it runs returns that one. */
  async begin(caller: contract.Caller, { idempotencyKey: key, id }: contract.RehearseInput): Promise<string> {
    const { operations, rehearsals, idempotency } = this.#deps;
    const preview = await operations.get(id);
    if (preview === null) throw new NotFoundError(`there is no operation ${id}`);
    const call = { graph: `${preview.graphId}`, mutation: 'rehearseRollback', key, input: { id }, type: 'Rehearsal' };
    return idempotency.run(caller, call, async (attempt) => {
      const known = attempt.retried && (await rehearsals.get(attempt.id)) !== null;
      const running = known ? attempt.id : await rehearsals.running(id);
      if (running === null) {
        const planHash = await this.#checkPreview(preview);
        const { graphId, counts } = preview;
        const fact = auditFact(caller, 'REHEARSAL_STARTED', { operationId: id }, { rehearsal: attempt.id, planHash });
        const requestedBy = caller.actor;
        const created = { id: attempt.id, operationId: id, graphId, planHash, planned: counts.planned, requestedBy };
        await rehearsals.create(created, fact);
      }
      await this.#jobs.announce(running ?? attempt.id);
      return running ?? attempt.id;
    });
  }

  /** @throws StateError, LimitError, CaptureError */
  async #checkPreview(preview: OperationRecord): Promise<string> {
    const { id, status, dryRun, planHash, counts, graphId } = preview;
    if (!dryRun) throw new StateError(`operation ${id} is not a dry run`, status);
    if (status !== 'COMPLETED' || planHash === null) throw new StateError(`dry run ${id} is ${status}`, status);
    this.#deps.registry.get(graphId);
    const open = await this.#deps.plans.openConflicts(id);
    if (open.count > 0n)
      throw new StateError(`dry run ${id} has conflicts that are not decided: ${open.count}`, status);
    if ((await this.#deps.conflicts.unplanned(id, 1)).length > 0) {
      throw new StateError(`dry run ${id} is being planned with what was decided`, status);
    }
    if (counts.planned > MAX_REHEARSED) {
      throw new LimitError(`a plan of ${counts.planned} changes is too large to be rehearsed`, MAX_REHEARSED);
    }
    return planHash;
  }

  /** Names are noted before scratch graphs are made, so one that is there and not noted is left over. */
  async #tidy(): Promise<void> {
    const { rehearsals, scratches } = this.#deps;
    const names = await scratches.names(SWEEP_LIMIT);
    if (names.length === 0) return;
    const used = await rehearsals.inUse(names);
    for (const name of names) if (!used.has(name)) await scratches.remove(name);
  }
}
