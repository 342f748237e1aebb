import { randomUUID } from 'node:crypto';
import type { EntityBinding, EntityKind } from '../../../core/entities.ts';
import type { Bindings } from '../../../ports/bindings.ts';
import type { Connection, Row, Statements } from '../connection.ts';
import { DEFAULT_KEY_PROPERTY } from '../names.ts';
import type { OwnMetadata } from '../own-metadata.ts';
import type { Cypher } from './cypher.ts';
import { type ElementIds, localIdOf, placesOf } from './element-ids.ts';

export interface PageKeysParts {
  readonly connection: Connection;
  readonly bindings: Bindings;
  readonly cypher: Cypher;
  readonly ids: ElementIds;
  readonly keyProperty: string;
  readonly own: OwnMetadata;
  /** Hears of keys of the user's own that several entities have, all but one of which are left out. */
  readonly doubled: (keys: readonly string[]) => void;
}

/** Where a key is bound. */
export interface BoundPlace {
  readonly localId: bigint;
  /** Whether the entity there has the key now. */
  readonly isHeld: boolean;
}

/** An entity that is to have another key, with the text that it may have now. */
interface Unkeyed {
  readonly id: unknown;
  readonly old: string | null;
  readonly key: string;
}

/**
 * Sees to it that every entity of a page has a key that no other has, and binds it. While nothing watches over keys, before capture, in a gap,
 * without a trigger, people take them away, put numbers in their place, and copy nodes with all their properties. Of those that share
 * a key one keeps it, the one that is bound if it is still there. Where the key property is the user's own, which is never written, the
 * others are left out.
 */
export class PageKeys {
  readonly #parts: PageKeysParts;
  readonly #isOurs: boolean;

  constructor(parts: PageKeysParts) {
    this.#parts = parts;
    this.#isOurs = parts.keyProperty === DEFAULT_KEY_PROPERTY;
  }

  /**
   * @param rows as the reads of `Cypher` give them
   * @param areNew whether most of them have no binding yet
   * @returns the rows that have keys, some of them read again
   */
  async settle(kind: EntityKind, rows: readonly Row[], areNew: boolean): Promise<readonly Row[]> {
    const byKey = Map.groupBy(
      rows.filter(({ key }) => isFit(key)),
      ({ key }) => String(key),
    );
    const { keepers, doubles, moved } = await this.#sort(kind, byKey, areNew);
    await this.#parts.bindings.put(moved);
    const unfit = rows.filter(({ key }) => !isFit(key));
    if (!this.#isOurs) {
      if (doubles.length > 0) this.#parts.doubled([...new Set(doubles.map(({ key }) => String(key)))]);
      return keepers;
    }
    if (unfit.length + doubles.length === 0) return keepers;
    return [...keepers, ...(await this.#give(kind, unfit, doubles))];
  }

  /** Keys that are bound to another place than one of these says: to which, and whether the entity there still has it. */
  async elsewhere(kind: EntityKind, found: readonly EntityBinding[]): Promise<ReadonlyMap<string, BoundPlace>> {
    if (found.length === 0) return new Map();
    const bound = await this.#parts.bindings.find(kind, [...new Set(found.map(({ key }) => key))]);
    const elsewhere = new Map(
      found.flatMap(({ key, localId }): [string, bigint][] => {
        const place = bound.get(key);
        return place === undefined || place === localId ? [] : [[key, place]];
      }),
    );
    const held = await this.#held(kind, elsewhere);
    return new Map([...elsewhere].map(([key, localId]) => [key, { localId, isHeld: held.has(key) }]));
  }

  /** Who keeps the key that he has, who does not, and whose binding is new. */
  async #sort(kind: EntityKind, byKey: ReadonlyMap<string, readonly Row[]>, areNew: boolean) {
    const bound = await this.#bound(kind, byKey, areNew);
    const elsewhere = new Map<string, bigint>();
    const keepers: Row[] = [];
    const doubles: Row[] = [];
    const keep = (rows: readonly Row[], keeper: Row | undefined): void => {
      for (const row of rows) (row === keeper ? keepers : doubles).push(row);
    };
    for (const [key, rows] of byKey) {
      const place = bound.get(key);
      const keeper = place === undefined ? rows[0] : rows.find(({ id }) => localIdOf(id) === place);
      if (place !== undefined && keeper === undefined) elsewhere.set(key, place);
      else keep(rows, keeper);
    }
    const held = await this.#held(kind, elsewhere);
    for (const key of elsewhere.keys()) {
      const rows = byKey.get(key) ?? [];
      keep(rows, held.has(key) ? undefined : rows[0]);
    }
    const moved = keepers.flatMap(({ id, key }): EntityBinding[] => {
      const binding = { kind, key: String(key), localId: localIdOf(id) };
      return bound.get(binding.key) === binding.localId || (areNew && !bound.has(binding.key)) ? [] : [binding];
    });
    return { keepers, doubles, moved };
  }

  /** Where keys are bound; what is new is bound here to the first of its rows, and left out of the map. */
  async #bound(
    kind: EntityKind,
    byKey: ReadonlyMap<string, readonly Row[]>,
    areNew: boolean,
  ): Promise<ReadonlyMap<string, bigint>> {
    const { bindings } = this.#parts;
    if (!areNew) return bindings.find(kind, [...byKey.keys()]);
    return bindings.add(
      [...byKey].flatMap(([key, [row]]) => (row === undefined ? [] : { kind, key, localId: localIdOf(row.id) })),
    );
  }

  /** The keys that what they are bound to still has. */
  async #held(kind: EntityKind, places: ReadonlyMap<string, bigint>): Promise<ReadonlySet<string>> {
    const { connection, ids, cypher } = this.#parts;
    const on: Statements = { run: (text, params) => connection.read(text, params) };
    if (places.size === 0 || !(await ids.learn(on))) return new Set();
    const text = kind === 'NODE' ? cypher.readNodes : cypher.readRelationships;
    const rows = await on.run(text, { ids: ids.places(kind, [...places.values()]) });
    return new Set(
      rows.flatMap(({ id, key }) => (typeof key === 'string' && places.get(key) === localIdOf(id) ? key : [])),
    );
  }

  async #give(kind: EntityKind, unfit: readonly Row[], doubles: readonly Row[]): Promise<readonly Row[]> {
    const { connection, cypher, bindings, own } = this.#parts;
    const wanted = [
      ...unfit.map(({ id }): Unkeyed => ({ id, old: null, key: randomUUID() })),
      ...doubles.map(({ id, key }): Unkeyed => ({ id, old: String(key), key: randomUUID() })),
    ];
    const [assign, read] =
      kind === 'NODE' ? [cypher.assignNodes, cypher.readNodes] : [cypher.assignRelationships, cypher.readRelationships];
    await connection.write({ metadata: await own.housekeeping() }, (tx) => tx.run(assign, { rows: wanted }));
    const byId = new Map(wanted.map((one) => [one.id, one]));
    // What got its key from somebody else meanwhile is as good; what is still as it was is gone, or was changed by others just now.
    const again = (await connection.read(read, { ids: placesOf([...byId.keys()].map(String)) })).filter(
      ({ id, key }) => isFit(key) && key !== byId.get(id)?.old,
    );
    await bindings.put(again.map(({ id, key }) => ({ kind, key: String(key), localId: localIdOf(id) })));
    return again;
  }
}

/** Whether it can be the key of an entity: a text that is not empty. */
function isFit(key: unknown): boolean {
  return typeof key === 'string' && key !== '';
}
