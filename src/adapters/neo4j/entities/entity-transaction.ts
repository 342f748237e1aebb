import {
  type EntityChange,
  type EntityId,
  type EntityKind,
  type EntityRef,
  type EntityState,
  entityId,
  type RelationshipState,
} from '../../../core/entities.ts';
import { ConstraintError, LimitError, withRefused } from '../../../core/errors.ts';
import type { GraphTransaction, Marker } from '../../../ports/knowledge-graph.ts';
import type { Connection, Statements } from '../connection.ts';
import { claimMarker, setMarker } from '../markers.ts';
import { toConstraintError } from '../schema/constraint-errors.ts';
import { placesOf } from './element-ids.ts';
import type { Locks } from './locks.ts';
import { Located, type Lookup, type LookupParts } from './lookup.ts';
import { type PropertyRoles, writeChanges } from './writes.ts';
import { checkZones } from './zones.ts';

export interface TransactionParts extends LookupParts, PropertyRoles {
  readonly connection: Connection;
  readonly lookup: Lookup;
  readonly locks: Locks;
}

/** One open transaction of a Neo4j graph. */
export class EntityTransaction implements GraphTransaction {
  readonly #tx: Statements;
  readonly #parts: TransactionParts;
  readonly #located = new Located();
  /** Every change of this transaction, for what Neo4j refuses only when it commits. */
  readonly #changes: EntityChange[] = [];
  /** Where the entities were that this transaction deletes: bound until capture tells of it. */
  readonly #deleted = new Map<EntityId, bigint>();
  /** Entities that exist no more, or never did, as this transaction has seen for itself under a lock. */
  readonly #absent = new Set<EntityId>();
  #wrote = false;

  constructor(tx: Statements, parts: TransactionParts) {
    this.#tx = tx;
    this.#parts = parts;
  }

  /** Whether there is anything to commit. */
  get wrote(): boolean {
    return this.#wrote;
  }

  async lock(refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState>> {
    const states = new Map<EntityId, EntityState>();
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      const keys = [...new Set(refs.filter((ref) => ref.kind === kind).map((ref) => ref.key))];
      if (keys.length === 0) continue;
      const found = await this.#parts.lookup.find(this.#tx, kind, keys, { how: 'lock' });
      for (const key of keys) {
        const entity = found.get(key);
        const id = entityId({ kind, key });
        if (entity === undefined) {
          this.#absent.add(id);
          continue;
        }
        this.#absent.delete(id);
        this.#located.add(kind, key, entity);
        states.set(id, entity.state);
      }
    }
    return states;
  }

