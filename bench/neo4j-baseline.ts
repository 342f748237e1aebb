import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '../demo/client.ts';
import { type Service, startService } from '../demo/service.ts';
import { PgDatabase } from '../src/adapters/postgres/pg-database.ts';
import { WORDNET_SIZE } from '../src/adapters/wordnet/wordnet.ts';
import { peakMemory, time } from './measures.ts';
import { loadWordNet, readingRate, startBenchNeo4j } from './neo4j-server.ts';
import { type Figure, median, passes, printTable, save } from './report.ts';
import { startServer } from './server.ts';

/**
 * The baseline of WordNet in Neo4j, from attachGraph to captured, against reading everything over Bolt and throwing it away: first keys
 * have to be given, then, into a history of its own, they are there. Before that everything is read once, and attached once, with its keys taken
 * away again: a Java that has just started compiles what it runs for the first time, on both sides. Beside it what PostgreSQL alone stores, which no
 * baseline can pass. Missed bars end it with 1.
 */
const ENTITIES = WORDNET_SIZE.nodes + WORDNET_SIZE.relationships;
const folder = mkdtempSync(join(tmpdir(), 'palinode-bench-'));
const config = join(folder, 'graphs.json');
const figures: Figure[] = [];
const server = await startServer();
const graph = await startBenchNeo4j();
try {
  writeFileSync(config, JSON.stringify({ graphs: [{ name: 'wordnet', kind: 'neo4j', url: graph.url }] }));
  await loadWordNet(graph.driver);
  await readingRate(graph.driver);
  const cold = await attached('cold', true, (client) => baselineRate(client));
  await measure(
    'baseline, keys to be given',
    0.15,
    'unkeyed',
    `; ${Math.round(cold)}/s as the first thing that the server does`,
  );
  await measure('baseline, keys there', 0.4, 'keyed');
} finally {
  await graph.stop();
  server.stop();
  rmSync(folder, { recursive: true, force: true });
  printTable(figures);
  save('neo4j-baseline', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

async function measure(name: string, bar: number, database: string, more = ''): Promise<void> {
  await attached(database, false, async (client, { pid }) => {
    const before = await readingRate(graph.driver);
    const rate = await baselineRate(client);
    const floor = median([before, await readingRate(graph.driver)]);
    const stored = await storingRate(server.url(database));
    const most = (stored / floor).toPrecision(2);
    const detail = `${Math.round(rate)}/s of ${Math.round(floor)}/s; PostgreSQL alone stores ${Math.round(stored)}/s, ${most}${more}`;
    figures.push({ engine: 'server', name, value: rate / floor, unit: 'of reading', bar, bound: 'at least', detail });
    const memory = peakMemory(pid);
    figures.push({ engine: 'server', name: `${name}: memory`, value: memory, unit: 'MiB', bar: 600, bound: 'at most' });
  });
}

/** Does `work`, which attaches the graph, with a service over a database of its own, and detaches the graph. */
async function attached<T>(
  database: string,
  removeKeys: boolean,
  work: (client: Client, service: Service) => Promise<T>,
): Promise<T> {
  const admin = new PgDatabase({ url: server.url('postgres') });
  await admin.script(`CREATE DATABASE ${database}`);
  await admin.close();
  const service = await startService({
    PALINODE_CONFIG: config,
    DATABASE_URL: server.url(database),
    PALINODE_SAMPLE: 'none',
  });
  try {
    const client = connect(service.url);
    const result = await work(client, service);
    await client.request(
      `mutation ($removeKeys: Boolean!) { detachGraph(input: {graph: "wordnet", removeKeys: $removeKeys}) { __typename } }`,
      { removeKeys },
    );
    return result;
  } finally {
    await service.stop();
  }
}

/** Entities a second that PostgreSQL moves into tables like those that it has them in, indexes and all, while nothing else runs. */
async function storingRate(url: string): Promise<number> {
  const database = new PgDatabase({ url, statementTimeoutMs: 0 });
  const tables = ['entity_versions', 'entity_labels', 'graph_bindings'];
  for (const table of tables) await database.script(`CREATE TABLE floor_${table} (LIKE ${table} INCLUDING ALL)`);
  const ms = await time(async () => {
    for (const table of tables) await database.script(`INSERT INTO floor_${table} SELECT * FROM ${table}`);
  });
  await database.close();
  return (ENTITIES * 1000) / ms;
}

/** Entities a second. */
async function baselineRate(client: Client): Promise<number> {
  const began = performance.now();
  await client.request('mutation { attachGraph(input: {graph: "wordnet"}) { __typename } }');
  for (;;) {
    const { graph } = await client.request<{ graph: { capture: { mode: string; error: string | null } } }>(
      '{ graph(name: "wordnet") { capture { mode error } } }',
    );
    // While it is being attached, that is what it says.
    if (graph.capture.error !== null && graph.capture.mode !== 'OFF') throw new Error(graph.capture.error);
    if (graph.capture.mode === 'CONTINUOUS' || graph.capture.mode === 'SCAN') break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return (ENTITIES * 1000) / (performance.now() - began);
}
