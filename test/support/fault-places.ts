import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { RedisEventBus } from '../../src/adapters/redis/event-bus.ts';
import type { EventBus } from '../../src/ports/event-bus.ts';
import { borrowSharedNeo4j, startTestNeo4j } from './neo4j.ts';
import { wipe } from './neo4j-graphs.ts';
import { type PostgresServer, startPostgres } from './postgres.ts';
import { runFolder } from './processes.ts';
import { startRedis } from './redis.ts';
import type { WorldOptions } from './rollback-world.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { type OpenedWorld, openWorldAt } from './world-at.ts';

/** Something that the service lives on goes away, and comes back. */
export type Fault =
  | 'the graph connection is killed'
  | 'Neo4j is killed and starts again'
  | 'PostgreSQL is killed and starts again'
  | 'Redis is lost';

/** One fresh world to do damage to. */
export interface FaultSite {
  /** What a process of its own is told, to open the same world: see `openWorldAt`. */
  readonly where: string;
  /** An instance of the service. Closing it is a restart's first half. */
  open(options?: WorldOptions): Promise<OpenedWorld>;
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

export const FAULT_PLACES: readonly (() => Promise<FaultPlace>)[] = [embeddedOnPglite, embeddedOnServer, neo4jOfItsOwn];

async function embeddedOnPglite(): Promise<FaultPlace> {
  return {
    name: 'the embedded graph on PGlite',
    faults: [],
    make: async () => {
      const where = mkdtempSync(join(runFolder(), 'faults-'));
      return siteOf(where, async () => {}, null);
    },
    close: async () => {},
  };
}

export async function embeddedOnServer(): Promise<FaultPlace> {
  const stores = await startStores();
  return {
    name: 'the embedded graph on a PostgreSQL server',
    faults: ['the graph connection is killed', 'PostgreSQL is killed and starts again', 'Redis is lost'],
    make: async (redis) => {
      const store = await stores.create();
      const bus = redis ? await startRedis() : null;
      const strike = async (fault: Fault): Promise<void> => {
        if (fault === 'the graph connection is killed') await store.killConnections();
        else if (fault === 'PostgreSQL is killed and starts again') await stores.server.restart();
        else await bus?.kill();
      };
      const dispose = async (): Promise<void> => {
        await bus?.kill();
        await store.drop();
      };
      return { ...siteOf(store.url, strike, bus?.url ?? null), dispose };
    },
    close: async () => stores.server.kill(),
  };
}

/** On the Neo4j that all suites share, which nobody may kill. */
export async function neo4jShared(): Promise<FaultPlace> {
  const { url, giveBack } = await borrowSharedNeo4j();
  return neo4jOnServer({ url, close: async () => giveBack() });
}

async function neo4jOfItsOwn(): Promise<FaultPlace> {
  const server = await startTestNeo4j();
  const restart = async (): Promise<void> => {
    await server.kill();
    await server.restart();
  };
  return neo4jOnServer({ url: server.url, restart, close: () => server.kill() });
}

interface GraphServer {
  readonly url: string;
  restart?(): Promise<void>;
  close(): Promise<void>;
}

/** The service reaches the graph through a proxy, which can cut it off. */
async function neo4jOnServer(graphs: GraphServer): Promise<FaultPlace> {
  const stores = await startStores();
  const { hostname: host, port } = new URL(graphs.url);
  const proxy = await startTcpProxy({ host, port: Number(port) });
  const restartable: readonly Fault[] = graphs.restart === undefined ? [] : ['Neo4j is killed and starts again'];
  return {
    name: 'Neo4j, on a PostgreSQL server',
    faults: [
      'the graph connection is killed',
      'PostgreSQL is killed and starts again',
      'Redis is lost',
      ...restartable,
    ],
    make: async (redis) => {
      const connection = new Connection({ url: graphs.url });
      await wipe(connection);
      await connection.close();
      const store = await stores.create();
      const bus = redis ? await startRedis() : null;
      const strike = async (fault: Fault): Promise<void> => {
        if (fault === 'the graph connection is killed') proxy.cutAll();
        else if (fault === 'Neo4j is killed and starts again') await graphs.restart?.();
        else if (fault === 'PostgreSQL is killed and starts again') await stores.server.restart();
        else await bus?.kill();
      };
      const dispose = async (): Promise<void> => {
        await bus?.kill();
        await store.drop();
      };
      const where = `${store.url} bolt://127.0.0.1:${proxy.port}`;
      return { ...siteOf(where, strike, bus?.url ?? null), dispose };
    },
    close: async () => {
      await proxy.close();
      await graphs.close();
      stores.server.kill();
    },
  };
}

/** Commits wait until they are written, as they do by default: what was acknowledged is there after the server died. */
async function startStores() {
  const server = await startPostgres({ synchronous_commit: 'on', full_page_writes: 'on' });
  await administer(server, 'CREATE DATABASE migrated');
  const template = new PgDatabase({ url: server.url('migrated') });
  await migrate(template, 'prisma/migrations');
  await template.close();
  let made = 0;
  const create = async () => {
    made += 1;
    const name = `faults_${made}`;
    await administer(server, `CREATE DATABASE ${name} TEMPLATE migrated`);
    const killing = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`;
    return {
      url: server.url(name),
      killConnections: () => administer(server, killing),
      drop: () => administer(server, `DROP DATABASE ${name} WITH (FORCE)`),
    };
  };
  return { server, create };
}

function siteOf(where: string, strike: FaultSite['strike'], redisUrl: string | null): FaultSite {
  return {
    where,
    strike,
    dispose: async () => {},
    open: (options = {}) => {
      const bus: EventBus | undefined = redisUrl === null ? undefined : new RedisEventBus({ url: redisUrl });
      return openWorldAt(where, { ...options, ...(bus !== undefined && { bus }) });
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
