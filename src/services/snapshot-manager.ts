import { InvalidInputError, NotFoundError, StateError } from '../core/errors.ts';
import { MAX_NAME_LENGTH } from '../core/names.ts';
import { nextPointStatus } from '../core/states.ts';
import type { ArchiveStore } from '../ports/archive-store.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { History } from '../ports/history.ts';
import type { JobQueue } from '../ports/job-queue.ts';
import type { PointPatch, PointRecord, PointStore } from '../ports/point-store.ts';
import type { SessionStore } from '../ports/session-store.ts';
import type { Archiver } from './archives/archiver.ts';
import { assertCompression } from './archives/codec.ts';
import { auditFact } from './audit-facts.ts';
import type * as contract from './contract.ts';
import type { Idempotency } from './idempotency.ts';
import { isUsable } from './moment-resolver.ts';
import type { PointPinner } from './point-pinner.ts';
import { validatePoint } from './point-validation.ts';
import { checkJson, checkText } from './text-checks.ts';

const VALIDATION_QUEUE = 'point-validation';
const MAX_DESCRIPTION = 10_000;
const SWEEP_MS = 30_000;
const SWEEP_BATCH = 500;
/** A validation that is under way notes more often how far it has come. */
const STALLED_MS = 60_000;

export interface SnapshotManagerDependencies {
  readonly history: Pick<History, 'graphByName' | 'scanAt' | 'transactionsBySeq'>;
  readonly points: PointStore;
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly pinner: PointPinner;
  readonly archiver: Pick<Archiver, 'announce'>;
  readonly archives: Pick<ArchiveStore, 'snapshots'>;
  readonly blobs: BlobStore;
  readonly idempotency: Idempotency;
  readonly queue: JobQueue;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly onError?: (error: unknown) => void;
}

type CreateInput = Parameters<contract.SnapshotManager['create']>[1];
type UpdateInput = Parameters<contract.SnapshotManager['update']>[1];
type PointInput = Parameters<contract.SnapshotManager['delete']>[1];

/** Creates, changes, validates and expires rollback points. */
export class SnapshotManager implements contract.SnapshotManager {
  readonly #deps: SnapshotManagerDependencies;
  #sweep: NodeJS.Timeout | undefined;

  constructor(deps: SnapshotManagerDependencies) {
    this.#deps = deps;
  }

  /** To be called after the queue's start: takes validations, and from now on looks for those that nobody does and for what is due. */
  async start(): Promise<void> {
    await this.#deps.queue.handle(VALIDATION_QUEUE, 1, ({ id }) => validatePoint(this.#deps, id));
    const sweep = (): void => void this.sweep().catch((error: unknown) => this.#deps.onError?.(error));
    sweep();
    this.#sweep = setInterval(sweep, SWEEP_MS).unref();
  }

  stop(): void {
    clearInterval(this.#sweep);
  }

  async create(caller: contract.Caller, { idempotencyKey: key, ...input }: CreateInput): Promise<string> {
    checkFields(input);
    const graph = input.graph.includes('\0') ? null : await this.#deps.history.graphByName(input.graph);
    if (graph === null) throw new NotFoundError(`there is no graph ${input.graph}`);
    await this.#checkSession(graph.id, input.session);
    const call = { graph: `${graph.id}`, mutation: 'createRollbackPoint', key, input, type: 'RollbackPoint' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      if (attempt.retried && (await this.#deps.points.get(attempt.id)) !== null) return attempt.id;
      this.#checkExpiry(input);
      if (input.archive) assertCompression();
      const archiveId = input.archive ? attempt.nextKey() : null;
      const { id } = await this.#deps.pinner.pin(caller, {
        id: attempt.id,
        graphId: graph.id,
        name: input.name,
        at: input.at ?? null,
        origin: 'MANUAL',
        description: input.description ?? null,
        expiresAt: input.expiresAt ?? null,
        held: input.held ?? false,
        sessionId: input.session ?? null,
        metadata: input.metadata ?? null,
        archiveId,
      });
      if (archiveId !== null) await this.#deps.archiver.announce(archiveId);
      return id;
    });
  }

  async update(caller: contract.Caller, { id, ...patch }: UpdateInput): Promise<string> {
    checkFields(patch);
    this.#checkExpiry(patch);
    const point = await this.#usable(id);
    const { clock, points, bus } = this.#deps;
    const fact = auditFact(caller, 'POINT_UPDATED', { pointId: id }, { ...patch });
    const stored: PointPatch = patch;
    if (!(await points.update(id, stored, clock.now(), fact))) {
      throw new StateError(`rollback point ${point.name} is EXPIRED`, 'EXPIRED');
    }
    bus.publish(`point:${id}`);
    return id;
  }

  async delete(caller: contract.Caller, { id, idempotencyKey: key }: PointInput): Promise<string> {
    const point = await this.#known(id);
    const call = {
      graph: `${point.graphId}`,
      mutation: 'deleteRollbackPoint',
      key,
      input: { id },
      type: 'RollbackPoint',
    };
    return this.#deps.idempotency.run(caller, call, async ({ retried }) => {
      if (retried && point.deletedAt !== null) return id;
      const fact = auditFact(caller, 'POINT_DELETED', { pointId: id }, { name: point.name });
      if (!(await this.#deps.points.tombstone(id, this.#deps.clock.now(), fact))) await this.#refuseDelete(id);
      this.#deps.bus.publish(`point:${id}`);
      return id;
    });
  }

  async validate(caller: contract.Caller, { id, idempotencyKey: key }: PointInput): Promise<string> {
    const { graphId } = await this.#known(id);
    const call = {
      graph: `${graphId}`,
      mutation: 'validateRollbackPoint',
      key,
      input: { id },
      type: 'RollbackPoint',
    };
    return this.#deps.idempotency.run(caller, call, async ({ retried }) => {
      const point = await this.#usable(id);
      // Its own earlier try may have begun it; whoever did, it is what was asked for.
      if (retried && point.status === 'VALIDATING') {
        await this.#deps.queue.send(VALIDATION_QUEUE, { id });
        return id;
      }
      const to = nextPointStatus(point.status, 'VALIDATE');
      if (to === null) throw new StateError(`rollback point ${point.name} is ${point.status}`, point.status);
      if (point.archivingId !== null)
        throw new StateError(`rollback point ${point.name} is being archived`, 'ARCHIVING');
      const fact = auditFact(caller, 'POINT_VALIDATING', { pointId: id });
      const step = { from: point.status, to, progress: 0, problems: [] };
      if (!(await this.#deps.points.transition(id, step, this.#deps.clock.now(), fact))) {
        throw new StateError(`rollback point ${point.name} has changed meanwhile`, point.status);
      }
      this.#deps.bus.publish(`point:${id}`);
      await this.#deps.queue.send(VALIDATION_QUEUE, { id });
      return id;
    });
  }

