import { type EntityId, type EntityKind, type EntityRef, type EntityState, entityId } from '../../../core/entities.ts';
import type { Bindings } from '../../../ports/bindings.ts';
import type { GraphTransaction, SchemaItem, WriteContext } from '../../../ports/knowledge-graph.ts';
import type { Capture } from '../capture.ts';
import { CommitSlots } from '../commit-slots.ts';
import type { Connection, OpenTransaction, Row, Statements } from '../connection.ts';
import { isRetryable, isUnanswered, toGraphError, UnansweredCommit } from '../errors.ts';
import { forgetMarker } from '../markers.ts';
import { OUR_LABELS } from '../names.ts';
import type { OwnMetadata } from '../own-metadata.ts';
import { retrying } from '../retrying.ts';
import { readSchema } from '../schema/schema-items.ts';
import { type Cypher, cypherFor, type Locking } from './cypher.ts';
import { ElementIds } from './element-ids.ts';
import { EntityTransaction, type TransactionParts } from './entity-transaction.ts';
import { Locks } from './locks.ts';
import { Lookup, type Unseen } from './lookup.ts';
import { PageKeys, type PageKeysParts } from './page-keys.ts';
import { StateReader } from './states.ts';

const OURS = OUR_LABELS.join('|');

export interface EntityStoreParts {
  readonly connection: Connection;
  readonly bindings: Bindings;
  readonly own: OwnMetadata;
  readonly locking: Locking;
  readonly keyProperty: string;
  readonly derivedProperties: readonly string[];
  readonly unseen: Unseen;
  readonly doubled: PageKeysParts['doubled'];
  readonly assertBelieved: Capture['assertBelieved'];
}

/** Entities of a Neo4j graph: reading, writing, locking. What capture does is elsewhere. */
export class EntityStore {
  readonly cypher: Cypher;
  readonly states: StateReader;
  readonly keys: PageKeys;
  readonly own: OwnMetadata;
  readonly #connection: Connection;
  readonly #parts: TransactionParts;
  readonly #slots: CommitSlots;
  readonly #assertBelieved: Capture['assertBelieved'];
  readonly #locks: Locks;

  /** @throws InvalidInputError when the key property is no plain name */
  constructor({
    connection,
    bindings,
    own,
    locking,
    keyProperty,
    derivedProperties,
    unseen,
    assertBelieved,
    doubled,
  }: EntityStoreParts) {
    this.#connection = connection;
    this.own = own;
    this.#assertBelieved = assertBelieved;
    this.cypher = cypherFor(keyProperty, locking);
    this.states = new StateReader(this.cypher, new Set([keyProperty, ...derivedProperties]));
    const parts = {
      connection,
      bindings,
      keyProperty,
      derivedProperties,
      cypher: this.cypher,
      states: this.states,
      ids: new ElementIds(),
      unseen,
    };
    this.keys = new PageKeys({ ...parts, own, doubled });
    this.#locks = new Locks(connection, this.cypher, own);
    this.#parts = { ...parts, lookup: new Lookup(parts), locks: this.#locks };
    this.#slots = new CommitSlots(connection, this.cypher, own);
  }

  /**
   * Runs `work` in one transaction, again as a whole when it fails for a reason that passes. When a commit was never answered, the slot
   * tells whether it took place, and then nothing is run again.
   */
  async transaction<T>(context: WriteContext, work: (tx: GraphTransaction) => Promise<T>): Promise<T> {
    const slot = await this.#slots.take().catch((error: unknown) => {
      throw toGraphError(error);
    });
    let unknown: { readonly result: T } | null = null;
    try {
      return await retrying(this.#connection.options.attempts, isRetryable, async () => {
        await this.#locks.make();
        const { metadata, secretHash } = await this.own.of(context);
        const tx = await this.#connection.begin({ metadata });
        try {
          if (unknown !== null) {
            if (await slot.holds(tx, context.id)) {
              await tx.rollback();
              return unknown.result;
            }
            unknown = null;
          }
          const entities = new EntityTransaction(tx, this.#parts);
          const result = await work(entities);
          const stamp = async (): Promise<void> => {
            if (!entities.wrote) return;
            // Sent together, so that the question takes no way of its own.
            await Promise.all([this.#assertBelieved(tx, secretHash), slot.stamp(tx, context.id)]);
          };
          await this.#commit(tx, stamp, entities).catch((error: unknown) => {
            if (!isUnanswered(error)) throw error;
            unknown = { result };
            throw new UnansweredCommit(error);
          });
          return result;
        } catch (error) {
          await tx.rollback();
          throw error;
        }
      });
    } catch (error) {
      throw toGraphError(error);
    } finally {
      slot.release();
    }
  }

  /** Live content of entities, without locks. */
  async read(refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState>> {
    const on: Statements = { run: (text, params) => this.#connection.read(text, params) };
    const states = new Map<EntityId, EntityState>();
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      const keys = [...new Set(refs.filter((ref) => ref.kind === kind).map((ref) => ref.key))];
      if (keys.length === 0) continue;
      for (const { state } of (await this.#parts.lookup.find(on, kind, keys)).values()) {
        states.set(entityId(state), state);
      }
    }
    return states;
  }

  /**
   * Every entity of a kind, in no order, in pages. What has no key, or another's, is given one first, if the key property is the service's own;
   * bindings are put right on the way.
   */
  async *scan(kind: EntityKind, pageSize: number): AsyncGenerator<readonly EntityState[]> {
    let rows: Row[] = [];
    for await (const row of this.#connection.stream(
      kind === 'NODE' ? this.cypher.scanNodes : this.cypher.scanRelationships,
    )) {
      rows.push(row);
      if (rows.length < pageSize) continue;
      yield await this.#page(kind, rows);
      rows = [];
    }
    if (rows.length > 0) yield await this.#page(kind, rows);
  }

  /** From Neo4j's own counters, which cost nothing to read, without nodes of ours, few as a rule, and what users have tied to them. */
  async count(): Promise<{ nodes: bigint; relationships: bigint }> {
    const [row] = await this.#connection.read(
      `CALL () { MATCH (n) RETURN count(n) AS nodes } CALL () { MATCH (m:${OURS}) RETURN count(m) AS ours }
       CALL () { MATCH ()-[r]->() RETURN count(r) AS relationships } CALL () { MATCH (m:${OURS})-[r]-() RETURN count(DISTINCT r) AS tied }
       RETURN nodes - ours AS nodes, relationships - tied AS relationships`,
    );
    if (typeof row?.nodes !== 'bigint' || typeof row.relationships !== 'bigint') throw new TypeError('not counts');
    return { nodes: row.nodes, relationships: row.relationships };
  }

  readSchema(): Promise<readonly SchemaItem[]> {
    return readSchema(this.#connection);
  }

  async forgetMarker(operation: string): Promise<void> {
    await this.#locks.make();
    const metadata = await this.own.housekeeping();
    await this.#connection.write({ metadata }, (tx) => forgetMarker(tx, this.#locks, operation));
  }

  async #commit(tx: OpenTransaction, stamp: () => Promise<void>, entities: EntityTransaction): Promise<void> {
    try {
      await stamp();
      await tx.commit();
    } catch (error) {
      throw await entities.explained(error);
    }
  }

  async #page(kind: EntityKind, rows: readonly Row[]): Promise<readonly EntityState[]> {
    const on: Statements = { run: (text, params) => this.#connection.read(text, params) };
    const found = await this.states.read(on, kind, await this.keys.settle(kind, rows, false));
    return found.map(({ state }) => state);
  }
}
