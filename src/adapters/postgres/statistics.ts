import type { Database } from '../../ports/database.ts';

/**
 * The columns that statements choose rows by. Those with content are left out: they are the widest, and no condition ever names them, so that
 * sampling them costs the most and gives nothing.
 */
const CHOSEN_BY = {
  entity_labels: 'graph_id, label, key',
  entity_versions: 'graph_id, kind, key, valid_from_seq, present, type, start_key, end_key',
  operation_plan: 'operation_id, no, group_no, phase, kind, key, action, state',
  graph_transactions: 'graph_id, seq, feed_id, time, actor, session_id, source, operation_id, cut, change_count',
} as const;

export type CountedTable = keyof typeof CHOSEN_BY;

/** Pages below which any plan is a good one. */
const SMALL = 64;

/**
 * Has the planner's statistics of tables renewed that have more than doubled since. A server does so by itself, but only after a while,
 * and PGlite never does; until then a query over what was just loaded may be planned as if there were next to nothing.
 * Costs one look at the catalogue when there is nothing to do.
 */
export async function renewStatistics(database: Database, tables: readonly CountedTable[]): Promise<void> {
  const { rows } = await database.query<{ name: CountedTable }>(
    `SELECT c.relname AS name FROM pg_class c
     WHERE c.oid = ANY($1::text[]::regclass[]::oid[])
       AND pg_relation_size(c.oid) / current_setting('block_size')::int > 2 * c.relpages + $2::int`,
    [tables, SMALL],
  );
  for (const { name } of rows) await database.query(`ANALYZE ${name} (${CHOSEN_BY[name]})`);
}
