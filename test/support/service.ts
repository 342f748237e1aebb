import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { getNamedType, isUnionType } from 'graphql';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { PostgresRecordReader } from '../../src/adapters/postgres/record-reader.ts';
import { schema } from '../../src/api/graphql/schema.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from '../../src/api/http-server.ts';
import { PrismaClient } from '../../src/generated/prisma/client.ts';
import { type AssembleOptions, type Assembly, assemble } from '../../src/main/assemble.ts';
import { type Answer, connectTo, type TestClient } from './graphql-client.ts';
import { runFolder } from './processes.ts';

/** The whole service with its doors, as `npm start` serves it. */
export interface Service {
  readonly client: TestClient;
  readonly http: HttpServer;
  readonly assembly: Assembly;
  readonly prisma: PrismaClient;
  readonly database: PostgresStore;
  /** Where its blobs are. */
  readonly dataFolder: string;
  /** Errors that clients saw only as a reference. */
  readonly reported: unknown[];
  /** The object that a mutation made; an error of its result union fails the test. */
  made(field: string, selection: string, input: Record<string, unknown>): Promise<Answer>;
  /** The error that a mutation answers with; an object fails the test. */
  refused(field: string, input: Record<string, unknown>): Promise<Answer>;
  /** An operation once it has ended. */
  ended(id: string): Promise<Answer>;
  /** Leaves the database open. */
  stop(): Promise<void>;
}

export type ServiceOptions = Partial<AssembleOptions> & Pick<Partial<HttpServerOptions>, 'stallMs' | 'queries'>;

/** What is asked of each kind of error, where it can occur. */
const ERRORS: Readonly<Record<string, string>> = {
  InvalidInputError: 'code message fields { path message }',
  NotFoundError: 'code message',
  StateError: 'code message state',
  LimitError: 'code message limit',
  ConstraintError: 'code message changeIndex constraint otherKey',
  CaptureError: 'code message mode',
  IdempotencyError: 'code message first { id }',
  PlanChangedError: 'code message expected operation { id }',
};

const OPERATION = `query ($id: ID!) { rollbackOperation(id: $id) { id status outcome dryRun planHash errorMessage progress
  counts { planned applied skipped conflicted } proof { method matches } account { created overwritten deleted cascaded }
  safetyPoint { id } undoes { id } rehearsalOf { id } } }`;

export async function startService(database: PostgresStore, options: ServiceOptions = {}): Promise<Service> {
  const prisma = new PrismaClient({ adapter: database.prismaAdapter() });
  const { stallMs, queries, dataFolder = mkdtempSync(join(runFolder(), 'data-')), ...assembling } = options;
  const graphs = assembling.graphs ?? [{ name: 'demo', kind: 'embedded' }];
  const assembly = await assemble(database, { redisUrls: [], dataFolder, ...assembling, graphs });
  const reported: unknown[] = [];
  const http = await startHttpServer({
    dependencies: {
      services: assembly.services,
      history: assembly.history,
      records: new PostgresRecordReader(database),
      prisma,
    },
    host: '127.0.0.1',
    port: 0,
    ready: async () => true,
    report: (error) => reported.push(error),
    explorer: false,
    ...(stallMs !== undefined && { stallMs }),
    ...(queries !== undefined && { queries }),
  });
  const client = connectTo(http.url);
  for (const graph of graphs) {
    if (graph.kind === 'neo4j' && graph.attach) await untilCaptured(assembly, graph.name);
  }
  const mutate = async (field: string, selection: string | null, input: Record<string, unknown>): Promise<Answer> => {
    const { argument, members } = mutationOf(field);
    const fragments = members.flatMap((member) => {
      const wanted = ERRORS[member] ?? (member.endsWith('Error') ? 'code message' : selection);
      return wanted === null ? [] : [`... on ${member} { ${wanted} }`];
    });
    const query = `mutation ($input: ${argument}) { ${field}(input: $input) { __typename ${fragments.join(' ')} } }`;
    return (await client.data(query, { input }))[field];
  };
  return {
    client,
    http,
    assembly,
    prisma,
    database,
    dataFolder,
    reported,
    async made(field, selection, input) {
      const made = await mutate(field, selection, input);
      if (made.code !== undefined) throw new Error(`${field}: ${JSON.stringify(made)}`);
      return made;
    },
    async refused(field, input) {
      const answer = await mutate(field, null, input);
      if (answer.code === undefined) throw new Error(`${field} was accepted: ${JSON.stringify(answer)}`);
      return answer;
    },
    async ended(id) {
      for (let wait = 2; ; wait = Math.min(50, wait * 2)) {
        const { rollbackOperation: operation } = await client.data(OPERATION, { id });
        if (FINAL.includes(operation.status)) return operation;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    },
    async stop() {
      await http.close(2000);
      await assembly.stop(2000);
      await prisma.$disconnect();
    },
  };
}

/** A graph elsewhere is attached in the background, and what it holds is recorded before anything else. */
async function untilCaptured({ history }: Assembly, name: string): Promise<void> {
  for (let wait = 2; ; wait = Math.min(50, wait * 2)) {
    const mode = (await history.graphByName(name))?.captureMode;
    if (mode !== 'OFF' && mode !== 'BASELINE') return;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

const FINAL: readonly string[] = ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED'];

/** The type of a mutation's argument and of what it can answer. */
function mutationOf(name: string): { readonly argument: string; readonly members: readonly string[] } {
  const field = schema.getMutationType()?.getFields()[name];
  const result = field === undefined ? null : getNamedType(field.type);
  if (field === undefined || !isUnionType(result)) throw new Error(`there is no mutation ${name}`);
  return { argument: String(field.args[0]?.type), members: result.getTypes().map((member) => member.name) };
}
