import { Neo4jError } from 'neo4j-driver';
import { ConstraintError } from '../../../core/errors.ts';
import type { SchemaItem } from '../../../core/schema-changes.ts';
import type { Connection } from '../connection.ts';
import { quoted } from '../names.ts';
import { readSchema } from './schema-items.ts';

/** How long a new index may take to be filled, in seconds. */
const FILL_SECONDS = 3600n;

const DEFINITION = /^CREATE (?:CONSTRAINT|(?:RANGE |TEXT |POINT |LOOKUP |FULLTEXT |VECTOR )?INDEX) /;

/** See `KnowledgeGraph.changeSchema`. What is there, or gone, already is passed over. */
export async function changeSchema(
  connection: Connection,
  drop: readonly SchemaItem[],
  create: readonly SchemaItem[],
): Promise<void> {
  const present = new Map((await readSchema(connection)).map((item) => [item.name, item]));
  for (const item of drop) if (present.has(item.name)) await connection.command(dropCommand(item));
  const dropped = new Set(drop.map(({ name }) => name));
  for (const item of create) {
    if (!dropped.has(item.name) && present.get(item.name)?.definition === item.definition) continue;
    await make(connection, item);
  }
  if (create.length > 0) await connection.command('CALL db.awaitIndexes($seconds)', { seconds: FILL_SECONDS });
}

function dropCommand({ name, kind }: SchemaItem): string {
  return `DROP ${kind.endsWith('CONSTRAINT') ? 'CONSTRAINT' : 'INDEX'} ${quoted(name)} IF EXISTS`;
}

/** Neo4j writes names into its own definitions with quotes escaped and backslashes not, which would begin an escape: see `quoted`. */
function escaped(definition: string): string {
  return definition.replaceAll('\\', '\\u005C');
}

async function make(connection: Connection, { name, definition }: SchemaItem): Promise<void> {
  if (!DEFINITION.test(definition)) throw new ConstraintError(`${name} is not a constraint or index of Neo4j`, name);
  try {
    await connection.command(escaped(definition));
  } catch (error) {
    if (!(error instanceof Neo4jError) || !error.code.includes('.Schema.')) throw error;
    throw new ConstraintError(`${name} cannot be created: ${error.message}`, name);
  }
}
