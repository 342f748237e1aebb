import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connect, expectObject } from '../demo/client.ts';
import { startService } from '../demo/service.ts';
import { migrate } from '../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../src/adapters/postgres/pg-database.ts';
import { createPoint, peakMemory } from './measures.ts';
import { type Figure, passes, printTable, save } from './report.ts';
import { startServer } from './server.ts';

/**
 * `node bench/planning.ts [entities ...]`: how long a service takes to plan the undo of an actor who touched so many entities, one in a
 * hundred of them in conflict, from the request to the plan; on a PostgreSQL server. A missed bar ends it with 1.
 */
const SIZES = process.argv.slice(2).map(Number);
const sizes = SIZES.length > 0 ? SIZES : [10_000, 100_000, 1_000_000];
const CONFLICTS = 100;
const TRANSACTION = 10_000;
/** Memory may not grow with the plan. */
const MEMORY_BAR = 700;
/** What is linear may take this many times more processor time per entity than a tenth of it; clocks tell more of other work. */
const LINEAR = 1.3;
/** Of the kernel's accounts of processor time, a second. */
const TICKS = 100;

const REQUEST = `mutation ($point: ID!) { rollback(input: { graph: "demo", dryRun: true, strategy: GRADUAL,
  undo: { by: { actor: "u" }, from: { point: $point } }, onConflict: { default: MANUAL } }) {
  __typename ... on RollbackOperation { id } ... on InvalidInputError { message } } }`;
const PENDING = '{ graph(name: "demo") { capture { pending } } }';
const PROGRESS = `query ($id: ID!) { rollbackOperation(id: $id) { status errorMessage counts { planned conflicted } } }`;

