import { randomUUID } from 'node:crypto';
import { ahead } from '../../core/ahead.ts';
import type { EntityKind } from '../../core/entities.ts';
import type { BaselinePage } from '../../ports/knowledge-graph.ts';
import type { Connection, Row, Statements } from './connection.ts';
import { unfitKey } from './entities/cypher.ts';
import type { EntityStore } from './entities/entity-store.ts';
import { DEFAULT_KEY_PROPERTY, isOursText, quotedKeyProperty } from './names.ts';
import type { OwnMetadata } from './own-metadata.ts';

/** Entities that are given keys, and locked for it, in one transaction: few, so that writers wait for a fraction of a second at most. */
const LOCKED = 2500n;
const CURSOR = /^([NR]):(\d+):(\d+)$/;

/** The place where a page ends: all ids of a kind below `next` were read; `end` is beyond the largest id when the kind was begun. */
interface Place {
  readonly kind: EntityKind;
  readonly next: bigint;
  readonly end: bigint;
}

interface BaselineCypher {
  /** Row: end. */
  readonly end: string;
  /** from, to: ids, both included. Rows as the reads of `Cypher` give them. */
  readonly read: string;
  /** from, to, prefix. Gives keys to what has none. */
  readonly assign: string;
}

/**
 * Everything in a graph by ranges of its internal ids: each page is one statement of its own, so any page can be the first. A range is read while
 * the page before it is made. What is created above the range while it is read is captured. Keys are given before a page is read, where
 * the key property is the service's own; a key property of the user's is never written, and what lacks it is left out. What is read is bound.
 *
 * @param areNew whether most of what is read has no binding yet
 */
export async function* readBaseline(
  connection: Connection,
  store: EntityStore,
  keyProperty: string,
  after: string | null,
  pageSize: number,
  areNew: boolean,
): AsyncGenerator<BaselinePage> {
  const start = after === null ? null : placeOf(after);
  const keys = keyProperty === DEFAULT_KEY_PROPERTY ? new KeyGiver(connection, store.own) : null;
  for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
    if (start?.kind === 'RELATIONSHIP' && kind === 'NODE') continue;
    const cypher = cypherOf(kind, keyProperty);
    const place = start?.kind === kind ? start : { kind, next: 0n, end: await endOf(connection, cypher) };
    const on: Statements = { run: (text, params) => connection.read(text, params) };
    for await (const range of ahead(readRanges(connection, cypher, keys, place, pageSize))) {
      const found = await store.states.read(on, kind, await store.keys.settle(kind, range.rows, areNew));
      yield { entities: found.map(({ state }) => state), cursor: cursorOf(range.place) };
    }
  }
}

/** Ranges one after another, each with the place where it ends. An empty one, where much was deleted, only at the end. */
async function* readRanges(
  connection: Connection,
  cypher: BaselineCypher,
  keys: KeyGiver | null,
  from: Place,
  pageSize: number,
): AsyncGenerator<{ readonly rows: readonly Row[]; readonly place: Place }> {
  for (let place = from; place.next < place.end; ) {
    const to = place.next + BigInt(pageSize) - 1n;
    const rows = await readRange(connection, cypher, keys, place.next, to);
    place = { ...place, next: to + 1n };
    if (rows.length > 0 || place.next >= place.end) yield { rows, place };
  }
}

async function readRange(
  connection: Connection,
  cypher: BaselineCypher,
  keys: KeyGiver | null,
  from: bigint,
  to: bigint,
): Promise<readonly Row[]> {
  const range = { from, to };
  // Where one page lacked keys the next one does, too.
  if (keys?.isGiving === true) await keys.give(cypher, range);
  const rows = await connection.read(cypher.read, range);
  if (keys === null || rows.every(({ key }) => typeof key === 'string')) return rows;
  await keys.give(cypher, range);
  return connection.read(cypher.read, range);
}

/**
 * Gives keys that grow with the ids, in the form of a UUID (version 8: of the application's own making): a moment, chance, and the id in
 * decimal digits. Indexes over them grow at their end, which is several times faster than all over.
 */
class KeyGiver {
  isGiving = false;
  readonly #connection: Connection;
  readonly #own: OwnMetadata;
  readonly #prefix: string;

  constructor(connection: Connection, own: OwnMetadata) {
    this.#connection = connection;
    this.#own = own;
    const moment = Date.now().toString(16).padStart(12, '0');
    const chance = randomUUID();
    this.#prefix = `${moment.slice(0, 8)}-${moment.slice(8)}-8${chance.slice(15, 18)}-${chance.slice(19, 23)}-`;
  }

  async give({ assign }: BaselineCypher, range: { readonly from: bigint; readonly to: bigint }): Promise<void> {
    this.isGiving = true;
    for (let from = range.from; from <= range.to; from += LOCKED) {
      const to = from + LOCKED - 1n < range.to ? from + LOCKED - 1n : range.to;
      const params = { from, to, prefix: this.#prefix };
      await this.#connection.writeOnce(assign, params, { metadata: await this.#own.housekeeping() });
    }
  }
}

async function endOf(connection: Connection, { end }: BaselineCypher): Promise<bigint> {
  const [row] = await connection.read(end);
  return typeof row?.end === 'bigint' ? row.end : 0n;
}

function cypherOf(kind: EntityKind, keyProperty: string): BaselineCypher {
  const key = quotedKeyProperty(keyProperty);
  const match = kind === 'NODE' ? 'MATCH (e)' : 'MATCH (s)-[e]->(t)';
  const notOurs = kind === 'NODE' ? ` AND NOT ${isOursText('e')}` : '';
  const columns =
    kind === 'NODE'
      ? `elementId(e) AS id, e.${key} AS key, labels(e) AS labels, properties(e) AS properties`
      : `elementId(e) AS id, e.${key} AS key, type(e) AS type, s.${key} AS start, t.${key} AS end, properties(e) AS properties`;
  const range = 'id(e) IN range($from, $to)';
  return {
    end: `${kind === 'NODE' ? 'MATCH (e)' : 'MATCH ()-[e]->()'} RETURN coalesce(max(id(e)) + 1, 0) AS end`,
    read: `${match} WHERE ${range}${notOurs} RETURN ${columns}`,
    assign: `${match} WHERE ${range} AND ${unfitKey(`e.${key}`)}${notOurs} SET e.${key} = $prefix + right('000000000000' + toString(id(e)), 12)`,
  };
}

function cursorOf({ kind, next, end }: Place): string {
  return `${kind.charAt(0)}:${next}:${end}`;
}

function placeOf(cursor: string): Place {
  const [, kind, next, end] = CURSOR.exec(cursor) ?? [];
  if (next === undefined || end === undefined) throw new RangeError(`not a cursor of a baseline: ${cursor}`);
  return { kind: kind === 'N' ? 'NODE' : 'RELATIONSHIP', next: BigInt(next), end: BigInt(end) };
}
