import { InvalidInputError, LimitError, NotFoundError, StateError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import type { ArchiveRecord, ArchiveStore } from '../../ports/archive-store.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventBus } from '../../ports/event-bus.ts';
import type { History } from '../../ports/history.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { Keys } from '../../ports/keys.ts';
import type { PointRecord, PointStore } from '../../ports/point-store.ts';
import { auditFact } from '../audit-facts.ts';
import type * as contract from '../contract.ts';
import type { Idempotency } from '../idempotency.ts';
import { LeasedJobs, type LeasedJobsOptions, SWEEP_LIMIT } from '../leased-jobs.ts';
import { isUsable } from '../moment-resolver.ts';
import type { ScopeResolver } from '../scope-resolver.ts';
import { ArchiveRun, CHUNK_BYTES } from './archive-run.ts';
import { assertCompression } from './codec.ts';
import { ArchiveSource } from './source.ts';

const ARCHIVE_QUEUE = 'point-archive';
/** Archives of one point, each of another scope. */
export const MAX_ARCHIVES = 100;
/** Pages of each kind that are looked through while somebody waits, to find out whether a scope matches anything. */
const SCOPE_PAGES = 20;
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

export interface ArchiverOptions extends LeasedJobsOptions {
  readonly chunkBytes?: number;
}

/** Writes the state at a point into the blob store, and keeps there only what a point still needs. */
export class Archiver implements contract.Archiver {
  readonly #deps: ArchiverDependencies;
  readonly #jobs: LeasedJobs<ArchiveRecord>;

  constructor(deps: ArchiverDependencies, { chunkBytes = CHUNK_BYTES, ...options }: ArchiverOptions) {
    this.#deps = deps;
    const { queue, keys, archives: records } = deps;
    this.#jobs = new LeasedJobs(
      {
        queueName: ARCHIVE_QUEUE,
        queue,
        keys,
        records,
        turn: async (archive, lease) => {
          const point = await deps.points.get(archive.pointId);
          return point === null ? null : new ArchiveRun(deps, archive, point, { ...lease, chunkBytes });
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

  /** Hands archives under way over. */
  stop(): Promise<void> {
    return this.#jobs.stop();
  }

  /** Queues archives that nobody writes, and removes what no point needs any more. */
  sweep(): Promise<void> {
    return this.#jobs.sweep();
  }

  run(id: string): Promise<void> {
    return this.#jobs.run(id);
  }

  /** Has an archive written that is stored as begun. */
  announce(archiveId: string): Promise<void> {
    return this.#jobs.announce(archiveId);
  }

  async begin(caller: contract.Caller, { idempotencyKey: key, ...input }: contract.ArchiveInput): Promise<string> {
    const { archives, idempotency } = this.#deps;
    const { id } = input;
    const scope = input.scope ?? null;
    const known = await this.#deps.points.get(id);
    if (known === null) throw new NotFoundError(`there is no rollback point ${id}`);
    const call = {
      graph: `${known.graphId}`,
      mutation: 'archiveRollbackPoint',
      key,
      input: { id, scope },
      type: 'RollbackPoint',
    };
    return idempotency.run(caller, call, async (attempt) => {
      if (attempt.retried && (await archives.get(attempt.id)) !== null) return id;
      const point = await this.#usable(id);
      assertCompression();
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

  async #tidy(): Promise<void> {
    const { archives, blobs, bus } = this.#deps;
    const fact = auditFact(null, 'POINT_ARCHIVE_FREED', {});
    for (let freed = await archives.freeGone(SWEEP_LIMIT, fact); freed.length > 0; ) {
      for (const point of freed) bus.publish(`point:${point}`);
      freed = await archives.freeGone(SWEEP_LIMIT, fact);
    }
    while ((await archives.removeFreed(SWEEP_LIMIT, (blob) => blobs.delete(blob))) === SWEEP_LIMIT);
    await blobs.sweep(UNFINISHED_MS);
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