const folder = mkdtempSync(join(tmpdir(), 'palinode-planning-'));
const config = join(folder, 'graphs.json');
writeFileSync(config, JSON.stringify({ graphs: [{ name: 'demo', kind: 'embedded' }] }));
const figures: Figure[] = [];
const server = await startServer();
try {
  const admin = new PgDatabase({ url: server.url('postgres') });
  let before: { perEntity: number } | null = null;
  for (const size of sizes) {
    await admin.script(`CREATE DATABASE planning_${size}`);
    const url = server.url(`planning_${size}`);
    const database = new PgDatabase({ url });
    await migrate(database, 'prisma/migrations');
    const environment = { PALINODE_CONFIG: config, DATABASE_URL: url };
    const point = await withService(environment, (client) => write(client, database, size));
    await database.close();
    // A process of its own, so that its memory is that of planning alone.
    const measured = await withService(environment, (client, pid) => plan(client, pid, size, point));
    report(size, measured, before);
    before = { perEntity: (measured.service + measured.server) / size };
  }
  await admin.close();
} finally {
  server.stop();
  rmSync(folder, { recursive: true, force: true });
  printTable(figures);
  if (SIZES.length === 0) save('planning', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

async function withService<T>(
  environment: Record<string, string>,
  work: (client: Client, pid: number) => Promise<T>,
): Promise<T> {
  const service = await startService({ ...environment, PALINODE_SAMPLE: 'none' });
  try {
    return await work(connect(service.url), service.pid);
  } finally {
    await service.stop();
  }
}

/** Three writers in SQL: one makes the nodes, one changes them all, and one writes on top of some. Gives the point before the second. */
async function write(client: Client, database: PgDatabase, size: number): Promise<string> {
  const properties = (p: number): string => `jsonb_build_object('name', 'node ' || i, 'tags', i % 17, 'p', ${p})`;
  const span = (from: number): string => `generate_series(${from}, ${Math.min(from + TRANSACTION, size) - 1}) AS i`;
  await inTransactions(
    database,
    'start',
    size,
    (from) =>
      `INSERT INTO graph_demo.nodes SELECT 'n' || lpad(i::text, 8, '0'), '{Doc}', ${properties(0)} FROM ${span(from)}`,
  );
  await recorded(client);
  const before = await createPoint(client, 'demo', 'before');
  await inTransactions(
    database,
    'u',
    size,
    (from) =>
      `UPDATE graph_demo.nodes SET properties = ${properties(1)} FROM ${span(from)} WHERE key = 'n' || lpad(i::text, 8, '0')`,
  );
  await inTransactions(
    database,
    'other',
    size,
    (from) =>
      `UPDATE graph_demo.nodes SET properties = ${properties(2)} FROM ${span(from)}
     WHERE i % ${CONFLICTS} = 0 AND key = 'n' || lpad(i::text, 8, '0')`,
  );
  await recorded(client);
  return before;
}

/** A request would wait for the recorder as well, but not for as long as a million changes take. */
async function recorded(client: Client): Promise<void> {
  const ask = () => client.request<{ graph: { capture: { pending: string } } }>(PENDING);
  while ((await ask().catch(ask)).graph.capture.pending !== '0') await sleep(200);
}

async function inTransactions(
  database: PgDatabase,
  actor: string,
  size: number,
  statement: (from: number) => string,
): Promise<void> {
  for (let from = 0; from < size; from += TRANSACTION) {
    await database.script(`BEGIN; SELECT set_config('palinode.actor', '${actor}', true); ${statement(from)}; COMMIT`);
  }
}

/** Seconds of processor time that a process has had (Linux); unlike the clock, they do not depend on what else the machine does. */
function processorTime(pid: number | string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The same of the server's sessions with a database that are open now. */
function sessionsTime(database: string): number {
  const sessions = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && titleOf(pid).includes(` ${database} `));
  return sessions.reduce((sum, pid) => sum + processorTime(pid), 0);
}

function titleOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

interface Measured {
  /** Seconds of the service's processor, and of the server's. */
  readonly service: number;
  readonly server: number;
  readonly ms: number;
  readonly peak: number;
  readonly idle: number;
}

async function plan(client: Client, pid: number, size: number, point: string): Promise<Measured> {
  const idle = peakMemory(pid);
  const [serviceBefore, serverBefore] = [processorTime(pid), sessionsTime(`planning_${size}`)];
  const started = performance.now();
  const { rollback } = await client.request<{ rollback: { __typename: string; id: string } }>(REQUEST, { point });
  const { id } = expectObject(rollback);
  for (;;) {
    await sleep(50);
    const operation = await progress(client, id);
    if (operation.status === 'COMPLETED') {
      const { planned, conflicted } = operation.counts;
      const found = `${planned} + ${conflicted}`;
      if (found !== `${size - size / CONFLICTS} + ${size / CONFLICTS}`) throw new Error(`planned ${found} of ${size}`);
      const ms = performance.now() - started;
      return {
        ms,
        service: processorTime(pid) - serviceBefore,
        server: sessionsTime(`planning_${size}`) - serverBefore,
        peak: peakMemory(pid),
        idle,
      };
    }
    if (['FAILED', 'ABORTED'].includes(operation.status)) throw new Error(operation.errorMessage ?? operation.status);
  }
}

interface Progress {
  readonly status: string;
  readonly errorMessage: string | null;
  readonly counts: { readonly planned: string; readonly conflicted: string };
}

/** A connection that was kept and has been closed meanwhile is no answer: it is asked once more. */
async function progress(client: Client, id: string): Promise<Progress> {
  const ask = () => client.request<{ rollbackOperation: Progress }>(PROGRESS, { id });
  return (await ask().catch(ask)).rollbackOperation;
}

function report(
  size: number,
  { ms, service, server: sessions, peak, idle }: Measured,
  before: { perEntity: number } | null,
): void {
  const of = `planning ${size.toLocaleString('en')}`;
  const add = (figure: Omit<Figure, 'engine'>): void => void figures.push({ engine: 'server', ...figure });
  // What a service does besides weighs more in a small plan.
  const bar = Math.max(10, size / 10_000);
  const cpu = `${service.toFixed(1)} s of the service's processor, ${sessions.toFixed(1)} s of the server's`;
  add({
    name: of,
    value: ms / 1000,
    unit: 's',
    bar,
    bound: 'at most',
    detail: cpu,
  });
  add({
    name: `${of}, peak memory`,
    value: peak,
    unit: 'MiB',
    bar: MEMORY_BAR,
    bound: 'at most',
    detail: `${Math.round(idle)} MiB at rest`,
  });
  if (before === null) return;
  const ratio = (service + sessions) / size / before.perEntity;
  add({
    name: `${of}, processor time per entity to that of a tenth`,
    value: ratio,
    unit: 'x',
    bar: LINEAR,
    bound: 'at most',
  });
}
