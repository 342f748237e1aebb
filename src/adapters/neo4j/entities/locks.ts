import { hash } from 'node:crypto';
import { GraphError } from '../../../ports/graph-error.ts';
import type { Connection, Statements } from '../connection.ts';
import { MARKER_LABEL } from '../names.ts';
import type { OwnMetadata } from '../own-metadata.ts';
import type { Cypher } from './cypher.ts';

/** Few enough to take all of them, many enough that writers of a few keys seldom meet. */
const KEY_LOCKS = 64;
const OPERATION_LOCKS = 16;

const ALL_LOCKS: readonly string[] = [
  ...Array.from({ length: KEY_LOCKS }, (_, number) => `lock:key:${number}`),
  ...Array.from({ length: OPERATION_LOCKS }, (_, number) => `lock:operation:${number}`),
];

/**
 * Locks that stand for what has no node yet: a key that is to be created, an operation without a marker. Neo4j knows no unique
 * property without a label, and a constraint over our markers would be a change of the user's schema, so writers of the same key or operation
 * are made to follow one another by nodes that are always there. Each is held until the transaction ends.
 */
export class Locks {
  readonly #connection: Connection;
  readonly #cypher: Cypher;
  readonly #own: OwnMetadata;
  /** What a transaction that is under way has taken. */
  readonly #held = new WeakMap<Statements, Set<string>>();
  #made: Promise<void> | null = null;

  constructor(connection: Connection, cypher: Cypher, own: OwnMetadata) {
    this.#connection = connection;
    this.#cypher = cypher;
    this.#own = own;
  }

  /**
   * Makes those that are missing, in a transaction of its own: only what is committed can be waited for. Two instances that do so at once
   * make some twice, which does no harm: all of one name are taken.
   */
  make(): Promise<void> {
    this.#made ??= this.#makeMissing().catch((error: unknown) => {
      this.#made = null;
      throw error;
    });
    return this.#made;
  }

  takeForKeys(tx: Statements, ids: Iterable<string>): Promise<void> {
    return this.#take(tx, 'key', KEY_LOCKS, ids);
  }

  takeForOperation(tx: Statements, operation: string): Promise<void> {
    return this.#take(tx, 'operation', OPERATION_LOCKS, [operation]);
  }

  /** @throws GraphError, to be tried again, when somebody has removed them: they will be there again */
  async #take(tx: Statements, of: string, size: number, ids: Iterable<string>): Promise<void> {
    const held = this.#held.get(tx) ?? new Set<string>();
    this.#held.set(tx, held);
    const names = new Set<string>();
    for (const id of ids) {
      const name = `lock:${of}:${hash('sha256', id, 'buffer').readUInt32BE() % size}`;
      if (!held.has(name)) names.add(name);
    }
    if (names.size === 0) return;
    const [row] = await tx.run(this.#cypher.takeLocks, { names: [...names] });
    if (row?.taken === BigInt(names.size)) {
      for (const name of names) held.add(name);
      return;
    }
    this.#made = null;
    throw new GraphError('the locks of the graph were removed', 'LocksMissing', true);
  }

  async #makeMissing(): Promise<void> {
    await this.#connection.write({ metadata: await this.#own.housekeeping() }, (tx) =>
      tx.run(
        `MATCH (m:${MARKER_LABEL}) WHERE m.id STARTS WITH 'lock:' WITH collect(m.id) AS there
         UNWIND [name IN $names WHERE NOT name IN there] AS name CREATE (:${MARKER_LABEL} {id: name})`,
        { names: ALL_LOCKS },
      ),
    );
  }
}
