import { randomUUID } from 'node:crypto';
import { type EntityId, type EntityKind, type EntityRef, type EntityState, entityId } from '../../../core/entities.ts';
import type { Bindings } from '../../../ports/bindings.ts';
import type { GraphTransaction, SchemaItem, WriteContext } from '../../../ports/knowledge-graph.ts';
import { type CommitSlot, CommitSlots } from '../commit-slots.ts';
import type { Connection, OpenTransaction, Parameters, Row, Statements } from '../connection.ts';
import { isRetryable, isUnanswered, toGraphError, UnansweredCommit } from '../errors.ts';
import { forgetMarker } from '../markers.ts';
import { DEFAULT_KEY_PROPERTY, MARKER_LABEL, OUTBOX_LABEL } from '../names.ts';
import { retrying } from '../retrying.ts';
import { readSchema } from '../schema/schema-items.ts';
import { type Cypher, cypherFor, type Locking } from './cypher.ts';
import { ElementIds } from './element-ids.ts';
import { EntityTransaction, type TransactionParts } from './entity-transaction.ts';
import { Locks } from './locks.ts';
import { Lookup, type Unseen } from './lookup.ts';
import { StateReader } from './states.ts';

/** Tells the trigger that a transaction is housekeeping of the service and nothing to record. */
export const HOUSEKEEPING: Parameters = { palinodeDrain: true };

export interface EntityStoreParts {
  readonly connection: Connection;
  readonly bindings: Bindings;
  readonly locking: Locking;
  readonly keyProperty: string;
  readonly derivedProperties: readonly string[];
  readonly unseen: Unseen;
}

/** Entities of a Neo4j graph: reading, writing, locking. What capture does is elsewhere. */
export class EntityStore {
  readonly cypher: Cypher;
  readonly states: StateReader;
  readonly #connection: Connection;
  readonly #bindings: Bindings;
  readonly #keyProperty: string;
  readonly #parts: TransactionParts;
  readonly #slots: CommitSlots;
  readonly #locks: Locks;

  /** @throws InvalidInputError when the key property is no plain name */
  constructor({ connection, bindings, locking, keyProperty, derivedProperties, unseen }: EntityStoreParts) {
    this.#connection = connection;
    this.#bindings = bindings;
    this.#keyProperty = keyProperty;
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
    this.#locks = new Locks(connection, this.cypher, HOUSEKEEPING);
    this.#parts = { ...parts, lookup: new Lookup(parts), locks: this.#locks };
    this.#slots = new CommitSlots(connection, this.cypher, HOUSEKEEPING);
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
        const tx = await this.#connection.begin({ metadata: metadataOf(context) });
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
          await this.#commit(tx, slot, context.id, entities).catch((error: unknown) => {
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
   * Every entity of a kind, in no order, in pages. What has no key is given one first, if the key property is the service's own; bindings are
   * put right on the way.
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

  /** From Neo4j's own counters, which cost nothing to read. */
  async count(): Promise<{ nodes: bigint; relationships: bigint }> {
    const [row] = await this.#connection.read(
      `CALL () { MATCH (n) RETURN count(n) AS nodes } CALL () { MATCH (o:${OUTBOX_LABEL}) RETURN count(o) AS outbox }
       CALL () { MATCH (m:${MARKER_LABEL}) RETURN count(m) AS markers } CALL () { MATCH ()-[r]->() RETURN count(r) AS relationships }
       RETURN nodes - outbox - markers AS nodes, relationships`,
    );
    if (typeof row?.nodes !== 'bigint' || typeof row.relationships !== 'bigint') throw new TypeError('not counts');
    return { nodes: row.nodes, relationships: row.relationships };
  }

  readSchema(): Promise<readonly SchemaItem[]> {
    return readSchema(this.#connection);
  }

  async forgetMarker(operation: string): Promise<void> {
    await this.#locks.make();
    await this.#connection.write({ metadata: HOUSEKEEPING }, (tx) => forgetMarker(tx, this.#locks, operation));
  }

  async #commit(tx: OpenTransaction, slot: CommitSlot, id: string, entities: EntityTransaction): Promise<void> {
    try {
      if (entities.wrote) await slot.stamp(tx, id);
      await tx.commit();
    } catch (error) {
      throw await entities.explained(error);
    }
  }

  async #page(kind: EntityKind, rows: Row[]): Promise<readonly EntityState[]> {
    const keyed = await this.#keyed(kind, rows);
    const on: Statements = { run: (text, params) => this.#connection.read(text, params) };
    const found = await this.states.read(on, kind, keyed);
    const bound = await this.#bindings.find(
      kind,
      found.map(({ state }) => state.key),
    );
    const moved = found.filter(({ state, localId }) => bound.get(state.key) !== localId);
    await this.#bindings.put(moved.map(({ state, localId }) => ({ kind, key: state.key, localId })));
    return found.map(({ state }) => state);
  }

  async #keyed(kind: EntityKind, rows: Row[]): Promise<readonly Row[]> {
    const bare = rows.filter(({ key }) => key === null);
    if (bare.length === 0 || this.#keyProperty !== DEFAULT_KEY_PROPERTY) return rows;
    const { assignNodes, assignRelationships, readNodes, readRelationships } = this.cypher;
    const given = bare.map(({ id }) => ({ id, key: randomUUID() }));
    await this.#connection.write({ metadata: HOUSEKEEPING }, (tx) =>
      tx.run(kind === 'NODE' ? assignNodes : assignRelationships, { rows: given }),
    );
    const again = await this.#connection.read(kind === 'NODE' ? readNodes : readRelationships, {
      ids: bare.map(({ id }) => id),
    });
    return [...rows.filter(({ key }) => key !== null), ...again];
  }
}

/** How the trigger learns who writes; comes back with what was captured. */
function metadataOf({ id, source, actor, session, operation }: WriteContext): Parameters {
  return { palinode: { id, source, actor, session, operation } };
}
