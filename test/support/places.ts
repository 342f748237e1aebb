import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { createTestDatabase } from './postgres.ts';
import { runFolder } from './processes.ts';

const migrations = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

/** A database that outlives the processes that use it, one after the other. */
export interface Place {
  /** A folder, or the address of a server's database: what a child process is told. */
  readonly where: string;
  open(): Promise<PostgresStore>;
  dispose(): Promise<void>;
}

/** One of each kind, with the service's tables: for `describe.each`. */
export const places: readonly (readonly [string, () => Promise<Place>])[] = [
  [
    'PGlite',
    async () => {
      const where = mkdtempSync(join(runFolder(), 'place-'));
      const open = () => PgliteDatabase.open({ dataFolder: where });
      const first = await open();
      await migrate(first, migrations);
      await first.close();
      return { where, open, dispose: async () => {} };
    },
  ],
  [
    'a PostgreSQL server',
    async () => {
      const created = await createTestDatabase({ migrated: true });
      const open = async () => new PgDatabase({ url: created.url, poolSize: 5 });
      return { where: created.url, open, dispose: () => created[Symbol.asyncDispose]() };
    },
  ],
];
