import type { Constraint } from '../../core/constraints.ts';
import type { Value } from '../../core/values.ts';
import type { Database } from '../../ports/database.ts';
import type { GraphConstraints, Holder } from '../../ports/graph-constraints.ts';
import { COMMENT_PREFIX } from './ddl-constraints.ts';

/** Constraints that were made by `add_constraint`, see ddl-constraints.ts. Other constraints of the tables are not known by what they mean. */
export class EmbeddedConstraints implements GraphConstraints {
  readonly #database: Database;
  readonly #schema: string;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#schema = schema;
  }

  async read(): Promise<readonly Constraint[]> {
    const tables = `(to_regclass('${this.#schema}.nodes'), to_regclass('${this.#schema}.relationships'))`;
    const { rows } = await this.#database.query<Constraint>(
      `SELECT c.name, c.kind, c.entity, c.subject, c.properties, c.types
       FROM (SELECT obj_description(i.indexrelid, 'pg_class') AS text FROM pg_index AS i WHERE i.indrelid IN ${tables}
             UNION ALL
             SELECT obj_description(t.oid, 'pg_trigger') FROM pg_trigger AS t WHERE t.tgrelid IN ${tables}) AS note
       CROSS JOIN LATERAL jsonb_to_record(substr(note.text, length($1) + 1)::jsonb)
         AS c(name text, kind text, entity text, subject text, properties text[], types text[])
       WHERE starts_with(note.text, $1) ORDER BY c.name COLLATE "C"`,
      [COMMENT_PREFIX],
    );
    return rows;
  }

  async holders(
    { entity, subject, properties }: Constraint,
    tuples: readonly (readonly Value[])[],
  ): Promise<readonly Holder[]> {
    if (tuples.length === 0) return [];
    const { rows } = await this.#database.query<{ at: number; key: string }>(
      `SELECT at, key FROM ${this.#schema}.constraint_holders($1, $2, $3::text[], $4::jsonb)`,
      [entity, subject, properties, JSON.stringify(tuples)],
    );
    return rows.map(({ at, key }) => ({ at, ref: { kind: entity, key } }));
  }
}
