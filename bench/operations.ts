import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../src/adapters/postgres/pglite-database.ts';
import type { PostgresStore } from '../src/adapters/postgres/postgres-store.ts';
import { PostgresRecordReader } from '../src/adapters/postgres/record-reader.ts';
import { startHttpServer } from '../src/api/http-server.ts';
import { PrismaClient } from '../src/generated/prisma/client.ts';
import { assemble } from '../src/main/assemble.ts';
import { time } from './measures.ts';
import { Commits, Service } from './operation-service.ts';
import { type Figure, median, passes, printTable, save } from './report.ts';
import { startServer } from './server.ts';
import type { Arrival } from './subscribers.ts';

/**
 * `node bench/operations.ts [server|pglite]`: what a gradual rollback costs beside plain writes of the same batches, and how long after a batch's commit its
 * event is with each of 100 subscribers over WebSockets, once all of them are connected. A missed bar ends it with 1.
 */
const NODES = 10_000;
const BATCH = 1000;
const ROUNDS = 7;
const SUBSCRIBERS = 100;
const LATENCY_NODES = 6000;
const LATENCY_BATCH = 100;

const keys = Array.from({ length: NODES }, (_, n) => `n${String(n).padStart(6, '0')}`);
const subscribersFile = fileURLToPath(new URL('./subscribers.ts', import.meta.url));

const [, , only] = process.argv;
const figures: Figure[] = [];
const folder = mkdtempSync(join(tmpdir(), 'palinode-operations-'));
const server = await startServer();
try {
  const url = server.url('operations');
  const admin = new PgDatabase({ url: server.url('postgres') });
  await admin.script('CREATE DATABASE operations');
  await admin.close();
  if (only !== 'pglite') await measureOn('server', new PgDatabase({ url }));
  if (only !== 'server') await measureOn('pglite', await PgliteDatabase.open({ dataFolder: join(folder, 'pglite') }));
} finally {
  server.stop();
  rmSync(folder, { recursive: true, force: true });
  printTable(figures);
  if (only === undefined) save('operations', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

async function measureOn(engine: Figure['engine'], store: PostgresStore): Promise<void> {
  await migrate(store, 'prisma/migrations');
  const commits = new Commits();
  const prisma = new PrismaClient({ adapter: store.prismaAdapter() });
  const graphs = [{ name: 'demo', kind: 'embedded' } as const];
  const assembly = await assemble(store, { graphs, redisUrls: [], dataFolder: folder, wrapGraph: commits.wrap });
  const http = await startHttpServer({
    dependencies: {
      services: assembly.services,
      history: assembly.history,
      records: new PostgresRecordReader(store),
      prisma,
    },
    host: '127.0.0.1',
    port: 0,
    ready: async () => true,
    report: (error) => console.error(error),
    explorer: false,
  });
  try {
    const service = new Service(store, `${http.url}/graphql`);
    await service.fill(keys);
    process.stderr.write(`${engine}: filled\n`);
    figures.push({ engine, ...(await overhead(service)) }, { engine, ...(await latency(service, commits)) });
  } finally {
    await http.close(2000);
    await assembly.stop(5000);
    await prisma.$disconnect();
    await store.close();
  }
}

/** The same batches, once as plain writes by their author, once as gradual execution that takes them back; alternating. */
async function overhead(service: Service): Promise<Omit<Figure, 'engine'>> {
  const ratios: number[] = [];
  let detail = '';
  for (let round = 0; round <= ROUNDS; round += 1) {
    const since = await service.head();
    const plain = await time(() => service.writeAll(`u${round}`, `round ${round}`, keys, BATCH));
    const id = await service.undo(`u${round}`, since, BATCH);
    await service.ended(id);
    const gradual = await service.writePhase(id);
    // The first round warms up.
    if (round > 0) ratios.push(plain / gradual);
    process.stderr.write(`plain ${plain.toFixed(0)} ms, gradual ${gradual.toFixed(0)} ms\n`);
    detail = `${Math.round((NODES * 1000) / gradual)}/s of ${Math.round((NODES * 1000) / plain)}/s in the last of ${ROUNDS} rounds`;
  }
  const name = 'gradual execution to plain batched writes';
  return { name, value: median(ratios), unit: 'of plain', bar: 0.6, bound: 'at least', detail };
}

async function latency(service: Service, commits: Commits): Promise<Omit<Figure, 'engine'>> {
  const since = await service.head();
  const some = keys.slice(0, LATENCY_NODES);
  await service.writeAll('watched', 'watched', some, LATENCY_BATCH);
  commits.clear();
  // Slow enough at first for all to have subscribed before it ends.
  const id = await service.undo('watched', since, LATENCY_BATCH, 2000);
  const child = fork(subscribersFile, [service.url.replace('http', 'ws'), id, `${SUBSCRIBERS}`]);
  const { readyAt, arrivals } = await heardBy(child);
  await service.ended(id);
  const delays = arrivals.flatMap(([message, at]) => {
    const committed = commits.ofBatch(Number(/^batch (\d+) /.exec(message)?.[1]));
    // Before that, somebody was still connecting.
    return committed === undefined || committed < readyAt ? [] : [at - committed];
  });
  const sorted = delays.sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  if (sorted.length < SUBSCRIBERS * 10) throw new Error(`only ${sorted.length} events arrived`);
  const detail = `median ${at(0.5).toFixed(0)} ms, worst ${at(1).toFixed(0)} ms, ${sorted.length} deliveries of ${commits.count} batches`;
  const name = `event after its batch's commit, ${SUBSCRIBERS} subscribers, p99`;
  return { name, value: at(0.99), unit: 'ms', bar: 250, bound: 'at most', detail };
}

function heardBy(child: ChildProcess): Promise<{ readonly readyAt: number; readonly arrivals: readonly Arrival[] }> {
  return new Promise((resolve, reject) => {
    let readyAt = Number.POSITIVE_INFINITY;
    child.on('message', (message) => {
      // The child sends `ready`, then its arrivals.
      if (Array.isArray(message)) resolve({ readyAt, arrivals: message as Arrival[] });
      else readyAt = performance.timeOrigin + performance.now();
    });
    child.on('exit', (code) => reject(new Error(`the subscribers ended with ${code}`)));
  });
}
