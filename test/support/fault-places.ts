import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { RedisEventBus } from '../../src/adapters/redis/event-bus.ts';
import type { EventBus } from '../../src/ports/event-bus.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { runFolder } from './processes.ts';
import { startRedis } from './redis.ts';
import { openWorld, type World, type WorldOptions } from './rollback-world.ts';

/** Something that the service lives on goes away, and comes back. */
export type Fault = 'the graph connection is killed' | 'PostgreSQL is killed and starts again' | 'Redis is lost';

export const FAULTS: readonly Fault[] = [
  'the graph connection is killed',
  'PostgreSQL is killed and starts again',
  'Redis is lost',
];

/** One fresh world to do damage to. */
export interface FaultSite {
  /** What a process of its own is told, to open the same world. */
  readonly where: string;
  /** An instance of the service. Closing it is a restart's first half. */
  open(options?: WorldOptions): Promise<{ world: World; close(): Promise<void> }>;
  strike(fault: Fault): Promise<void>;
  dispose(): Promise<void>;
}

/** A kind of graph on a kind of store. To have all faults on another kind of graph, add its place here. */
export interface FaultPlace {
  readonly name: string;
  /** Those that can happen there, beside the death of the service itself. */
  readonly faults: readonly Fault[];
  /** @param redis whether the service is to use a Redis server of its own */
  make(redis: boolean): Promise<FaultSite>;
  close(): Promise<void>;
}

export const FAULT_PLACES: readonly (() => Promise<FaultPlace>)[] = [embeddedOnPglite, embeddedOnServer];

async function embeddedOnPglite(): Promise<FaultPlace> {
  return {
    name: 'the embedded graph on PGlite',
    faults: [],
    make: async () => {
      const where = mkdtempSync(join(runFolder(), 'faults-'));
      const open = async () => {
        const database = await PgliteDatabase.open({ dataFolder: where });
        await migrate(database, 'prisma/migrations');
        return database;
      };
      return siteOf(where, open, async () => {}, null);
    },
    close: async () => {},
  };
}

/** Commits wait until they are written, as they do by default: what was acknowledged is there after the server died. */
async function embeddedOnServer(): Promise<FaultPlace> {
  const server = await startPostgres({ synchronous_commit: 'on', full_page_writes: 'on' });
  await administer(server, 'CREATE DATABASE migrated');
  const template = new PgDatabase({ url: server.url('migrated') });
  await migrate(template, 'prisma/migrations');
  await template.close();
  let made = 0;
  return {
    name: 'the embedded graph on a PostgreSQL server',
    faults: FAULTS,
    make: async (redis) => {
      made += 1;
      const name = `faults_${made}`;
      await administer(server, `CREATE DATABASE ${name} TEMPLATE migrated`);
      const where = server.url(name);
      const killConnections = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`;
      const bus = redis ? await startRedis() : null;
      const strike = async (fault: Fault): Promise<void> => {
        if (fault === 'the graph connection is killed') await administer(server, killConnections);
        else if (fault === 'PostgreSQL is killed and starts again') await server.restart();
        else await bus?.kill();
      };
      const site = siteOf(where, async () => new PgDatabase({ url: where, poolSize: 5 }), strike, bus?.url ?? null);
      const dispose = async (): Promise<void> => {
        await bus?.kill();
        await administer(server, `DROP DATABASE ${name} WITH (FORCE)`);
      };
      return { ...site, dispose };
    },
    close: async () => server.kill(),
  };
}

function siteOf(
  where: string,
  openStore: () => Promise<PostgresStore>,
  strike: FaultSite['strike'],
  redisUrl: string | null,
): FaultSite {
  return {
    where,
    strike,
    dispose: async () => {},
    async open(options = {}) {
      const database = await openStore();
      const bus: EventBus | undefined = redisUrl === null ? undefined : new RedisEventBus({ url: redisUrl });
      const world = await openWorld(database, { ...options, ...(bus !== undefined && { bus }) });
      const close = async (): Promise<void> => {
        await world.close();
        await database.close();
      };
      return { world, close };
    },
  };
}

async function administer(server: PostgresServer, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
