import { PgBoss } from 'pg-boss';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { PostgresStore } from './postgres-store.ts';

export interface PgBossQueueOptions {
  /** How often other instances' jobs are looked for, in seconds. Jobs sent here start at once. */
  readonly pollSeconds?: number;
  /** How often a failing job is tried again. */
  readonly retries?: number;
  /** Told of what went wrong in the background. */
  readonly onError?: (error: Error) => void;
}

interface Handler {
  readonly workerIds: readonly string[];
}

/** A job that takes longer is given to another worker; handlers must fence themselves. */
const EXPIRE_SECONDS = 6 * 3600;

/**
 * Jobs on the PostgreSQL that is there anyway, over its one pool or its one PGlite connection. At most one job with the same id waits
 * in a queue at a time, so sending again what waits already costs nothing.
 */
export class PgBossQueue implements JobQueue {
  readonly #boss: PgBoss;
  readonly #options: Required<Pick<PgBossQueueOptions, 'pollSeconds' | 'retries'>>;
  readonly #handlers = new Map<string, Handler>();
  readonly #queues = new Map<string, Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  #stopping = false;

  constructor(store: PostgresStore, options: PgBossQueueOptions = {}) {
    this.#options = { pollSeconds: options.pollSeconds ?? 2, retries: options.retries ?? 5 };
    this.#boss = new PgBoss({
      ...store.queueDatabase(),
      schema: 'palinode_jobs',
      schedule: false,
      supervise: true,
      reindex: false,
      monitorVacuum: false,
      registerInstance: false,
    });
    this.#boss.on('error', (error: unknown) => options.onError?.(toError(error)));
  }

  async start(): Promise<void> {
    await this.#boss.start();
  }

  async handle(queue: string, concurrency: number, work: (data: { id: string }) => Promise<void>): Promise<void> {
    await this.#ensure(queue);
    const workerIds: string[] = [];
    for (let n = 0; n < concurrency; n += 1) {
      const id = await this.#boss.work<{ id: string }>(
        queue,
        { pollingIntervalSeconds: this.#options.pollSeconds, batchSize: 1 },
        async ([job]) => {
          if (job !== undefined) await this.#run(queue, work, job.data);
        },
      );
      workerIds.push(id);
    }
    this.#handlers.set(queue, { workerIds: [...(this.#handlers.get(queue)?.workerIds ?? []), ...workerIds] });
  }

  async send(queue: string, data: { id: string }): Promise<void> {
    await this.#ensure(queue);
    await this.#boss.send(queue, data, { singletonKey: data.id });
    this.#wake(queue);
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    await this.#boss.stop({ graceful: graceMs > 0, timeout: Math.max(graceMs, 1000) });
    // A handler that outlived the grace still uses the database; whoever closes that next is given the same time again.
    await Promise.race([Promise.allSettled(this.#running), delay(graceMs)]);
  }

  async #run(queue: string, work: (data: { id: string }) => Promise<void>, data: { id: string }): Promise<void> {
    if (this.#stopping) throw new Error('stopping');
    const running = work(data);
    this.#running.add(running);
    await running.finally(() => {
      this.#running.delete(running);
      // There may be more: without this the next job waits for the next poll.
      this.#wake(queue);
    });
  }

  #wake(queue: string): void {
    for (const id of this.#handlers.get(queue)?.workerIds ?? []) this.#boss.notifyWorker(id);
  }

  #ensure(queue: string): Promise<void> {
    const known = this.#queues.get(queue);
    if (known !== undefined) return known;
    const created = this.#boss.createQueue(queue, {
      policy: 'short',
      retryLimit: this.#options.retries,
      retryDelay: 1,
      retryBackoff: true,
      retryDelayMax: 60,
      expireInSeconds: EXPIRE_SECONDS,
      deleteAfterSeconds: 3600,
    });
    this.#queues.set(queue, created);
    created.catch(() => this.#queues.delete(queue));
    return created;
  }
}

/** What fails in a worker comes as an object that has only the parts of an error. */
function toError(found: unknown): Error {
  if (found instanceof Error) return found;
  const { message, stack, ...parts } = Object(found);
  const error = new Error(typeof message === 'string' ? message : String(found), { cause: parts });
  if (typeof stack === 'string') error.stack = stack;
  return error;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
