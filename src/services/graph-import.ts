import type { EntityState } from '../core/entities.ts';
import type { Keys } from '../ports/keys.ts';
import type { GraphRegistry, ServedGraph } from './graph-registry.ts';

/** Entities of one graph transaction of an import. */
const BATCH = 5000;
/** Changes that may wait to be recorded before the import waits for the recorder. */
const MAX_PENDING = 50_000n;

export interface ImportRequest {
  readonly graphId: number;
  readonly actor: string;
  /** A session id, so that the import can be undone as one. */
  readonly session: string;
  /** Entities that the graph does not have. A relationship comes after its ends. */
  readonly entities: AsyncIterable<EntityState>;
  /** Told how many entities have been written. */
  readonly onProgress?: (written: number) => void;
}

/**
 * Loads many new entities in transactions of bounded size. Memory stays flat: entities are taken from the stream as they are written, and
 * the import waits when the recorder falls behind.
 * @returns how many entities were written; everything is recorded then
 * @throws ConstraintError when an entity exists already or lacks an end; batches before it stay
 */
export async function importEntities(registry: GraphRegistry, keys: Keys, request: ImportRequest): Promise<number> {
  const served = registry.get(request.graphId);
  let written = 0;
  for await (const batch of batches(request.entities)) {
    await writeBatch(served, keys, request, batch);
    written += batch.length;
    request.onProgress?.(written);
    served.recorder.poke();
    const { changes } = await served.graph.pending();
    if (changes > MAX_PENDING) await served.recorder.fence();
  }
  await served.recorder.fence();
  return written;
}

async function writeBatch(
  { graph }: ServedGraph,
  keys: Keys,
  { actor, session }: ImportRequest,
  batch: readonly EntityState[],
): Promise<void> {
  const context = { id: keys.next(), source: 'API', actor, session, operation: null } as const;
  const changes = batch.map((after) => ({ kind: after.kind, key: after.key, before: null, after }));
  await graph.transaction(context, (tx) => tx.write(changes));
}

async function* batches(entities: AsyncIterable<EntityState>): AsyncGenerator<readonly EntityState[]> {
  let batch: EntityState[] = [];
  for await (const entity of entities) {
    batch.push(entity);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
