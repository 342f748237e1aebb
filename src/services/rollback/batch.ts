import { ahead } from '../../core/ahead.ts';
import { chunks } from '../../core/chunks.ts';
import { commonState } from '../../core/constraints.ts';
import { type EntityChange, type EntityRef, type EntityState, entityId } from '../../core/entities.ts';
import { hashOf, sameHash } from '../../core/hash.ts';
import type { Keys } from '../../ports/keys.ts';
import {
  type GraphTransaction,
  type KnowledgeGraph,
  StaleTokenError,
  type WriteContext,
} from '../../ports/knowledge-graph.ts';
import type { OperationLease, OperationRecord } from '../../ports/operation-store.ts';
import type { PlannedWrite } from '../../ports/plan-store.ts';

/** Entities locked, compared and written at a time. */
const CHUNK = 2000;
/** A small batch is written in two chunks, so that one is compared while the other is locked or written; below this it is not worth a statement. */
const LEAST_CHUNK = 250;

/** Entities that are not what the plan saw. Thrown inside the graph transaction, so that nothing of the batch stays. */
export class GuardFailure extends Error {
  override readonly name = 'GuardFailure';
  readonly refs: readonly EntityRef[];

  constructor(refs: readonly EntityRef[]) {
    super(`${refs.length} entities were changed by others meanwhile`);
    this.refs = refs;
  }
}

/** What a batch is written for: an operation in the graph, or its rehearsal in a scratch graph. */
export interface BatchRun {
  readonly operation: Pick<OperationRecord, 'id' | 'requestedBy'>;
  readonly lease: Pick<OperationLease, 'token'>;
  readonly served: { readonly graph: Pick<KnowledgeGraph, 'transaction'> };
  readonly deps: { readonly keys: Keys };
}

/** What may be begun meanwhile, outside of the graph's transaction. Called again when that is tried again. */
export interface BatchWatch {
  /** The graph has begun to write. */
  writing(): void;
  /** All is written, and the graph is about to commit it. */
  committing(): void;
}

const UNWATCHED: BatchWatch = { writing() {}, committing() {} };

/**
 * Writes a batch in one graph transaction: the marker is locked and its token compared, every entity is locked and compared with what
 * the plan saw, and the marker moves with the writes. The marker must have been taken, and be at the batch before: one that is gone went with the
 * end of the operation, which another instance saw to, or with the state of the graph that had it.
 * @returns false when the marker says that the batch was written before
 * @throws GuardFailure, ConstraintError, StaleTokenError
 */
export async function writeBatch(
  run: BatchRun,
  batch: bigint,
  writes: readonly PlannedWrite[],
  watch: BatchWatch = UNWATCHED,
): Promise<boolean> {
  const { operation, lease, served } = run;
  return served.graph.transaction(contextOf(run), async (tx) => {
    const marker = await tx.claimMarker(operation.id, lease.token);
    if (marker === null) throw new StaleTokenError(`operation ${operation.id} has no marker any more: it has ended`);
    if (marker.batch >= batch) return false;
    // What was written before is not there: whoever takes the operation up finds out how much is missing.
    if (marker.batch < batch - 1n)
      throw new StaleTokenError(
        `operation ${operation.id}: the graph knows of ${marker.batch} of ${batch - 1n} batches`,
      );
    await apply(tx, writes, watch);
    await tx.setMarker(operation.id, { token: lease.token, batch });
    watch.committing();
    return true;
  });
}

/** Takes over the marker, so that an instance with an older token can write no more. @returns the last batch that was written */
export async function takeMarker(run: BatchRun): Promise<bigint> {
  const { operation, lease, served } = run;
  return served.graph.transaction(contextOf(run), async (tx) => {
    const marker = await tx.claimMarker(operation.id, lease.token);
    const batch = marker?.batch ?? 0n;
    await tx.setMarker(operation.id, { token: lease.token, batch });
    return batch;
  });
}

function contextOf({ operation, deps }: BatchRun): WriteContext {
  const { id, requestedBy } = operation;
  return { id: deps.keys.next(), source: 'ROLLBACK', actor: requestedBy, session: null, operation: id };
}

/**
 * Writes come in phases: what gives way first (relationships that move are deleted, unique values that change hands are given up), then
 * relationships and nodes deleted, nodes created or updated, relationships created or updated, and last what gave way, as it is to be.
 */
async function apply(tx: GraphTransaction, writes: readonly PlannedWrite[], watch: BatchWatch): Promise<void> {
  const stale: EntityRef[] = [];
  const early = writes.filter(givesWay);
  const changes = await lockAll(tx, early, stale);
  const between = changes.map((change, at): EntityState | null => {
    const { before, after } = change;
    return early[at]?.moved !== true && before !== null && after !== null ? commonState(before, after) : null;
  });
  if (stale.length === 0)
    await write(
      tx,
      changes.map((change, at) => ({ ...change, after: between[at] ?? null })),
    );
  const locked = lockedChunks(
    tx,
    writes.filter((write) => !givesWay(write)),
    stale,
  );
  let begun = false;
  for await (const chunk of ahead(locked)) {
    // Once something is stale nothing will stay, but all that is stale should be known at once.
    if (stale.length > 0) continue;
    const writing = tx.write(chunk);
    if (!begun) watch.writing();
    begun = true;
    await writing;
  }
  if (stale.length > 0) throw new GuardFailure(stale);
  await write(
    tx,
    changes.map((change, at) => ({ ...change, before: between[at] ?? null })),
  );
}

/** Every entity is in one chunk only, so that the next one may be locked before one is written, and compared while it is. */
async function* lockedChunks(
  tx: GraphTransaction,
  writes: readonly PlannedWrite[],
  stale: EntityRef[],
): AsyncGenerator<readonly EntityChange[]> {
  const size = Math.min(CHUNK, Math.max(LEAST_CHUNK, Math.ceil(writes.length / 2)));
  for (const chunk of chunks(writes, size)) yield await lockAll(tx, chunk, stale);
}

function givesWay({ moved, releases }: PlannedWrite): boolean {
  return moved || releases;
}

async function write(tx: GraphTransaction, changes: readonly EntityChange[]): Promise<void> {
  for (const chunk of chunks(changes, CHUNK)) await tx.write(chunk);
}

async function lockAll(
  tx: GraphTransaction,
  writes: readonly PlannedWrite[],
  stale: EntityRef[],
): Promise<EntityChange[]> {
  if (writes.length === 0) return [];
  const live = await tx.lock(writes);
  const changes: EntityChange[] = [];
  for (const write of writes) {
    const { kind, key } = write;
    const before = live.get(entityId(write)) ?? null;
    if (sameHash(hashOf(before), write.expectedHash)) changes.push({ kind, key, before, after: write.after });
    else stale.push({ kind, key });
  }
  return changes;
}
