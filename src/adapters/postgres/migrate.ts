import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database, SqlExecutor } from '../../ports/database.ts';

/** The database and the migrations on disk do not fit together. Nothing was changed. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

interface Recorded {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

// The key that Prisma's own engine locks, so that neither runs into the other.
const lockKey = 72707369;

// The table as Prisma creates it; `prisma migrate deploy` and `status` go on from here.
const bookkeeping = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Applies the migrations of `folder` (as Prisma lays them out) that the database does not have yet, each
 * in a transaction of its own. Any number of instances may do so at once: one applies, the others wait.
 * @returns the names of those applied here, in order
 * @throws MigrationError when an applied migration is not on disk, was edited, or had failed
 * @throws DatabaseError when a migration's SQL fails; that migration leaves no trace
 */
export async function migrate(database: Database, folder: string): Promise<readonly string[]> {
  const migrations = readMigrations(folder);
  const applied: string[] = [];
  for (;;) {
    const name = await database.transaction((tx) => applyNext(tx, migrations), { statementTimeoutMs: 0 });
    if (name === undefined) return applied;
    applied.push(name);
  }
}

/** The migrations of `folder` that the database lacks. @throws MigrationError as `migrate` */
export async function pendingMigrations(database: Database, folder: string): Promise<readonly string[]> {
  const known = await database.query<{ found: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS found`,
  );
  const recorded = known.rows[0]?.found === true ? await readRecorded(database) : [];
  return pendingOf(readMigrations(folder), recorded).map((migration) => migration.name);
}

async function applyNext(tx: SqlExecutor, migrations: readonly Migration[]): Promise<string | undefined> {
  await tx.query('SELECT pg_advisory_xact_lock($1)', [lockKey]);
  await tx.query(bookkeeping);
  const [next] = pendingOf(migrations, await readRecorded(tx));
  if (next === undefined) return undefined;
  const startedAt = new Date();
  await tx.script(next.sql);
  await tx.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     VALUES ($1, $2, $3, $4, clock_timestamp(), 1)`,
    [randomUUID(), next.checksum, next.name, startedAt],
  );
  return next.name;
}

async function readRecorded(on: SqlExecutor): Promise<readonly Recorded[]> {
  const { rows } = await on.query<Recorded>(
    `SELECT migration_name, checksum, finished_at FROM _prisma_migrations
     WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  return rows;
}

function pendingOf(migrations: readonly Migration[], recorded: readonly Recorded[]): readonly Migration[] {
  const onDisk = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { migration_name: name, checksum, finished_at } of recorded) {
    const migration = onDisk.get(name);
    if (finished_at === null) {
      throw new MigrationError(`migration ${name} failed half-way earlier; resolve it with prisma migrate resolve`);
    }
    if (migration === undefined) {
      throw new MigrationError(`the database has migration ${name}, which this version does not know: is it older?`);
    }
    if (migration.checksum !== checksum) {
      throw new MigrationError(`migration ${name} was edited after it had been applied to this database`);
    }
  }
  const done = new Set(recorded.map((row) => row.migration_name));
  return migrations.filter((migration) => !done.has(migration.name));
}

function readMigrations(folder: string): readonly Migration[] {
  const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  return names.sort().map((name) => {
    const bytes = readFileSync(join(folder, name, 'migration.sql'));
    return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
  });
}
