import type { Database } from '../../ports/database.ts';

/** Pages below which any plan is a good one. */
const SMALL = 64;

/**
 * Has the planner's statistics of tables renewed that have more than doubled since. A server does so by itself, but only after a while,
 * and PGlite never does; until then a query over what was just loaded may be planned as if there were next to nothing.
 * Costs one look at the catalogue when there is nothing to do.
 */
export async function renewStatistics(database: Database, tables: readonly string[]): Promise<void> {
  const { rows } = await database.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c
     WHERE c.oid = ANY($1::text[]::regclass[]::oid[])
       AND pg_relation_size(c.oid) / current_setting('block_size')::int > 2 * c.relpages + $2::int`,
    [tables, SMALL],
  );
  for (const { name } of rows) await database.query(`ANALYZE ${name}`);
}
