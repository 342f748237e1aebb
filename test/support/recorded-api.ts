import { randomUUID } from 'node:crypto';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { PostgresPointStore } from '../../src/adapters/postgres/point-store.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { PostgresRecordReader } from '../../src/adapters/postgres/record-reader.ts';
import { PostgresSchemaReadings } from '../../src/adapters/postgres/schema-readings.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../src/api/http-server.ts';
import type { EntityChange } from '../../src/core/entities.ts';
import { stateHash } from '../../src/core/hash.ts';
import { PrismaClient } from '../../src/generated/prisma/client.ts';
import type { GraphRecord, RecordedTransaction, RecorderLease } from '../../src/ports/history.ts';
import type { Services } from '../../src/services/contract.ts';
import { DiffEngine } from '../../src/services/diff-engine.ts';
import { GraphReader } from '../../src/services/graph-reader.ts';
import { GraphRegistry } from '../../src/services/graph-registry.ts';
import { MomentResolver } from '../../src/services/moment-resolver.ts';
import { SchemaReader } from '../../src/services/schema-reader.ts';
import { ScopeResolver } from '../../src/services/scope-resolver.ts';
import { connectTo, type TestClient } from './graphql-client.ts';
import { createPgliteDatabase, createTestDatabase } from './postgres.ts';

/**
 * The API over real HTTP on a real database whose history and records a test writes as it likes. Services that decide or write are
 * replaced by the test; those that read are the real ones.
 */
export interface RecordedApi extends AsyncDisposable {
  readonly server: HttpServer;
  readonly client: TestClient;
  readonly prisma: PrismaClient;
  readonly graph: GraphRecord;
  /** Errors that clients saw only as a reference. */
  readonly reported: unknown[];
  /** Records one transaction. */
  record(changes: readonly EntityChange[], by?: Writer): Promise<RecordedTransaction>;
  /** The SQL statements that were sent while `work` ran. */
  statements(work: () => Promise<unknown>): Promise<string[]>;
}

export interface Writer {
  readonly actor?: string;
  readonly sessionId?: string | null;
}

export interface RecordedApiOptions extends Partial<HttpServerOptions> {
  readonly engine?: 'pglite' | 'server';
  readonly services?: Partial<Services>;
}

export async function startRecordedApi({
  engine,
  services,
  ...options
}: RecordedApiOptions = {}): Promise<RecordedApi> {
  const { database, dispose } = await openDatabase(engine ?? 'pglite');
  const prisma = new PrismaClient({ adapter: database.prismaAdapter() });
  const history = new PostgresHistory(database);
  const registry = new GraphRegistry();
  const graph = await history.openGraph('demo', 'EMBEDDED');
  const lease = await history.acquireLease(graph.id, 'test', 600_000);
  if (lease === null) throw new Error('the new graph is leased already');
  // Only what reading asks of a served graph.
  const served = {
    graph: { pending: async () => ({ transactions: 0n, changes: 0n, oldest: null }), readSchema: async () => [] },
    recorder: { fence: async () => {} },
  };
  registry.add(graph.id, served as unknown as Parameters<GraphRegistry['add']>[1]);
  const clock = { now: () => new Date() };
  const moments = new MomentResolver({ history, points: new PostgresPointStore(database), registry, clock });
  const scopes = new ScopeResolver(history);
  const reading = {
    graphs: new GraphReader({ history, registry, moments, scopes, clock }),
    diffs: new DiffEngine({ history, moments, scopes }),
    schemas: new SchemaReader({ schemas: new PostgresSchemaReadings(database), registry, moments, clock }),
    sessions: { isPresent: ({ closedAt }: { closedAt: Date | null }) => closedAt === null },
  };
  const reported: unknown[] = [];
  const server = await startHttpServer({
    // What a test does not replace it does not call.
    dependencies: {
      services: { ...reading, ...services } as unknown as Services,
      history,
      records: new PostgresRecordReader(database),
      prisma,
    },
    host: '127.0.0.1',
    port: 0,
    ready: async () => true,
    report: (error) => reported.push(error),
    explorer: false,
    ...options,
  });
  return {
    server,
    client: connectTo(server.url),
    prisma,
    graph,
    reported,
    record: async (changes, by = {}) => recordOne(history, lease, changes, by),
    async statements(work) {
      const sent: string[] = [];
      const stop = database.onStatement((text) => sent.push(text));
      await work();
      stop();
      return sent;
    },
    async [Symbol.asyncDispose]() {
      await server.close(1000);
      await prisma.$disconnect();
      await dispose();
    },
  };
}

async function openDatabase(
  engine: 'pglite' | 'server',
): Promise<{ database: PostgresStore; dispose: () => Promise<void> }> {
  if (engine === 'pglite') {
    const database = await createPgliteDatabase({ migrated: true });
    return { database, dispose: () => database.close() };
  }
  const test = await createTestDatabase({ migrated: true });
  return { database: test.database, dispose: async () => test[Symbol.asyncDispose]() };
}

async function recordOne(
  history: PostgresHistory,
  lease: RecorderLease,
  changes: readonly EntityChange[],
  { actor = 'ada', sessionId = null }: Writer,
): Promise<RecordedTransaction> {
  const { graphId } = lease;
  const head = await history.graph(graphId);
  const versions = changes.map((change) => ({
    change,
    beforeHash: change.before === null ? null : stateHash(change.before),
    afterHash: change.after === null ? null : stateHash(change.after),
    origins: null,
  }));
  const [recorded] = await history.append(lease, [
    {
      seq: (head?.head.seq ?? 0n) + 1n,
      feedId: randomUUID(),
      first: true,
      last: true,
      time: new Date(),
      actor,
      sessionId,
      source: 'API',
      operationId: null,
      cut: true,
      versions,
    },
  ]);
  if (recorded === undefined) throw new Error('nothing was recorded');
  return recorded;
}