  async sweep(): Promise<void> {
    await this.expireDue();
    const since = new Date(this.#deps.clock.now().getTime() - STALLED_MS);
    for (const id of await this.#deps.points.stalledValidations(since, SWEEP_BATCH))
      await this.#deps.queue.send(VALIDATION_QUEUE, { id });
  }

  /** Marks points as EXPIRED whose time has come, unless they are held or an operation needs them. */
  async expireDue(): Promise<void> {
    for (;;) {
      const expired = await this.#deps.points.expireDue(this.#deps.clock.now(), SWEEP_BATCH);
      for (const id of expired) this.#deps.bus.publish(`point:${id}`);
      if (expired.length < SWEEP_BATCH) return;
    }
  }

  #checkExpiry({ expiresAt = null }: { readonly expiresAt?: Date | null }): void {
    if (expiresAt !== null && expiresAt <= this.#deps.clock.now())
      throw InvalidInputError.field(['expiresAt'], 'lies in the past');
  }

  async #checkSession(graphId: number, id: string | null | undefined): Promise<void> {
    if (id === null || id === undefined) return;
    const session = await this.#deps.sessions.get(id);
    if (session === null) throw new NotFoundError(`there is no session ${id}`);
    if (session.graphId !== graphId) throw InvalidInputError.field(['session'], 'is a session of another graph');
  }

  /** Deleted or not: who asks again with the same key is told what became of the first time. */
  async #known(id: string): Promise<PointRecord> {
    const point = await this.#deps.points.get(id);
    if (point === null) throw new NotFoundError(`there is no rollback point ${id}`);
    return point;
  }

  async #point(id: string): Promise<PointRecord> {
    const point = await this.#deps.points.get(id);
    if (point === null || point.deletedAt !== null) throw new NotFoundError(`there is no rollback point ${id}`);
    return point;
  }

  /** A point that has not expired, even if nobody has noticed yet. */
  async #usable(id: string): Promise<PointRecord> {
    const point = await this.#point(id);
    if (point.status === 'FAILED' || isUsable(point, this.#deps.clock.now())) return point;
    throw new StateError(`rollback point ${point.name} is EXPIRED`, 'EXPIRED');
  }

  /** Says why a point was not deleted. */
  async #refuseDelete(id: string): Promise<never> {
    const point = await this.#point(id);
    if (point.held) throw new StateError(`rollback point ${point.name} is held: release it first`, 'HELD');
    throw new StateError(`rollback point ${point.name} is needed by an operation in flight`, 'IN_USE');
  }
}

function checkFields(input: { name?: string; description?: string | null; metadata?: unknown }): void {
  checkText(['name'], input.name, MAX_NAME_LENGTH, 1);
  checkText(['description'], input.description, MAX_DESCRIPTION);
  checkJson(['metadata'], input.metadata);
}
