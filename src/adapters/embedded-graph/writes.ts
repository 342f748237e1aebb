import { chunks } from '../../core/chunks.ts';
import type { EntityChange, EntityState, NodeState, RelationshipState } from '../../core/entities.ts';
import type { SqlExecutor } from '../../ports/database.ts';
import { textArray } from '../postgres/binary-arrays.ts';
import { vanished } from './constraint-errors.ts';

/** Rows that one statement writes: enough to make its cost per row flat, few enough to bound its text. */
const ROWS_PER_STATEMENT = 5000;

interface Phases {
  readonly relationshipsDeleted: string[];
  readonly nodesDeleted: string[];
  readonly nodesCreated: NodeState[];
  readonly nodesUpdated: NodeState[];
  readonly relationshipsCreated: RelationshipState[];
  readonly relationshipsUpdated: RelationshipState[];
}

/**
 * Writes net changes set by set, in the order that keeps every relationship's ends there.
 * @throws ConstraintError when an entity to update or delete is gone; DatabaseError as the graph refuses
 */
export async function writeChanges(tx: SqlExecutor, schema: string, changes: readonly EntityChange[]): Promise<void> {
  const phases = phasesOf(changes);
  await deleteKeys(tx, `${schema}.relationships`, phases.relationshipsDeleted);
  await deleteKeys(tx, `${schema}.nodes`, phases.nodesDeleted);
  await writeRows(tx, phases.nodesCreated, 'nodes', insertNodes(schema), nodeColumns);
  await writeRows(tx, phases.nodesUpdated, 'nodes', updateNodes(schema), nodeColumns);
  await writeRows(tx, phases.relationshipsCreated, 'relationships', insertRelationships(schema), relationshipColumns);
  await writeRows(tx, phases.relationshipsUpdated, 'relationships', updateRelationships(schema), (rows) => [
    rows.map(({ key }) => key),
    rows.map(({ properties }) => JSON.stringify(properties)),
  ]);
}

/** Inserts entities as they are, passing over those that were copied before, and notes which they are. */
export async function copyStates(tx: SqlExecutor, schema: string, states: readonly EntityState[]): Promise<void> {
  const nodes = states.filter((state) => state.kind === 'NODE');
  const relationships = states.filter((state) => state.kind === 'RELATIONSHIP');
  const passing = 'ON CONFLICT (key) DO NOTHING RETURNING key';
  const noting = (kind: string, insert: string): string =>
    `WITH added AS (${insert} ${passing}) INSERT INTO ${schema}.copied (kind, key) SELECT '${kind}', key FROM added`;
  for (const part of chunks(nodes, ROWS_PER_STATEMENT))
    await tx.query(noting('N', insertNodes(schema)), nodeColumns(part));
  for (const part of chunks(relationships, ROWS_PER_STATEMENT))
    await tx.query(noting('R', insertRelationships(schema)), relationshipColumns(part));
}

function phasesOf(changes: readonly EntityChange[]): Phases {
  const phases: Phases = {
    relationshipsDeleted: [],
    nodesDeleted: [],
    nodesCreated: [],
    nodesUpdated: [],
    relationshipsCreated: [],
    relationshipsUpdated: [],
  };
  for (const { kind, key, before, after } of changes) {
    if (after === null) (kind === 'NODE' ? phases.nodesDeleted : phases.relationshipsDeleted).push(key);
    else if (after.kind === 'NODE') (before === null ? phases.nodesCreated : phases.nodesUpdated).push(after);
    else if (before === null) phases.relationshipsCreated.push(after);
    else if (before.kind === 'RELATIONSHIP' && sameIdentity(before, after)) phases.relationshipsUpdated.push(after);
    else {
      phases.relationshipsDeleted.push(key);
      phases.relationshipsCreated.push(after);
    }
  }
  return phases;
}

function sameIdentity(a: RelationshipState, b: RelationshipState): boolean {
  return a.type === b.type && a.start === b.start && a.end === b.end;
}

async function deleteKeys(tx: SqlExecutor, table: string, keys: readonly string[]): Promise<void> {
  for (const part of chunks(keys, ROWS_PER_STATEMENT)) {
    const { count } = await tx.query(`DELETE FROM ${table} WHERE key = ANY($1::text[])`, [textArray(part)]);
    if (count !== part.length) throw vanished(count, part.length, `${table.split('.').at(-1)} to delete`);
  }
}

async function writeRows<State>(
  tx: SqlExecutor,
  rows: readonly State[],
  what: string,
  statement: string,
  columns: (rows: readonly State[]) => readonly string[][],
): Promise<void> {
  for (const part of chunks(rows, ROWS_PER_STATEMENT)) {
    const { count } = await tx.query(statement, columns(part).map(textArray));
    if (count !== part.length) throw vanished(count, part.length, `${what} to update`);
  }
}

const insertNodes = (schema: string): string =>
  `INSERT INTO ${schema}.nodes (key, labels, properties)
   SELECT key, labels::text[], properties::jsonb FROM unnest($1::text[], $2::text[], $3::text[]) AS r (key, labels, properties)`;

const updateNodes = (schema: string): string =>
  `UPDATE ${schema}.nodes AS n SET labels = r.labels::text[], properties = r.properties::jsonb
   FROM unnest($1::text[], $2::text[], $3::text[]) AS r (key, labels, properties) WHERE n.key = r.key`;

const insertRelationships = (schema: string): string =>
  `INSERT INTO ${schema}.relationships (key, type, start_key, end_key, properties)
   SELECT key, type, start_key, end_key, properties::jsonb
   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS r (key, type, start_key, end_key, properties)`;

const updateRelationships = (schema: string): string =>
  `UPDATE ${schema}.relationships AS n SET properties = r.properties::jsonb
   FROM unnest($1::text[], $2::text[]) AS r (key, properties) WHERE n.key = r.key`;

function nodeColumns(rows: readonly NodeState[]): string[][] {
  return [
    rows.map(({ key }) => key),
    rows.map(({ labels }) => arrayLiteral(labels)),
    rows.map(({ properties }) => JSON.stringify(properties)),
  ];
}

function relationshipColumns(rows: readonly RelationshipState[]): string[][] {
  return [
    rows.map(({ key }) => key),
    rows.map(({ type }) => type),
    rows.map(({ start }) => start),
    rows.map(({ end }) => end),
    rows.map(({ properties }) => JSON.stringify(properties)),
  ];
}

/** Labels as the text of a text[]: one column of an unnest cannot hold arrays of different lengths. */
function arrayLiteral(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
