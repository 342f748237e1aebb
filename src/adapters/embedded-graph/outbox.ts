import type { Database, SqlExecutor } from '../../ports/database.ts';
import type { Pending } from '../../ports/knowledge-graph.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** PGlite has no autovacuum: past this size an empty outbox is truncated. */
const TRUNCATE_ABOVE_BYTES = 8_000_000n;

/** What waits in the outbox. Reads one header per waiting transaction, no changes. */
export async function pending(on: SqlExecutor, schema: string): Promise<Pending> {
  const { rows } = await on.query<Pending>(
    `SELECT count(*) AS transactions, coalesce(sum(changes), 0)::bigint AS changes,
       min(committed_at) AS oldest, max(committed_at) AS newest
     FROM ${schema}.outbox_transactions`,
  );
  return rows[0] ?? { transactions: 0n, changes: 0n, oldest: null, newest: null };
}

/** Drops recorded transactions and remembers the highest transaction id among them, which cuts are judged by. */
export async function acknowledge(database: Database, schema: string, ids: readonly string[]): Promise<void> {
  const known = ids.filter((id) => UUID.test(id));
  if (known.length === 0) return;
  await database.query(
    `WITH gone AS (DELETE FROM ${schema}.outbox_transactions WHERE id = ANY($1::uuid[]) RETURNING xid),
          rows AS (DELETE FROM ${schema}.outbox AS o USING gone WHERE o.xid = gone.xid)
     UPDATE ${schema}.capture SET newest_recorded = greatest(newest_recorded, (SELECT max(xid) FROM gone))`,
    [known],
  );
  if (database.engine === 'pglite') await reclaim(database, schema);
}

async function reclaim(database: Database, schema: string): Promise<void> {
  const tables = [`${schema}.outbox`, `${schema}.outbox_transactions`];
  const { rows } = await database.query<{ bytes: bigint }>(
    `SELECT sum(pg_total_relation_size(t::regclass))::bigint AS bytes FROM unnest($1::text[]) AS t`,
    [tables],
  );
  if ((rows[0]?.bytes ?? 0n) < TRUNCATE_ABOVE_BYTES) return;
  await database.transaction(async (tx) => {
    const { rows: waiting } = await tx.query(`SELECT FROM ${schema}.outbox_transactions LIMIT 1`);
    if (waiting.length === 0) await tx.query(`TRUNCATE ${tables.join(', ')}`);
  });
}
