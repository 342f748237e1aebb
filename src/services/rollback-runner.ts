import { CaptureError, PalinodeError } from '../core/errors.ts';
import { isFinalOperation } from '../core/states.ts';
import { isLocked, isRetryable, isUnavailable } from '../ports/database.ts';
import { GraphError } from '../ports/graph-error.ts';
import type { JobQueue } from '../ports/job-queue.ts';
import { StaleTokenError } from '../ports/knowledge-graph.ts';
import { LeaseLostError } from '../ports/operation-store.ts';
import { analyze } from './rollback/analysis.ts';
import type { BatchReader } from './rollback/batch-reader.ts';
import { end, forgetMarker } from './rollback/ending.ts';
import { catchUp, execute, readFirst, takeUp } from './rollback/execution.ts';
import { ROLLBACK_QUEUE } from './rollback/operation-control.ts';
import {
  HandOver,
  OperationRun,
  OperationStop,
  Paused,
  type RollbackDependencies,
  Waits,
} from './rollback/operation-run.ts';
import { hashPlan, prepare } from './rollback/preparation.ts';
import { replanPreview } from './rollback/previews.ts';
import { prove } from './rollback/proof.ts';
import { takeOver, takeOverRest } from './rollback/rehearsed.ts';
import { changesSchema } from './rollback/schema-restore.ts';
import { ask, goOn } from './rollback/waiting.ts';

export interface RollbackRunnerOptions {
  /** Names this process; leases carry it. */
  readonly holder: string;
  readonly leaseMs?: number;
  /** How often operations that nobody runs are looked for. */
  readonly sweepMs?: number;
  /** How long a waiting operation is left alone before it is planned again because the graph has moved on. */
  readonly refreshMs?: number;
  /** Operations at a time, besides those that hold to a rate. */
  readonly concurrency?: number;
  /** Whether no other process can have the database open, so that every lease found at the start is a dead one's. */
  readonly alone?: boolean;
  /** Told of errors that end no operation: what runs here will be taken up again. */
  readonly onError?: (error: unknown, operationId: string) => void;
}

const SWEEP_LIMIT = 100;
/** Waiting operations that a sweep has planned again because the graph moved on. */
const REFRESH_LIMIT = 10;
/** Operations that wait for their rate and leave their place to others. Each holds the next batch that it writes. */
const MOST_RESTING = 32;

