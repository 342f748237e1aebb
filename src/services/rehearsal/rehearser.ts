import { LimitError, NotFoundError, StateError } from '../../core/errors.ts';
import type { ConflictStore } from '../../ports/conflict-store.ts';
import { isRetryable, isUnavailable } from '../../ports/database.ts';
import type { EventBus } from '../../ports/event-bus.ts';
import type { History } from '../../ports/history.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Keys } from '../../ports/keys.ts';
import type { OperationRecord, OperationStore } from '../../ports/operation-store.ts';
import type { PlanStore } from '../../ports/plan-store.ts';
import type { RehearsalStore } from '../../ports/rehearsal-store.ts';
import type { ScratchGraphs } from '../../ports/scratch-graphs.ts';
import { auditFact } from '../audit-facts.ts';
import type * as contract from '../contract.ts';
import type { GraphRegistry } from '../graph-registry.ts';
import type { Idempotency } from '../idempotency.ts';
import type { MomentResolver } from '../moment-resolver.ts';
import { HandOver } from '../rollback/operation-run.ts';
import { RehearsalLost, RehearsalRun } from './rehearsal-run.ts';

const REHEARSAL_QUEUE = 'rehearsal';
/** The largest plan that is rehearsed, in entities: the copy takes room beside the graph. */
export const MAX_REHEARSED = 1_000_000n;
const SWEEP_LIMIT = 100;

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

export interface RehearserOptions {
  /** Names this process; leases carry it. */
  readonly holder: string;
  readonly leaseMs?: number;
  /** How often rehearsals that nobody runs, and scratch graphs of none, are looked for. */
  readonly sweepMs?: number;
  /** Whether no other process can have the database open, so that every lease found at the start is a dead one's. */
  readonly alone?: boolean;
  readonly onError?: (error: unknown, rehearsalId: string) => void;
}

/** Tries plans out on scratch copies of what they touch. */
export class Rehearser implements contract.Rehearser {
  readonly #deps: RehearserDependencies;
  readonly #options: Required<RehearserOptions>;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(deps: RehearserDependencies, options: RehearserOptions) {
    this.#deps = deps;
    this.#options = { leaseMs: 15_000, sweepMs: 10_000, alone: false, onError: () => {}, ...options };
  }

  /** To be called after the queue's start. */
  async start(): Promise<void> {
    const { queue, rehearsals } = this.#deps;
    if (this.#options.alone) await rehearsals.forgetLeases();
    await queue.handle(REHEARSAL_QUEUE, 1, ({ id }) => this.run(id));
    await this.sweep();
    this.#sweep = setInterval(() => {
      this.sweep().catch((error: unknown) => this.#options.onError(error, ''));
    }, this.#options.sweepMs).unref();
  }

  /** Queues rehearsals that nobody runs, and removes scratch graphs that belong to none. */
  async sweep(): Promise<void> {
    const { rehearsals, scratches, queue } = this.#deps;
    for (const id of await rehearsals.abandoned(SWEEP_LIMIT)) await queue.send(REHEARSAL_QUEUE, { id });
    // Names are noted before scratch graphs are made, so one that is there and not noted is left over.
    const names = await scratches.names(SWEEP_LIMIT);
    if (names.length === 0) return;
    const used = await rehearsals.inUse(names);
    for (const name of names) if (!used.has(name)) await scratches.remove(name);
  }

  /** Hands rehearsals under way over. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    this.#stopping.abort();
    await Promise.allSettled(this.#running);
  }

  /** A preview has one rehearsal at a time: asking again while it runs returns that one. */
  async begin(caller: contract.Caller, { idempotencyKey: key, id }: contract.RehearseInput): Promise<string> {
    const { operations, rehearsals, idempotency, queue } = this.#deps;
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
      // It is stored: should the queue refuse, the next sweep finds it.
      await queue.send(REHEARSAL_QUEUE, { id: running ?? attempt.id }).catch(() => {});
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

  async run(id: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const running = this.#run(id);
    this.#running.add(running);
    await running.finally(() => this.#running.delete(running));
  }

  async #run(id: string): Promise<void> {
    const { rehearsals, operations, keys } = this.#deps;
    const { leaseMs, onError } = this.#options;
    // Every turn has a holder of its own, so that one that was thought dead cannot pass for its successor in the same process.
    const holder = `${this.#options.holder}:${keys.next()}`;
    const rehearsal = await rehearsals.acquire(id, holder, leaseMs);
    const operation = rehearsal === null ? null : await operations.get(rehearsal.operationId);
    if (rehearsal === null || operation === null) return;
    const run = new RehearsalRun(this.#deps, rehearsal, operation, holder, this.#stopping.signal);
    const renewal = setInterval(() => void run.renew(leaseMs).catch(() => {}), leaseMs / 3);
    try {
      await run.complete();
    } catch (error) {
      if (error instanceof RehearsalLost) return onError(error, id);
      if (error instanceof HandOver) return rehearsals.release(id, holder);
      if (isRetryable(error) || isUnavailable(error)) {
        await rehearsals.release(id, holder).catch(() => {});
        throw error;
      }
      onError(error, id);
      await run.fail(error);
    } finally {
      clearInterval(renewal);
    }
  }
}
