import { Neo4jError } from 'neo4j-driver';
import { ConstraintError } from '../../../core/errors.ts';
import type { SchemaItem } from '../../../core/schema-changes.ts';
import type { Connection } from '../connection.ts';
import { quoted } from '../names.ts';
import { readSchema } from './schema-items.ts';

/** How long a new index may take to be filled, in seconds. */
const FILL_SECONDS = 3600n;

const DEFINITION = /^CREATE (?:CONSTRAINT|(?:RANGE |TEXT |POINT |LOOKUP |FULLTEXT |VECTOR )?INDEX) /;

/** See `KnowledgeGraph.changeSchema`. What is there, or gone, already is passed over, but awaited like what is new. */
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
  await untilFilled(
    connection,
    create.map(({ name }) => name),
  );
}

/** Indexes of others are not waited for. @throws ConstraintError that names one which the data does not allow */
async function untilFilled(connection: Connection, names: readonly string[]): Promise<void> {
  for (const name of await notFilled(connection, names)) {
    try {
      await connection.command('CALL db.awaitIndex($name, $seconds)', { name, seconds: FILL_SECONDS });
    } catch (error) {
      await notFilled(connection, names);
      throw error;
    }
  }
}

/** Those of the names that are indexes, or have one, and are still being filled. @throws ConstraintError */
async function notFilled(connection: Connection, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const rows = await connection.read(
    `SHOW INDEXES YIELD name, state, failureMessage WHERE name IN $names AND state <> 'ONLINE'`,
    { names },
  );
  const failed = rows.find(({ state }) => state === 'FAILED');
  if (failed === undefined) return rows.map(({ name }) => String(name));
  const [why = ''] = String(failed.failureMessage).split('\n');
  throw new ConstraintError(`${failed.name} could not be filled: ${why}`, String(failed.name));
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
