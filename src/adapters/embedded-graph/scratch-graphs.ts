import type { Constraint } from '../../core/constraints.ts';
import type { EntityId, EntityKind, EntityRef, EntityState } from '../../core/entities.ts';
import type { Database, SqlExecutor } from '../../ports/database.ts';
import type { GraphTransaction, KnowledgeGraph, WriteContext } from '../../ports/knowledge-graph.ts';
import type { ScratchGraph, ScratchGraphs, TakenValue } from '../../ports/scratch-graphs.ts';
import { isUuid } from '../postgres/sql-parameters.ts';
import { EmbeddedGraph } from './embedded-graph.ts';
import { graphSchema } from './graph-schema.ts';
import { scratchTables } from './scratch-ddl.ts';
import { readUniqueItems, type UniqueItem } from './unique-items.ts';
import { copyStates } from './writes.ts';

/** Of what `add_constraint` takes. */
const MAX_NAME_BYTES = 60;
const PREFIX = 'palinode_scratch_';

/** Scratch graphs as embedded graphs without capture, each in a PostgreSQL schema of its own, whatever kind of graph they are copies of. */
export class EmbeddedScratchGraphs implements ScratchGraphs {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(name: string, like: KnowledgeGraph): Promise<ScratchGraph> {
    const schema = scratchSchema(name);
    const source = like.kind === 'EMBEDDED' ? graphSchema(like.name) : null;
    const declared = (await like.constraints?.read()) ?? [];
    const items = await this.#database.transaction(async (tx) => {
      const unique = source === null ? [] : await readUniqueItems(tx, source);
      const others = unique.filter((item) => declared.every((constraint) => constraint.name !== item.name));
      await tx.script(scratchTables(schema, source));
      if (source !== null) for (const item of others) await tx.script(copyOf(item, source, schema));
      for (const [at, constraint] of declared.entries()) await declare(tx, schema, constraint, at);
      return others;
    });
    return new EmbeddedScratchGraph(this.#database, schema, source, items);
  }

  async remove(name: string): Promise<void> {
    await this.#database.script(`DROP SCHEMA IF EXISTS ${scratchSchema(name)} CASCADE`);
  }

  async names(limit: number): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ name: string }>(
      `SELECT substr(nspname, $1::integer) AS name FROM pg_namespace WHERE starts_with(nspname, $2) ORDER BY nspname LIMIT $3`,
      [PREFIX.length + 1, PREFIX, limit],
    );
    return rows.map(({ name }) => name).filter(isUuid);
  }
}

class EmbeddedScratchGraph implements ScratchGraph {
  readonly #database: Database;
  readonly #schema: string;
  readonly #source: string | null;
  readonly #items: readonly UniqueItem[];
  readonly #graph: EmbeddedGraph;

  constructor(database: Database, schema: string, source: string | null, items: readonly UniqueItem[]) {
    this.#database = database;
    this.#schema = schema;
    this.#source = source;
    this.#items = items;
    this.#graph = new EmbeddedGraph(database, 'scratch', { schema });
  }

  transaction<T>(context: WriteContext, work: (tx: GraphTransaction) => Promise<T>): Promise<T> {
    return this.#graph.transaction(context, work);
  }

  read(refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState>> {
    return this.#graph.read(refs);
  }

  scan(kind: EntityKind, pageSize: number): AsyncIterable<readonly EntityState[]> {
    return this.#graph.scan(kind, pageSize);
  }

  async load(states: readonly EntityState[]): Promise<void> {
    if (states.length > 0) await this.#database.transaction((tx) => copyStates(tx, this.#schema, states));
  }

  async taken(limit: number): Promise<readonly TakenValue[]> {
    const found: TakenValue[] = [];
    for (const item of this.#items) {
      if (found.length < limit) found.push(...(await this.#takenFrom(this.#database, item, limit - found.length)));
    }
    return found;
  }

  async #takenFrom(on: SqlExecutor, item: UniqueItem, limit: number): Promise<TakenValue[]> {
    if (this.#source === null || item.expressions.length === 0) return [];
    const kind: EntityKind = item.table === 'nodes' ? 'NODE' : 'RELATIONSHIP';
    const values = item.expressions.map((expression, at) => `${expression} AS v${at}`).join(', ');
    const of = (schema: string): string =>
      `(SELECT key, ${values} FROM ${schema}.${item.table} WHERE ${item.predicate ?? 'true'})`;
    // Without statistics the copy looks small, however large it is.
    await on.query(`ANALYZE ${this.#schema}.${item.table}`);
    const { rows } = await on.query<{ key: string; other: string }>(
      `SELECT mine.key, other.key AS other FROM ${of(this.#schema)} AS mine JOIN ${of(this.#source)} AS other
           ON ${item.expressions.map((_, at) => `mine.v${at} = other.v${at}`).join(' AND ')}
       WHERE NOT EXISTS (SELECT FROM ${this.#schema}.copied AS c WHERE c.kind = $1::"char" AND c.key = other.key) LIMIT $2`,
      [kind === 'NODE' ? 'N' : 'R', limit],
    );
    return rows.map(({ key, other: otherKey }) => ({ kind, key, constraint: item.name, otherKey }));
  }
}

async function declare(tx: SqlExecutor, schema: string, constraint: Constraint, at: number): Promise<void> {
  const { kind, entity, subject, properties, types } = constraint;
  const name = Buffer.byteLength(constraint.name) <= MAX_NAME_BYTES ? constraint.name : `constraint ${at + 1}`;
  await tx.query(`SELECT ${schema}.add_constraint($1, $2, $3, $4, $5::text[], $6::text[])`, [
    name,
    kind,
    entity,
    subject,
    properties,
    types,
  ]);
}

/** The definition of a unique item names its table once, before anything that a user wrote but its name. */
function copyOf({ name, table, constraint, index }: UniqueItem, source: string, schema: string): string {
  if (constraint !== null)
    return `ALTER TABLE ${schema}.${table} ADD CONSTRAINT "${name.replaceAll('"', '""')}" ${constraint}`;
  const place = ` ON ${source.replaceAll('"', '')}.${table} USING `;
  return index.replace(place, () => ` ON ${schema}.${table} USING `);
}

/** Throws what is no UUID out: the name becomes part of a statement. */
function scratchSchema(name: string): string {
  if (!isUuid(name)) throw new RangeError(`${name} cannot name a scratch graph`);
  return `"${PREFIX}${name.toLowerCase()}"`;
}
