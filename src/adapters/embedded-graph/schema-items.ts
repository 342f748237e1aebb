import type { SqlExecutor } from '../../ports/database.ts';
import type { SchemaItem } from '../../ports/knowledge-graph.ts';
import { BUILT_IN } from './ddl-tables.ts';

/** Constraints and indexes that users put on the graph's tables, by name; what every graph has is left out. */
export async function readSchema(on: SqlExecutor, schema: string): Promise<SchemaItem[]> {
  const tables = `(to_regclass('${schema}.nodes'), to_regclass('${schema}.relationships'))`;
  const { rows } = await on.query<SchemaItem>(
    `SELECT conname::text AS name, pg_get_constraintdef(oid) AS definition,
       CASE contype WHEN 'u' THEN 'UNIQUE' WHEN 'c' THEN 'CHECK' WHEN 'f' THEN 'FOREIGN KEY' WHEN 'x' THEN 'EXCLUSION'
         ELSE 'CONSTRAINT' END AS kind
     FROM pg_constraint WHERE conrelid IN ${tables} AND contype IN ('u', 'c', 'f', 'x') AND conname <> ALL($1::text[])
     UNION ALL
     SELECT c.relname::text, pg_get_indexdef(i.indexrelid), CASE WHEN i.indisunique THEN 'UNIQUE INDEX' ELSE 'INDEX' END
     FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
     WHERE i.indrelid IN ${tables} AND c.relname <> ALL($1::text[])
       AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
     ORDER BY name, kind`,
    [BUILT_IN],
  );
  return rows;
}
