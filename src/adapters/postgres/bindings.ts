import { type EntityBinding, type EntityKind, entityId } from '../../core/entities.ts';
import type { Bindings } from '../../ports/bindings.ts';
import type { SqlExecutor } from '../../ports/database.ts';
import { int2Array, int8Array, textArray } from './binary-arrays.ts';
import { kindNumber } from './history/rows.ts';

/** The bindings of one graph, in the table `graph_bindings`. */
export class PostgresBindings implements Bindings {
  readonly #database: SqlExecutor;
  readonly #graphId: number;

  constructor(database: SqlExecutor, graphId: number) {
    this.#database = database;
    this.#graphId = graphId;
  }

  async find(kind: EntityKind, keys: readonly string[]): Promise<Map<string, bigint>> {
    if (keys.length === 0) return new Map();
    const { rows } = await this.#database.query<{ keys: string[] | null; ids: string[] | null }>(
      // JSON is read many times faster than an array's own text.
      `SELECT json_agg(key) AS keys, json_agg(local_id::text) AS ids FROM graph_bindings
       WHERE graph_id = $1 AND kind = $2 AND key = ANY($3::text[])`,
      [this.#graphId, kindNumber(kind), textArray(keys)],
    );
    const [row] = rows;
    const ids = row?.ids ?? [];
    return new Map((row?.keys ?? []).map((key, at) => [key, BigInt(ids[at] ?? 0)]));
  }

  async add(bindings: readonly EntityBinding[]): Promise<Map<string, bigint>> {
    const [first] = bindings;
    if (first === undefined) return new Map();
    const { count } = await this.#database.query(
      `INSERT INTO graph_bindings (graph_id, kind, key, local_id)
       SELECT $1, kind, key, local_id FROM unnest($2::int2[], $3::text[], $4::int8[]) AS b (kind, key, local_id)
       ORDER BY kind, key COLLATE "C" ON CONFLICT DO NOTHING`,
      [this.#graphId, ...columns(bindings)],
    );
    if (count === bindings.length) return new Map();
    return this.find(
      first.kind,
      bindings.map(({ key }) => key),
    );
  }

  put(bindings: readonly EntityBinding[]): Promise<void> {
    return putBindings(this.#database, this.#graphId, bindings);
  }

  forget(bindings: readonly EntityBinding[]): Promise<void> {
    return forgetBindings(this.#database, this.#graphId, bindings);
  }

  async clear(): Promise<void> {
    await this.#database.query('DELETE FROM graph_bindings WHERE graph_id = $1', [this.#graphId]);
  }
}

/** See `Bindings.put`; for those who store bindings in a transaction of their own. */
export async function putBindings(on: SqlExecutor, graphId: number, bindings: readonly EntityBinding[]): Promise<void> {
  if (bindings.length === 0) return;
  // One statement may not touch a row twice. In the order of keys, so that two writers do not deadlock.
  const last = new Map(bindings.map((binding) => [entityId(binding), binding]));
  await on.query(
    `INSERT INTO graph_bindings (graph_id, kind, key, local_id)
     SELECT $1, kind, key, local_id FROM unnest($2::int2[], $3::text[], $4::int8[]) AS b (kind, key, local_id)
     ORDER BY kind, key COLLATE "C"
     ON CONFLICT (graph_id, kind, key) DO UPDATE SET local_id = excluded.local_id
     WHERE graph_bindings.local_id <> excluded.local_id`,
    [graphId, ...columns([...last.values()])],
  );
}

/** See `Bindings.forget`; for those who do so in a transaction of their own. */
export async function forgetBindings(
  on: SqlExecutor,
  graphId: number,
  bindings: readonly EntityBinding[],
): Promise<void> {
  if (bindings.length === 0) return;
  await on.query(
    `DELETE FROM graph_bindings AS g USING unnest($2::int2[], $3::text[], $4::int8[]) AS b (kind, key, local_id)
     WHERE g.graph_id = $1 AND g.kind = b.kind AND g.key = b.key AND g.local_id = b.local_id`,
    [graphId, ...columns(bindings)],
  );
}

function columns(bindings: readonly EntityBinding[]): [Uint8Array, Uint8Array, Uint8Array] {
  return [
    int2Array(bindings.map(({ kind }) => kindNumber(kind))),
    textArray(bindings.map(({ key }) => key)),
    int8Array(bindings.map(({ localId }) => localId)),
  ];
}
