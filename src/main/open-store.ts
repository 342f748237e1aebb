import { fileURLToPath } from 'node:url';
import { migrate } from '../adapters/postgres/migrate.ts';
import { PgDatabase } from '../adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../adapters/postgres/pglite-database.ts';
import type { PostgresStore } from '../adapters/postgres/postgres-store.ts';
import { logger, reduced } from './logger.ts';
import type { Settings } from './settings.ts';

export const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

/** The database of the service, with its migrations applied. */
export async function openStore(settings: Pick<Settings, 'databaseUrl' | 'dataFolder'>): Promise<PostgresStore> {
  const store =
    settings.databaseUrl === undefined
      ? await PgliteDatabase.open({ dataFolder: settings.dataFolder })
      : new PgDatabase({
          url: settings.databaseUrl,
          onError: (error) => logger.warn({ error: reduced(error) }, 'an idle database connection was lost'),
        });
  try {
    const applied = await migrate(store, MIGRATIONS);
    if (applied.length > 0) logger.info({ migrations: applied }, 'migrations applied');
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
