import type { Database } from '../../ports/database.ts';
import type { Claim, IdempotencyId, IdempotencyStore } from '../../ports/idempotency-store.ts';
import { jsonText } from './sql-parameters.ts';

/** What the `result` column holds: a claim until it is done, then the result. */
type Stored =
  | { readonly holder: string; readonly until: number }
  | { readonly failed: true }
  | { readonly done: unknown };

interface ClaimRow {
  readonly input_hash: string;
  readonly result: Stored;
}

const ID = 'actor = $1 AND graph = $2 AND mutation = $3 AND key = $4';
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** Idempotency keys in PostgreSQL, whose clock decides which claims are alive. */
export class PostgresIdempotencyStore implements IdempotencyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async claim(id: IdempotencyId, inputHash: string, holder: string, ttlMs: number): Promise<Claim> {
    const claim = `jsonb_build_object('holder', $6::text, 'until', ${NOW} + $7::bigint)`;
    // An update that finds nothing to take returns no row; what is there is then read by a second statement with a fresh view.
    const taken = await this.#database.query<{ retried: boolean }>(
      `INSERT INTO idempotency_keys AS k (actor, graph, mutation, key, input_hash, result)
       VALUES ($1, $2, $3, $4, $5, ${claim})
       ON CONFLICT (actor, graph, mutation, key) DO UPDATE SET result = excluded.result, input_hash = excluded.input_hash, created_at = now()
       WHERE k.result ? 'failed' OR (k.input_hash = $5 AND (k.result ->> 'until')::bigint < ${NOW})
       RETURNING xmax <> 0 AS retried`,
      [...idOf(id), inputHash, holder, ttlMs],
    );
    const [mine] = taken.rows;
    if (mine !== undefined) return { kind: 'CLAIMED', retried: mine.retried };
    const found = await this.#database.query<ClaimRow>(
      `SELECT input_hash, result FROM idempotency_keys WHERE ${ID}`,
      idOf(id),
    );
    const [row] = found.rows;
    if (row === undefined) return { kind: 'BUSY' };
    const { input_hash, result } = row;
    if (input_hash !== inputHash) return { kind: 'MISMATCH', result: 'done' in result ? result.done : null };
    return 'done' in result ? { kind: 'DONE', result: result.done } : { kind: 'BUSY' };
  }

  async renew(id: IdempotencyId, holder: string, ttlMs: number): Promise<void> {
    await this.#database.query(
      `UPDATE idempotency_keys SET result = jsonb_set(result, '{until}', to_jsonb(${NOW} + $6::bigint))
       WHERE ${ID} AND result ->> 'holder' = $5`,
      [...idOf(id), holder, ttlMs],
    );
  }

  async finish(id: IdempotencyId, holder: string, result: unknown): Promise<void> {
    await this.#database.query(
      `UPDATE idempotency_keys SET result = $6::jsonb WHERE ${ID} AND result ->> 'holder' = $5`,
      [...idOf(id), holder, jsonText({ done: result })],
    );
  }

  async fail(id: IdempotencyId, holder: string): Promise<void> {
    await this.#database.query(
      `UPDATE idempotency_keys SET result = '{"failed": true}' WHERE ${ID} AND result ->> 'holder' = $5`,
      [...idOf(id), holder],
    );
  }

  async purge(ageMs: number, limit: number): Promise<number> {
    const { count } = await this.#database.query(
      `DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM idempotency_keys WHERE created_at < now() - $1::bigint * interval '1 millisecond'
         ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
      [ageMs, limit],
    );
    return count;
  }
}

function idOf({ actor, graph, mutation, key }: IdempotencyId): readonly string[] {
  return [actor, graph, mutation, key];
}
