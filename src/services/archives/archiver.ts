import { InvalidInputError, LimitError, NotFoundError, StateError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import type { ArchiveStore } from '../../ports/archive-store.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import { isRetryable, isUnavailable } from '../../ports/database.ts';
import type { EventBus } from '../../ports/event-bus.ts';
import type { History } from '../../ports/history.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Keys } from '../../ports/keys.ts';
import type { PointRecord, PointStore } from '../../ports/point-store.ts';
import { auditFact } from '../audit-facts.ts';
import type * as contract from '../contract.ts';
import type { Idempotency } from '../idempotency.ts';
import { isUsable } from '../moment-resolver.ts';
import { HandOver } from '../rollback/operation-run.ts';
import type { ScopeResolver } from '../scope-resolver.ts';
import { ArchiveLost, ArchiveRun, CHUNK_BYTES } from './archive-run.ts';
import { assertCompression } from './codec.ts';
import { ArchiveSource } from './source.ts';

const ARCHIVE_QUEUE = 'point-archive';
/** Archives of one point, each of another scope. */
export const MAX_ARCHIVES = 100;
/** Pages of each kind that are looked through while somebody waits, to find out whether a scope matches anything. */
const SCOPE_PAGES = 20;
const SWEEP_LIMIT = 100;
/** A put that adds nothing for so long is one that was interrupted. */
const UNFINISHED_MS = 3_600_000;

export interface ArchiverDependencies {
  readonly archives: ArchiveStore;
  readonly blobs: BlobStore;
  readonly points: Pick<PointStore, 'get' | 'setProgress'>;
  readonly history: Pick<History, 'scanAt' | 'statesAt' | 'graphsById'>;
  readonly scopes: Pick<ScopeResolver, 'neighbourhoods' | 'endLabels'>;
  readonly idempotency: Idempotency;
  readonly queue: Pick<JobQueue, 'handle' | 'send'>;
  readonly bus: EventBus;
  readonly keys: Keys;
  readonly clock: Clock;
}

export interface ArchiverOptions {
  /** Names this process; leases carry it. */
  readonly holder: string;
  readonly leaseMs?: number;
  /** How often archives that nobody writes, and blobs that nobody needs, are looked for. */
  readonly sweepMs?: number;
  readonly chunkBytes?: number;
  /** Whether no other process can have the database open, so that every lease found at the start is a dead one's. */
  readonly alone?: boolean;
  readonly onError?: (error: unknown, archiveId: string) => void;
}

/** Writes the state at a point into the blob store, and keeps there only what a point still needs. */
export class Archiver implements contract.Archiver {
  readonly #deps: ArchiverDependencies;
  readonly #options: Required<ArchiverOptions>;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #sweep: NodeJS.Timeout | undefined;

  constructor(deps: ArchiverDependencies, options: ArchiverOptions) {
    this.#deps = deps;
    this.#options = {
      leaseMs: 15_000,
      sweepMs: 10_000,
      chunkBytes: CHUNK_BYTES,
      alone: false,
      onError: () => {},
      ...options,
    };
  }

  /** To be called after the queue's start. */
  async start(): Promise<void> {
    if (this.#options.alone) await this.#deps.archives.forgetLeases();
    await this.#deps.queue.handle(ARCHIVE_QUEUE, 1, ({ id }) => this.run(id));
    const sweep = (): void => void this.sweep().catch((error: unknown) => this.#options.onError(error, ''));
    sweep();
    this.#sweep = setInterval(sweep, this.#options.sweepMs).unref();
  }

  /** Hands archives under way over. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    this.#stopping.abort();
    await Promise.allSettled(this.#running);
  }

  /** Queues archives that nobody writes, and removes what no point needs any more. */
  async sweep(): Promise<void> {
    const { archives, blobs, queue, bus } = this.#deps;
    for (const id of await archives.abandoned(SWEEP_LIMIT)) await queue.send(ARCHIVE_QUEUE, { id });
    const fact = auditFact(null, 'POINT_ARCHIVE_FREED', {});
    for (let freed = await archives.freeGone(SWEEP_LIMIT, fact); freed.length > 0; ) {
      for (const point of freed) bus.publish(`point:${point}`);
      freed = await archives.freeGone(SWEEP_LIMIT, fact);
    }
    while ((await archives.removeFreed(SWEEP_LIMIT, (blob) => blobs.delete(blob))) === SWEEP_LIMIT);
    await blobs.sweep(UNFINISHED_MS);
  }

  async begin(caller: contract.Caller, { idempotencyKey: key, ...input }: contract.ArchiveInput): Promise<string> {
    const { archives, idempotency } = this.#deps;
    const { id } = input;
    const scope = input.scope ?? null;
    const point = await this.#usable(id);
    const call = {
      graph: `${point.graphId}`,
      mutation: 'archiveRollbackPoint',
      key,
      input: { id, scope },
      type: 'RollbackPoint',
    };
    assertCompression();
    return idempotency.run(caller, call, async (attempt) => {
      if (attempt.retried && (await archives.get(attempt.id)) !== null) return id;
      if ((await archives.find(id, scope)) !== null) return id;
      await this.#checkRoom(point, scope);
      const fact = auditFact(caller, 'POINT_ARCHIVING', { pointId: id }, { archive: attempt.id, scope });
      if (!(await archives.create({ id: attempt.id, pointId: id, scope, requestedBy: caller.actor }, fact))) {
        throw await this.#refusal(id);
      }
      this.#deps.bus.publish(`point:${id}`);
      await this.announce(attempt.id);
      return id;
    });
  }

  /** Has an archive written that is stored as begun: should the queue refuse it, the next sweep finds it. */
  async announce(archiveId: string): Promise<void> {
    await this.#deps.queue.send(ARCHIVE_QUEUE, { id: archiveId }).catch(() => {});
  }

  async run(id: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const running = this.#run(id);
    this.#running.add(running);
    await running.finally(() => this.#running.delete(running));
  }

  async #run(id: string): Promise<void> {
    const { archives, points, keys } = this.#deps;
    const { onError, chunkBytes, leaseMs } = this.#options;
    // Every turn has a holder of its own, so that one that was thought dead cannot pass for its successor in the same process.
    const holder = `${this.#options.holder}:${keys.next()}`;
    const archive = await archives.acquire(id, holder, leaseMs);
    const point = archive === null ? null : await points.get(archive.pointId);
    if (archive === null || point === null) return;
    const run = new ArchiveRun(this.#deps, archive, point, {
      holder,
      leaseMs,
      chunkBytes,
      signal: this.#stopping.signal,
    });
    const renewal = setInterval(() => void run.renew().catch(() => {}), leaseMs / 3);
    try {
      await run.complete();
    } catch (error) {
      if (error instanceof ArchiveLost) return onError(error, id);
      if (error instanceof HandOver) return archives.release(id, holder);
      if (isRetryable(error) || isUnavailable(error)) {
        await archives.release(id, holder).catch(() => {});
        throw error;
      }
      onError(error, id);
      await run.fail(error);
    } finally {
      clearInterval(renewal);
    }
  }

  /** A point that has a moment and has not expired, even if nobody has noticed yet. */
  async #usable(id: string): Promise<PointRecord> {
    const point = await this.#deps.points.get(id);
    if (point === null || point.deletedAt !== null) throw new NotFoundError(`there is no rollback point ${id}`);
    if (point.seq === null || point.status === 'FAILED') throw stateOf(point);
    if (!isUsable(point, this.#deps.clock.now()))
      throw new StateError(`rollback point ${point.name} is EXPIRED`, 'EXPIRED');
    return point;
  }

  /** @throws InvalidInputError, LimitError */
  async #checkRoom(point: PointRecord, scope: Scope | null): Promise<void> {
    if ((await this.#deps.archives.count(point.id)) >= MAX_ARCHIVES) {
      throw new LimitError(`rollback point ${point.name} has ${MAX_ARCHIVES} archives`, BigInt(MAX_ARCHIVES));
    }
    if (scope === null || point.seq === null) return;
    const source = new ArchiveSource(this.#deps, point.graphId, point.seq, scope);
    if ((await source.isEmpty(SCOPE_PAGES)) !== true) return;
    throw InvalidInputError.field(['scope'], 'matches nothing at the point');
  }

  /** Why an archive was not begun. */
  async #refusal(id: string): Promise<Error> {
    const point = await this.#usable(id);
    if (point.archivingId === null) return stateOf(point);
    return new StateError(`another archive of rollback point ${point.name} is being written`, 'ARCHIVING');
  }
}

function stateOf({ name, status }: PointRecord): StateError {
  return new StateError(`rollback point ${name} is ${status}`, status);
}