  async lockIncident(nodeKeys: readonly string[], limit: number): Promise<RelationshipState[]> {
    if (nodeKeys.length === 0) return [];
    await this.#locate(
      'NODE',
      nodeKeys.filter((key) => this.#located.elementId('NODE', key) === undefined),
    );
    const ids = nodeKeys.map((key) => this.#located.elementId('NODE', key)).filter((id) => id !== undefined);
    const { cypher, states } = this.#parts;
    const rows = await this.#tx.run(cypher.lockIncident, { ids: placesOf(ids), limit: BigInt(limit) + 1n });
    if (rows.length > limit) {
      throw new LimitError(`more than ${limit} relationships are tied to these nodes`, BigInt(limit));
    }
    const found = await states.read(this.#tx, 'RELATIONSHIP', rows);
    return found.map((entity) => {
      const { state } = entity;
      if (state.kind !== 'RELATIONSHIP') throw new TypeError('not a relationship');
      this.#located.add(state.kind, state.key, entity);
      return state;
    });
  }

  async write(changes: readonly EntityChange[]): Promise<void> {
    if (changes.length === 0) return;
    this.#wrote = true;
    this.#changes.push(...changes);
    try {
      await this.#write(changes);
    } catch (error) {
      throw await this.explained(error, changes);
    }
  }

  claimMarker(operation: string, token: bigint): Promise<Marker | null> {
    return claimMarker(this.#tx, this.#parts.locks, operation, token);
  }

  async setMarker(operation: string, marker: Marker): Promise<void> {
    this.#wrote = true;
    await setMarker(this.#tx, this.#parts.locks, operation, marker);
  }

  /** A refusal as a ConstraintError; any other error as it came. */
  async explained(error: unknown, changes: readonly EntityChange[] = this.#changes): Promise<unknown> {
    const { connection, ids, keyProperty } = this.#parts;
    const refused = { connection, ids, keyProperty, located: this.#located, changes, written: this.#changes };
    return withRefused(await toConstraintError(error, refused), changes);
  }

  async #write(changes: readonly EntityChange[]): Promise<void> {
    const { bindings } = this.#parts;
    await this.#locateUnlocked(changes);
    await this.#claimKeys(changes);
    await checkZones(this.#tx, changes);
    for (const { kind, key, after } of changes) {
      const localId = after === null ? this.#located.localId(kind, key) : undefined;
      if (localId !== undefined) this.#deleted.set(entityId({ kind, key }), localId);
    }
    const ends = { locate: (keys: readonly string[]) => this.#locate('NODE', keys) };
    const created = await writeChanges(this.#tx, this.#located, ends, changes, this.#parts);
    // Before the commit, while other writers of the same keys wait: whoever comes next finds them bound. A binding to what was never
    // committed is told from a true one when it is used.
    await bindings.put(created);
    for (const change of changes) {
      if (change.after === null) this.#absent.add(entityId(change));
      else this.#absent.delete(entityId(change));
    }
  }

  /** What is to be changed should have been locked before; what was not is looked for, so that it is missed by name. */
  async #locateUnlocked(changes: readonly EntityChange[]): Promise<void> {
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      const keys = changes
        .filter((change) => change.kind === kind && change.before !== null && !this.#absent.has(entityId(change)))
        .map(({ key }) => key)
        .filter((key) => this.#located.elementId(kind, key) === undefined);
      await this.#locate(kind, keys);
    }
  }

  /** Makes sure that no entity has the keys of those to be created, and that nobody else creates them. */
  async #claimKeys(changes: readonly EntityChange[]): Promise<void> {
    const created = changes.filter(({ before }) => before === null);
    if (created.length === 0) return;
    await this.#parts.locks.takeForKeys(this.#tx, created.map(entityId));
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      const keys = created.filter((change) => change.kind === kind).map(({ key }) => key);
      await this.#refuseTaken(kind, keys, changes);
    }
  }

  async #refuseTaken(kind: EntityKind, keys: readonly string[], changes: readonly EntityChange[]): Promise<void> {
    const { bindings, lookup } = this.#parts;
    const refuse = (key: string): never => {
      const index = changes.findIndex((change) => change.kind === kind && change.before === null && change.key === key);
      throw new ConstraintError(`the key ${key} is taken`, 'key', index, key);
    };
    const twice = new Set<string>();
    for (const key of keys) {
      if (twice.has(key) || this.#located.elementId(kind, key) !== undefined) refuse(key);
      twice.add(key);
    }
    // What this transaction has seen missing can only have come from a writer who held the lock of its key, and bound it.
    const seen = keys.filter((key) => this.#absent.has(entityId({ kind, key })));
    const found = [...(await bindings.find(kind, seen))];
    const bound = found
      .filter(([key, localId]) => this.#deleted.get(entityId({ kind, key })) !== localId)
      .map(([key]) => key);
    const unknown = keys.filter((key) => !this.#absent.has(entityId({ kind, key })));
    const [taken] = (await lookup.find(this.#tx, kind, [...bound, ...unknown], { settle: true, how: 'locate' })).keys();
    if (taken !== undefined) refuse(taken);
  }

  async #locate(kind: EntityKind, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const found = await this.#parts.lookup.find(this.#tx, kind, [...new Set(keys)], { how: 'locate' });
    for (const [key, entity] of found) this.#located.add(kind, key, entity);
  }
}
