import { PalinodeError } from '../core/errors.ts';
import { isFinalOperation } from '../core/states.ts';
import { isRetryable, isUnavailable } from '../ports/database.ts';
import { GraphError } from '../ports/graph-error.ts';
import type { JobQueue } from '../ports/job-queue.ts';
import { StaleTokenError } from '../ports/knowledge-graph.ts';
import { LeaseLostError } from '../ports/operation-store.ts';
import { analyze } from './rollback/analysis.ts';
import { aborts, end } from './rollback/ending.ts';
import { execute } from './rollback/execution.ts';
import { HandOver, OperationRun, OperationStop, type RollbackDependencies } from './rollback/operation-run.ts';
import { hashPlan, prepare } from './rollback/preparation.ts';
import { prove } from './rollback/proof.ts';
import { takeOver } from './rollback/rehearsed.ts';
import { changesSchema } from './rollback/schema-restore.ts';

export const ROLLBACK_QUEUE = 'rollback';

export interface RollbackRunnerOptions {
  /** Names this process; leases carry it. */
  readonly holder: string;
  readonly leaseMs?: number;
  /** How often operations that nobody runs are looked for. */
  readonly sweepMs?: number;
  readonly concurrency?: number;
  /** Whether no other process can have the database open, so that every lease found at the start is a dead one's. */
  readonly alone?: boolean;
  /** Told of errors that end no operation: what runs here will be taken up again. */
  readonly onError?: (error: unknown, operationId: string) => void;
}

const SWEEP_LIMIT = 100;

/** Runs operations: takes their lease, goes through the phases, and ends them. Any number of instances may run at once. */
export class RollbackRunner {
  readonly #deps: RollbackDependencies;
  readonly #queue: JobQueue;
  readonly #options: Required<RollbackRunnerOptions>;
  readonly #stopping = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(deps: RollbackDependencies, queue: JobQueue, options: RollbackRunnerOptions) {
    this.#deps = deps;
    this.#queue = queue;
    this.#options = {
      leaseMs: 15_000,
      sweepMs: 5000,
      concurrency: 2,
      alone: false,
      onError: () => {},
      ...options,
    };
  }

  /** To be called after the queue's start. */
  async start(): Promise<void> {
    if (this.#options.alone) await this.#deps.operations.forgetLeases();
    await this.#queue.handle(ROLLBACK_QUEUE, this.#options.concurrency, ({ id }) => this.run(id));
    await this.sweep();
    this.#sweep = setInterval(() => {
      this.sweep().catch((error: unknown) => this.#options.onError(error, ''));
    }, this.#options.sweepMs).unref();
  }

  /** Queues operations that should be running and that nobody runs. */
  async sweep(): Promise<void> {
    for (const id of await this.#deps.operations.abandoned(SWEEP_LIMIT)) {
      if (!this.#running.has(id)) await this.#queue.send(ROLLBACK_QUEUE, { id });
    }
  }

  /** Lets running batches end and hands their operations over. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    this.#stopping.abort();
    await Promise.allSettled(this.#running.values());
  }

  /** Runs an operation as far as it goes. Does nothing when another instance does, or when it has ended. */
  async run(id: string): Promise<void> {
    if (this.#running.has(id) || this.#stopping.signal.aborted) return;
    const running = this.#run(id);
    this.#running.set(id, running);
    await running.finally(() => this.#running.delete(id));
  }

  async #run(id: string): Promise<void> {
    const { holder, leaseMs } = this.#options;
    const acquired = await this.#deps.operations.acquire(id, holder, leaseMs);
    if (acquired === null) return;
    const run = new OperationRun(this.#deps, acquired, this.#stopping.signal);
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
    const { status, rehearsalOfId } = run.operation;
    if (status !== 'ROLLBACK_INITIATED') {
      await run.advance({ events: [{ type: 'RESUMED' }], logs: [{ level: 'WARN', message: `Resumed in ${status}` }] });
    }
    run.checkpoint();
    if (run.operation.status !== 'EXECUTING') {
      if (rehearsalOfId !== null) await takeOver(run, rehearsalOfId);
      else if (!(await analyze(run)) && !run.operation.includeSchema)
        return end(run, 'DONE', null, { planHash: await hashPlan(run) });
      await prepare(run);
      if (await this.#endsWithItsPlan(run)) return;
    }
    await execute(run);
    const proof = await prove(run);
    if (proof.matches) return end(run, 'DONE', null, { proof });
    const message = 'the graph is not what the rollback should have made it: see the differences of the proof';
    await end(run, 'FAILED', message, { proof });
  }

  /** A preview, a plan without writes, and one that needs a decision which nobody can make end here. */
  async #endsWithItsPlan(run: OperationRun): Promise<boolean> {
    const { operation, deps } = run;
    if (operation.dryRun) {
      await end(run, 'DONE', null);
      return true;
    }
    const open = await deps.plans.openConflicts(operation.id);
    if (open.count > 0n) {
      const what = open.count === 1n ? '1 conflict needs' : `${open.count} conflicts need`;
      const message = `${what} a decision, nothing was written. The first: ${open.first}`;
      await end(run, aborts(operation.policy, open) ? 'ABORTED' : 'INTERRUPTED', message);
      return true;
    }
    if (operation.counts.planned > 0n || changesSchema(run)) return false;
    // Something may have been left out all the same, which only an execution can end with.
    if (operation.counts.skipped > 0n) await run.advance({ status: run.after('EXECUTE') });
    await end(run, 'DONE', null);
    return true;
  }

  async #stopped(run: OperationRun, error: unknown): Promise<void> {
    const { operations } = this.#deps;
    const { id, status } = run.operation;
    if (error instanceof LeaseLostError || error instanceof StaleTokenError || isFinalOperation(status)) {
      this.#options.onError(error, id);
      return;
    }
    if (error instanceof HandOver) return operations.release(run.lease);
    if (error instanceof OperationStop) return end(run, error.why, error.message);
    if (isRetryable(error) || isUnavailable(error) || (error instanceof GraphError && error.retryable)) {
      await operations.release(run.lease).catch(() => {});
      throw error;
    }
    this.#options.onError(error, id);
    const message = error instanceof PalinodeError ? error.message : `unexpected: ${String(error)}`;
    await end(run, 'FAILED', message);
  }
}
