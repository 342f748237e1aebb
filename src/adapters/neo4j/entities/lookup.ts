import type { EntityBinding, EntityKind } from '../../../core/entities.ts';
import type { Bindings } from '../../../ports/bindings.ts';
import type { Statements } from '../connection.ts';
import type { Cypher } from './cypher.ts';
import { type ElementIds, localIdOf } from './element-ids.ts';
import type { Found, StateReader } from './states.ts';

/** Keys in one statement: bounds its parameters and its result. */
const KEYS_PER_STATEMENT = 5000;

/** Tells which keys without a binding may exist all the same, since capture has not come to them. */
export type Unseen = (on: Statements, kind: EntityKind, keys: readonly string[]) => Promise<readonly string[]>;

/** What finding entities by key needs. */
export interface LookupParts {
  readonly bindings: Bindings;
  readonly ids: ElementIds;
  readonly cypher: Cypher;
  readonly states: StateReader;
  readonly unseen: Unseen;
}

/** What is to happen to what is found, or not. */
export interface LookupOptions {
  /** `lock` locks entities, in the order of their local ids; `locate` is for who asks no more than where they are: states come without properties. */
  readonly how?: 'read' | 'lock' | 'locate';
  /**
   * Forgets bindings to what does not exist. Only for those who hold the locks of the keys: the entity may be one that another transaction
   * has created and bound, and not committed yet.
   */
  readonly settle?: boolean;
}

/**
 * Finds entities by key: where their binding says, and the key is compared. Only what is not there, though it was bound, or what
 * capture may not have seen yet, is searched for among all entities: once for all such keys, which binds what is found.
 */
export class Lookup {
  readonly #parts: LookupParts;

  constructor(parts: LookupParts) {
    this.#parts = parts;
  }

  /** Absent keys are missing from the map. */
  async find(
    on: Statements,
    kind: EntityKind,
    keys: readonly string[],
    options: LookupOptions = {},
  ): Promise<Map<string, Found>> {
    const found = new Map<string, Found>();
    for (let at = 0; at < keys.length; at += KEYS_PER_STATEMENT) {
      await this.#findPart(on, kind, keys.slice(at, at + KEYS_PER_STATEMENT), options, found);
    }
    return found;
  }

  async #findPart(
    on: Statements,
    kind: EntityKind,
    keys: readonly string[],
    options: LookupOptions,
    found: Map<string, Found>,
  ): Promise<void> {
    const { bindings, ids } = this.#parts;
    if (!(await ids.learn(on))) return;
    const bound = await bindings.find(kind, keys);
    await this.#at(on, kind, bound, options, found);
    const missed = [...bound].filter(([key]) => !found.has(key));
    const unbound = keys.filter((key) => !bound.has(key) && !found.has(key));
    // Bindings are stored before capture forgets what they came from: so first that is looked at, then they are.
    const unseen = unbound.length === 0 ? [] : await this.#parts.unseen(on, kind, unbound);
    const late = unbound.length === 0 ? new Map<string, bigint>() : await bindings.find(kind, unbound);
    await this.#at(on, kind, late, options, found);
    const sought = [...missed.map(([key]) => key), ...late.keys(), ...unseen].filter((key) => !found.has(key));
    if (sought.length === 0) return;
    // Another store may stand behind the same name now: then none of the ids fit.
    await ids.learnAgain(on);
    await this.#search(on, kind, [...new Set(sought)], options, found);
    if (options.settle !== true) return;
    const gone = [...missed, ...late].filter(([key]) => !found.has(key));
    await bindings.forget(gone.map(([key, localId]) => ({ kind, key, localId })));
  }

  /** Reads what is bound and keeps what has the key that it should have. */
  async #at(
    on: Statements,
    kind: EntityKind,
    bound: ReadonlyMap<string, bigint>,
    { how = 'read' }: LookupOptions,
    found: Map<string, Found>,
  ): Promise<void> {
    if (bound.size === 0) return;
    const { cypher, ids, states } = this.#parts;
    const text = cypher[kind === 'NODE' ? (`${how}Nodes` as const) : (`${how}Relationships` as const)];
    const sorted = [...new Set(bound.values())].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const rows = await on.run(text, { ids: ids.places(kind, sorted) });
    for (const entity of await states.read(on, kind, rows)) {
      if (bound.get(entity.state.key) === entity.localId) found.set(entity.state.key, entity);
    }
  }

  async #search(
    on: Statements,
    kind: EntityKind,
    keys: readonly string[],
    options: LookupOptions,
    found: Map<string, Found>,
  ): Promise<void> {
    const { cypher, bindings } = this.#parts;
    const rows = await on.run(kind === 'NODE' ? cypher.searchNodes : cypher.searchRelationships, { keys });
    const bound = new Map<string, bigint>();
    for (const { id, key } of rows) {
      const localId = localIdOf(id);
      // Of copies that capture has not settled yet, the oldest address counts.
      const other = typeof key === 'string' ? bound.get(key) : undefined;
      if (typeof key === 'string' && (other === undefined || localId < other)) bound.set(key, localId);
    }
    await bindings.put([...bound].map(([key, localId]): EntityBinding => ({ kind, key, localId })));
    await this.#at(on, kind, bound, options, found);
  }
}

interface Place {
  readonly localId: bigint;
  readonly elementId: string;
}

/** Where the entities are that one transaction has found or created. */
export class Located {
  readonly #places: Readonly<Record<EntityKind, Map<string, Place>>> = { NODE: new Map(), RELATIONSHIP: new Map() };
  /** Keys of what the transaction deletes, by elementId: Neo4j may refuse that when it commits. */
  readonly #deleted = new Map<string, string>();

  add(kind: EntityKind, key: string, place: Place): void {
    this.#places[kind].set(key, place);
  }

  elementId(kind: EntityKind, key: string): string | undefined {
    return this.#places[kind].get(key)?.elementId;
  }

  localId(kind: EntityKind, key: string): bigint | undefined {
    return this.#places[kind].get(key)?.localId;
  }

  /** The key of the entity at a place. Looks at all of them: for saying what was refused. */
  keyAt(kind: EntityKind, elementId: string): string | undefined {
    for (const [key, place] of this.#places[kind]) if (place.elementId === elementId) return key;
    return this.#deleted.get(elementId);
  }

  remove(kind: EntityKind, key: string): void {
    const place = this.#places[kind].get(key);
    if (place !== undefined) this.#deleted.set(place.elementId, key);
    this.#places[kind].delete(key);
  }
}
