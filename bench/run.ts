import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Client, connect } from '../demo/client.ts';
import { startService } from '../demo/service.ts';
import { migrate } from '../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../src/adapters/postgres/pglite-database.ts';
import { readWordNet, WORDNET_SIZE } from '../src/adapters/wordnet/wordnet.ts';
import { Floor } from './floors.ts';
import * as measure from './measures.ts';
import { pointWithPending } from './pending.ts';
import { type Figure, median, passes, printTable, save } from './report.ts';
import { startServer } from './server.ts';

/**
 * `node bench/run.ts [server|pglite]`, `npm run bench`: every figure on PGlite and on a PostgreSQL server, beside its floor of the same run.
 * Missed bars end it with 1. Only a run of both is kept.
 */

const SMALL = 5000;
const ROLLED_BACK = 10_000;
/** Of plain SQL and the rollback by turns. */
const ROUNDS = 5;
const COUNTED = '{ graph(name: "demo") { nodeCount relationshipCount } }';
const folder = mkdtempSync(join(tmpdir(), 'palinode-bench-'));
const config = join(folder, 'graphs.json');
writeFileSync(config, JSON.stringify({ graphs: ['demo', 'small'].map((name) => ({ name, kind: 'embedded' })) }));
const [, , only] = process.argv;
const figures: Figure[] = [];
const server = await startServer();
try {
  if (only !== 'server') await onPglite();
  if (only !== 'pglite') await onServer();
} finally {
  server.stop();
  rmSync(folder, { recursive: true, force: true });
  printTable(figures);
  if (figures.length > 0 && only === undefined) save('embedded', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

async function onPglite(): Promise<void> {
  const floor = await floorOn(await PgliteDatabase.open({ dataFolder: join(folder, 'floor') }));
  await engine('pglite', floor, { PALINODE_CONFIG: config }, 1024);
  await floor.database.close();
  await pending('pglite', await PgliteDatabase.open({ dataFolder: join(folder, 'pending') }));
}

async function onServer(): Promise<void> {
  const admin = new PgDatabase({ url: server.url('postgres') });
  for (const name of ['floor', 'service', 'pending']) await admin.script(`CREATE DATABASE ${name}`);
  await admin.close();
  const floor = await floorOn(new PgDatabase({ url: server.url('floor') }));
  await engine('server', floor, { PALINODE_CONFIG: config, DATABASE_URL: server.url('service') }, 500);
  await floor.database.close();
  await pending('server', new PgDatabase({ url: server.url('pending') }));
}

async function floorOn(database: PgDatabase | PgliteDatabase): Promise<Floor> {
  await migrate(database, 'prisma/migrations');
  return Floor.load(database);
}

async function pending(name: Figure['engine'], store: PgDatabase | PgliteDatabase): Promise<void> {
  const counts = [100, 1000];
  const times = await pointWithPending(store, counts);
  for (const [at, count] of counts.entries())
    figures.push({
      engine: name,
      name: `point creation, ${count} changes pending`,
      value: times[at] ?? Number.NaN,
      unit: 'ms',
      bar: 30,
      bound: 'at most',
    });
}

async function engine(
  name: Figure['engine'],
  floor: Floor,
  environment: Record<string, string>,
  memoryBar: number,
): Promise<void> {
  const add = (figure: Omit<Figure, 'engine'>): void => void figures.push({ engine: name, ...figure });
  const started = performance.now();
  const service = await startService(environment);
  try {
    const client = connect(service.url);
    const imported = await loaded(client, started);
    add({
      name: 'import with capture, recorded',
      value: imported / floor.inserts,
      unit: 'of plain',
      bar: 0.25,
      bound: 'at least',
      detail: `${Math.round(imported)}/s of ${Math.round(floor.inserts)}/s`,
    });
    await fillSmall(client);
    const keys = await measure.nodeKeys(client, 'demo', 100_000);
    const small = await measure.nodeKeys(client, 'small', 1000);
    const graphs = [
      { graph: 'demo', keys },
      { graph: 'small', keys: small },
    ];
    const [point = Number.NaN, smallPoint = Number.NaN] = await measure.pointCreation(client, graphs);
    add({ name: 'point creation, median', value: point, unit: 'ms', bar: 30, bound: 'at most' });
    add({
      name: 'point creation at 496k to 5k',
      value: point / smallPoint,
      unit: 'x',
      bar: 1.3,
      bound: 'at most',
      detail: `${smallPoint.toFixed(1)} ms at 5k`,
    });
    const [diff = Number.NaN, smallDiff = Number.NaN] = await measure.diffOfThousand(client, graphs);
    add({ name: 'diff of 1,000 changes, median', value: diff, unit: 'ms', bar: 100, bound: 'at most' });
    add({
      name: 'diff at 496k to 5k',
      value: diff / smallDiff,
      unit: 'x',
      bar: 1.3,
      bound: 'at most',
      detail: `${smallDiff.toFixed(1)} ms at 5k`,
    });
    add({
      name: 'nested query, median',
      value: await measure.nestedQuery(client, 'small'),
      unit: 'ms',
      bar: 15,
      bound: 'at most',
    });
    const rounds: { ratio: number; rate: number; plain: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const plain = await floor.restore(keys.slice(0, ROLLED_BACK));
      const rate = await rollbackOf(client, keys.slice(0, ROLLED_BACK), 'IMMEDIATE');
      rounds.push({ ratio: rate / plain, rate, plain });
    }
    const of = (pick: (round: (typeof rounds)[number]) => number): number => median(rounds.map(pick));
    add({
      name: 'rollback of 10,000, request to proof',
      value: of(({ ratio }) => ratio),
      unit: 'of plain',
      bar: 0.3,
      bound: 'at least',
      detail: `${Math.round(of(({ rate }) => rate))}/s of ${Math.round(of(({ plain }) => plain))}/s, ${ROUNDS} rounds of both`,
    });
    const large = await rollbackOf(client, keys, 'GRADUAL');
    add({
      name: 'peak memory, import and 100,000 rolled back',
      value: measure.peakMemory(service.pid),
      unit: 'MiB',
      bar: memoryBar,
      bound: 'at most',
      detail: `${Math.round(large)}/s`,
    });
  } finally {
    await service.stop();
  }
}

interface Counted {
  graph: { nodeCount: string; relationshipCount: string };
}

/** Waits for the sample; its rate in entities per second, from the service's start to the last one recorded. */
async function loaded(client: Client, started: number): Promise<number> {
  const total = WORDNET_SIZE.nodes + WORDNET_SIZE.relationships;
  for (;;) {
    // A kept connection may close just as it is used again: this is a look at the clock, not a measurement.
    const answer = await client.request<Counted>(COUNTED).catch(() => null);
    if (answer !== null && Number(answer.graph.nodeCount) + Number(answer.graph.relationshipCount) === total)
      return (total * 1000) / (performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The first nodes of the same data: what an entity holds must not tell the graphs apart, only how many there are. */
async function fillSmall(client: Client): Promise<void> {
  const nodes: unknown[] = [];
  for await (const state of readWordNet()) {
    if (nodes.length === SMALL || state.kind !== 'NODE') break;
    const { key, labels, properties } = state;
    const set = Object.entries(properties).map(([name, value]) => ({ name, value }));
    nodes.push({ putNode: { key, labels, set } });
  }
  await measure.write(client, 'small', nodes);
}

/** Changes entities, restores the point before, and says how many a second that took from the request to the proof. */
async function rollbackOf(client: Client, keys: readonly string[], strategy: 'IMMEDIATE' | 'GRADUAL'): Promise<number> {
  const point = await measure.createPoint(client, 'demo', 'before the changes');
  for (let at = 0; at < keys.length; at += 5000)
    await measure.write(
      client,
      'demo',
      keys.slice(at, at + 5000).map((key) => measure.setGloss(key, 'overwritten')),
    );
  const { ms, applied } = await measure.restore(client, 'demo', point, strategy);
  if (applied !== keys.length) throw new Error(`${applied} of ${keys.length} entities were rolled back`);
  return (applied * 1000) / ms;
}