/** Runs operations: takes their lease, goes through the phases, and ends them. Any number of instances may run at once. */
export class RollbackRunner {
  readonly #deps: RollbackDependencies;
  readonly #queue: JobQueue;
  readonly #options: Required<RollbackRunnerOptions>;
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  readonly #resting = new Set<string>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(deps: RollbackDependencies, queue: JobQueue, options: RollbackRunnerOptions) {
    this.#deps = deps;
    this.#queue = queue;
    this.#options = {
      leaseMs: 15_000,
      sweepMs: 5000,
      refreshMs: 15_000,
      concurrency: 2,
      alone: false,
      onError: () => {},
      ...options,
    };
  }

  /** To be called after the queue's start. */
  async start(): Promise<void> {
    if (this.#options.alone) await this.#deps.operations.forgetLeases();
    await this.#queue.handle(ROLLBACK_QUEUE, this.#options.concurrency, ({ id }) => this.#serve(id));
    await this.sweep();
    this.#sweep = setInterval(() => {
      this.sweep().catch((error: unknown) => this.#options.onError(error, ''));
    }, this.#options.sweepMs).unref();
  }

  /**
   * Queues operations that should be running and that nobody runs, and some that wait while the graph has moved on; removes markers that
   * died instances left.
   */
  async sweep(): Promise<void> {
    const { operations } = this.#deps;
    const ids = [
      ...(await operations.abandoned(SWEEP_LIMIT)),
      ...(await operations.outdated(REFRESH_LIMIT, this.#options.refreshMs)),
    ];
    for (const id of ids) if (!this.#running.has(id)) await this.#queue.send(ROLLBACK_QUEUE, { id });
    for (const ended of await operations.marked(SWEEP_LIMIT)) {
      // A graph that is not to be reached now is tried again by the next sweep.
      await forgetMarker(this.#deps, ended).catch((error: unknown) => this.#options.onError(error, ended.id));
    }
  }

  /** Lets running batches end and hands their operations over. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    this.#stopping.abort();
    await Promise.allSettled(this.#running.values());
  }

  /** Runs an operation as far as it goes. Does nothing when another instance does, or when it has ended. */
  async run(id: string, onRest = () => {}): Promise<void> {
    if (this.#running.has(id) || this.#stopping.signal.aborted) return;
    const running = this.#run(id, onRest);
    this.#running.set(id, running);
    await running.finally(() => this.#running.delete(id));
  }

  /**
   * Runs an operation until it first waits for its rate: that may take days, and is so little work that it needs no place of its own. From then
   * on a failure that passes is the sweep's to take up.
   */
  async #serve(id: string): Promise<void> {
    const rest = Promise.withResolvers<void>();
    const running = this.run(id, () => {
      if (this.#resting.size >= MOST_RESTING) return;
      this.#resting.add(id);
      rest.resolve();
    }).finally(() => this.#resting.delete(id));
    void rest.promise.then(() => running.catch((error: unknown) => this.#options.onError(error, id)));
    await Promise.race([running, rest.promise]);
  }

  async #run(id: string, onRest: () => void): Promise<void> {
    const { holder, leaseMs } = this.#options;
    const acquired = await this.#deps.operations.acquire(id, holder, leaseMs);
    if (acquired === null) return;
    const run = new OperationRun(this.#deps, acquired, { signal: this.#stopping.signal, onRest });
    const renewal = setInterval(() => void run.renew(leaseMs).catch(() => {}), leaseMs / 3);
    try {
      await this.#phases(run);
    } catch (error) {
      await this.#stopped(run, error);
    } finally {
      clearInterval(renewal);
    }
  }

  async #phases(run: OperationRun): Promise<void> {
    const { status } = run.operation;
    if (isFinalOperation(status)) {
      await replanPreview(run);
      return this.#deps.operations.release(run.lease);
    }
    if (status !== 'ROLLBACK_INITIATED' && status !== 'CONFLICT_RESOLUTION') {
      await run.advance({ events: [{ type: 'RESUMED' }], logs: [{ level: 'WARN', message: `Resumed in ${status}` }] });
    }
    run.checkpoint();
    let reader: BatchReader | null = null;
    if (status === 'CONFLICT_RESOLUTION') await goOn(run);
    else if (status === 'EXECUTING') await takeUp(run);
    else {
      reader = await this.#plan(run);
      if (reader === null) return;
    }
    const writes = run.operation.counts.planned > 0n || changesSchema(run);
    if (writes) await execute(run, reader ?? readFirst(run));
    const proof = writes ? await prove(run) : undefined;
    if (proof?.matches !== false) return end(run, 'DONE', null, proof === undefined ? {} : { proof });
    const message = 'the graph is not what the rollback should have made it: see the differences of the proof';
    await end(run, 'FAILED', message, { proof });
  }

  /** @returns what reads the plan for its execution; null when the operation has ended. @throws Waits when conflicts are open */
  async #plan(run: OperationRun): Promise<BatchReader | null> {
    const { rehearsalOfId, resumesId } = run.operation;
    if (rehearsalOfId !== null) await takeOver(run, rehearsalOfId);
    else if (resumesId !== null) await takeOverRest(run, resumesId);
    else if (!(await analyze(run)) && !run.operation.includeSchema) {
      await end(run, 'DONE', null, { planHash: await hashPlan(run) });
      return null;
    }
    await prepare(run);
    if (!run.operation.dryRun) {
      const open = await run.deps.plans.openConflicts(run.operation.id);
      if (open.count > 0n) await ask(run, open);
      // Nothing is to be written, but something may have been left out, which only an execution can end with.
      if (run.operation.counts.planned > 0n || run.operation.counts.skipped > 0n || changesSchema(run)) {
        const reader = readFirst(run);
        await run.transit('EXECUTE', { progress: 40, whenSettled: true });
        return reader;
      }
    }
    await end(run, 'DONE', null);
    return null;
  }

  async #stopped(run: OperationRun, error: unknown): Promise<void> {
    const { operations } = this.#deps;
    const { id, status } = run.operation;
    if (error instanceof LeaseLostError || error instanceof StaleTokenError) {
      this.#options.onError(error, id);
      return;
    }
    if (error instanceof Waits) return this.#afterWaiting(id);
    if (error instanceof HandOver || error instanceof Paused) return operations.release(run.lease);
    if (isFinalOperation(status)) {
      await operations.release(run.lease).catch(() => {});
      this.#options.onError(error, id);
      return;
    }
    if (error instanceof OperationStop) return this.#endEarly(run, error);
    if (passes(error)) {
      await operations.release(run.lease).catch(() => {});
      throw error;
    }
    this.#options.onError(error, id);
    const message = error instanceof PalinodeError ? error.message : `unexpected: ${String(error)}`;
    await this.#endEarly(run, new OperationStop('FAILED', message));
  }

  /** While the graph cannot be asked what is written, the operation stays as it is, to be taken up again. */
  async #endEarly(run: OperationRun, stop: OperationStop): Promise<void> {
    try {
      if (run.operation.safetyPointId !== null) await catchUp(run);
    } catch (error) {
      if (error instanceof OperationStop) return end(run, error.why, error.message);
      if (error instanceof LeaseLostError || error instanceof StaleTokenError)
        return this.#options.onError(error, run.operation.id);
      await this.#deps.operations.release(run.lease).catch(() => {});
      throw error;
    }
    await end(run, stop.why, stop.message);
  }

  /** Whoever decided the last conflict while this instance still had the lease could not take the operation up. */
  async #afterWaiting(id: string): Promise<void> {
    if ((await this.#deps.plans.openConflicts(id)).count === 0n) await this.#queue.send(ROLLBACK_QUEUE, { id });
  }
}

/** Whether the same run, taken up again, may succeed: then the error ends no operation. */
function passes(error: unknown): boolean {
  if (error instanceof GraphError) return error.retryable;
  if (error instanceof CaptureError) return error.passes;
  return isRetryable(error) || isUnavailable(error) || isLocked(error);
}
