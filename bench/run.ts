import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Client, connect } from '../demo/client.ts';
import { startService } from '../demo/service.ts';
import { migrate } from '../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../src/adapters/postgres/pglite-database.ts';
import { WORDNET_SIZE } from '../src/adapters/wordnet/wordnet.ts';
import { type Floors, measureFloors } from './floors.ts';
import * as measure from './measures.ts';
import { type Figure, passes, printTable, save } from './report.ts';
import { startServer } from './server.ts';

/** `npm run bench`: every figure on PGlite and on a PostgreSQL server, beside its floor of the same run. Missed bars end it with 1. */

const SMALL = 5000;
const folder = mkdtempSync(join(tmpdir(), 'palinode-bench-'));
const config = join(folder, 'graphs.json');
writeFileSync(config, JSON.stringify({ graphs: ['demo', 'small'].map((name) => ({ name, kind: 'embedded' })) }));
const figures: Figure[] = [];
const server = await startServer();
try {
  const pglite = await PgliteDatabase.open({ dataFolder: join(folder, 'floor') });
  const pgliteFloors = await floorsOn(pglite);
  await engine('pglite', pgliteFloors, { PALINODE_CONFIG: config }, 1024);
  const admin = new PgDatabase({ url: server.url('postgres') });
  for (const name of ['floor', 'service']) await admin.script(`CREATE DATABASE ${name}`);
  await admin.close();
  const serverFloors = await floorsOn(new PgDatabase({ url: server.url('floor') }));
  await engine('server', serverFloors, { PALINODE_CONFIG: config, DATABASE_URL: server.url('service') }, 500);
} finally {
  server.stop();
  rmSync(folder, { recursive: true, force: true });
  printTable(figures);
  save('embedded', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

async function floorsOn(database: PgDatabase | PgliteDatabase): Promise<Floors> {
  await migrate(database, 'prisma/migrations');
  const floors = await measureFloors(database);
  await database.close();
  return floors;
}

async function engine(
  name: Figure['engine'],
  floors: Floors,
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
      value: imported / floors.inserts,
      unit: 'of plain',
      bar: 0.25,
      bound: 'at least',
      detail: `${Math.round(imported)}/s of ${Math.round(floors.inserts)}/s`,
    });
    await fillSmall(client);
    const keys = await measure.nodeKeys(client, 'demo', 100_000);
    const small = await measure.nodeKeys(client, 'small', 1000);
    const key = keys[0] ?? '';
    const point = await measure.pointCreation(client, 'demo', key);
    const smallPoint = await measure.pointCreation(client, 'small', small[0] ?? '');
    add({ name: 'point creation, median', value: point, unit: 'ms', bar: 30, bound: 'at most' });
    add({
      name: 'point creation at 496k to 5k',
      value: point / smallPoint,
      unit: 'x',
      bar: 1.3,
      bound: 'at most',
      detail: `${smallPoint.toFixed(1)} ms at 5k`,
    });
    const diff = await measure.diffOfThousand(client, 'demo', keys);
    const smallDiff = await measure.diffOfThousand(client, 'small', small);
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
    const rate = await rollbackOf(client, keys.slice(0, 10_000), 'IMMEDIATE');
    add({
      name: 'rollback of 10,000, request to proof',
      value: rate / floors.updates,
      unit: 'of plain',
      bar: 0.3,
      bound: 'at least',
      detail: `${Math.round(rate)}/s of ${Math.round(floors.updates)}/s`,
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

/** Waits for the sample; its rate in entities per second, from the service's start to the last one recorded. */
async function loaded(client: Client, started: number): Promise<number> {
  const total = WORDNET_SIZE.nodes + WORDNET_SIZE.relationships;
  for (;;) {
    const { graph } = await client.request<{ graph: { nodeCount: string; relationshipCount: string } }>(
      '{ graph(name: "demo") { nodeCount relationshipCount } }',
    );
    if (Number(graph.nodeCount) + Number(graph.relationshipCount) === total)
      return (total * 1000) / (performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function fillSmall(client: Client): Promise<void> {
  const nodes = Array.from({ length: SMALL }, (_, i) => ({
    putNode: {
      key: `s${String(i).padStart(5, '0')}`,
      labels: ['Synset'],
      set: [{ name: 'gloss', value: `gloss ${i}` }],
    },
  }));
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
