import '../../src/adapters/system/json-parse.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { openWorld, type World, type WorldOptions } from './rollback-world.ts';

export interface OpenedWorld {
  readonly world: World;
  close(): Promise<void>;
}

/**
 * An instance of the service on what is there.
 * @param where the folder of a PGlite database, or the address of one on a PostgreSQL server; after a space, the address of the Neo4j that
 *   is its graph, if the graph is not embedded
 */
export async function openWorldAt(where: string, options: WorldOptions = {}): Promise<OpenedWorld> {
  const [address = '', neo4j] = where.split(' ');
  const database = await openStore(address);
  const world = await openWorld(database, { ...options, neo4j });
  const close = async (): Promise<void> => {
    await world.close();
    await database.close();
  };
  return { world, close };
}

async function openStore(address: string): Promise<PostgresStore> {
  if (address.startsWith('postgres:')) return new PgDatabase({ url: address, poolSize: 5 });
  const database = await PgliteDatabase.open({ dataFolder: address });
  await migrate(database, 'prisma/migrations');
  return database;
}
