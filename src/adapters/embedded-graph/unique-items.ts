import type { SqlExecutor } from '../../ports/database.ts';

/** A unique or exclusion constraint, or a unique index, that users put on a graph's table. Texts are SQL, as the database prints it. */
export interface UniqueItem {
  readonly name: string;
  readonly table: 'nodes' | 'relationships';
  /** What follows ADD CONSTRAINT <name>; null for an index. */
  readonly constraint: string | null;
  /** CREATE UNIQUE INDEX ... of the index. */
  readonly index: string;
  /** What must be unique: expressions over the columns. Empty for an exclusion constraint. */
  readonly expressions: readonly string[];
  /** Which rows it speaks of; null: all. */
  readonly predicate: string | null;
}

/** With an empty search path, so that every name comes with its schema. */
export async function readUniqueItems(tx: SqlExecutor, schema: string): Promise<UniqueItem[]> {
  await tx.query(`SELECT set_config('search_path', 'pg_catalog', true)`);
  const { rows } = await tx.query<UniqueItem>(
    `SELECT c.relname::text AS name, t.relname::text AS "table", pg_get_constraintdef(k.oid) AS constraint,
       pg_get_indexdef(i.indexrelid) AS index,
       CASE WHEN i.indisunique THEN ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false) FROM generate_series(1, i.indnkeyatts) AS n)
         ELSE '{}' END AS expressions,
       pg_get_expr(i.indpred, i.indrelid) AS predicate
     FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid
       LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('u', 'x')
     WHERE i.indrelid IN (to_regclass($1), to_regclass($2)) AND i.indisvalid AND NOT i.indisprimary
       AND (i.indisunique OR k.contype = 'x') ORDER BY c.relname`,
    [`${schema}.nodes`, `${schema}.relationships`],
  );
  return rows;
}
