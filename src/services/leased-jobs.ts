import { isRetryable, isUnavailable } from '../ports/database.ts';
import type { JobQueue } from '../ports/job-queue.ts';
import type { Keys } from '../ports/keys.ts';
import { HandOver } from './rollback/operation-run.ts';

/** Jobs that are queued or looked through at a time. */
export const SWEEP_LIMIT = 100;

/** Another instance has taken the work over, or nobody is to have what comes of it any more. */
export class TurnLost extends Error {
  override readonly name = 'TurnLost';
}

/** Records of work, each leased to the instance that does it. */
export interface LeasedRecords<Item> {
  /** Null when it has ended, or another's lease is alive. */
  acquire(id: string, holder: string, ttlMs: number): Promise<Item | null>;
  release(id: string, holder: string): Promise<void>;
  /** Lets go of every lease: for a database that no other process can have open. */
  forgetLeases(): Promise<void>;
  /** What should be done and nobody does. */
  abandoned(limit: number): Promise<readonly string[]>;
}

/** Work on one record while this instance holds its lease. */
export interface Turn {
  /** @throws TurnLost; HandOver when this instance stops */
  complete(): Promise<void>;
  /** Keeps the lease alive. */
  renew(): Promise<void>;
  /** Ends the record: trying again would not help. */
  fail(error: unknown): Promise<void>;
}

export interface LeaseTerms {
  readonly holder: string;
  readonly leaseMs: number;
  /** Aborted when this instance stops. */
  readonly signal: AbortSignal;
}

export interface LeasedJobsOptions {
  /** Names this process; leases carry it. */
  readonly holder: string;
  readonly leaseMs?: number;
  /** How often work that nobody does, and what is left over of it, is looked for. */
  readonly sweepMs?: number;
  /** Whether no other process can have the database open, so that every lease found at the start is a dead one's. */
  readonly alone?: boolean;
  readonly onError?: (error: unknown, id: string) => void;
}

interface Kind<Item> {
  readonly queueName: string;
  readonly queue: Pick<JobQueue, 'handle' | 'send'>;
  readonly keys: Keys;
  readonly records: LeasedRecords<Item>;
  /** Null when there is nothing to be done for the record any more. */
  turn(item: Item, lease: LeaseTerms): Promise<Turn | null>;
  /** Removes what is left over. */
  tidy(): Promise<void>;
}

/** Work of one kind that any instance does, one record at a time, and that is taken over from an instance that has stopped. */
export class LeasedJobs<Item> {
  readonly #kind: Kind<Item>;
  readonly #options: Required<LeasedJobsOptions>;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(kind: Kind<Item>, options: LeasedJobsOptions) {
    this.#kind = kind;
    this.#options = { leaseMs: 15_000, sweepMs: 10_000, alone: false, onError: () => {}, ...options };
  }

  /** To be called after the queue's start. */
  async start(): Promise<void> {
    const { queue, queueName, records } = this.#kind;
    if (this.#options.alone) await records.forgetLeases();
    await queue.handle(queueName, 1, ({ id }) => this.run(id));
    const sweep = (): void =>
      void this.#track(this.sweep()).catch((error: unknown) => this.#options.onError(error, ''));
    sweep();
    this.#sweep = setInterval(sweep, this.#options.sweepMs).unref();
  }

  /** Hands work under way over, and ends a sweep. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    this.#stopping.abort();
    await Promise.allSettled(this.#running);
  }

  /** Queues what nobody does, and removes what is left over. */
  async sweep(): Promise<void> {
    const { records, queue, queueName, tidy } = this.#kind;
    for (const id of await records.abandoned(SWEEP_LIMIT)) await queue.send(queueName, { id });
    await tidy();
  }

  /** Has a record worked on that is stored as begun: should the queue refuse it, the next sweep finds it. */
  async announce(id: string): Promise<void> {
    await this.#kind.queue.send(this.#kind.queueName, { id }).catch(() => {});
  }

  async run(id: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await this.#track(this.#run(id));
  }

  /** Waited for when this instance stops. */
  #track(work: Promise<void>): Promise<void> {
    this.#running.add(work);
    return work.finally(() => this.#running.delete(work));
  }

  async #run(id: string): Promise<void> {
    const { records, keys } = this.#kind;
    const { leaseMs, onError } = this.#options;
    // Every turn has a holder of its own, so that one that was thought dead cannot pass for its successor in the same process.
    const holder = `${this.#options.holder}:${keys.next()}`;
    const item = await records.acquire(id, holder, leaseMs);
    const lease = { holder, leaseMs, signal: this.#stopping.signal };
    const turn = item === null ? null : await this.#kind.turn(item, lease);
    if (turn === null) return;
    const renewal = setInterval(() => void turn.renew().catch(() => {}), leaseMs / 3);
    try {
      await turn.complete();
    } catch (error) {
      if (error instanceof TurnLost) return onError(error, id);
      if (error instanceof HandOver) return records.release(id, holder);
      if (isRetryable(error) || isUnavailable(error)) {
        await records.release(id, holder).catch(() => {});
        throw error;
      }
      onError(error, id);
      await turn.fail(error);
    } finally {
      clearInterval(renewal);
    }
  }
}
