import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPoint, time } from './measures.ts';
import { type Attached, GRAPH, settled, startAttached } from './neo4j-service.ts';
import { type Figure, median, passes, printTable, save } from './report.ts';

/**
 * Point creation until STORED on WordNet in Neo4j, idle and under 200 transactions a second of Bolt clients, beside what others do to have a
 * point to go back to: apoc.export.json.all of the live graph, and stopping the server, dumping its store and starting it again. Missed bars
 * end it with 1.
 */
const WARM_UP = 10;
const IDLE_ROUNDS = 50;
const LOADED_ROUNDS = 60;
const WRITERS = 4;
const TRANSACTIONS_PER_SECOND = 200;
const POINT_EVERY_MS = 150;
const NODES = 10_000;
const UPDATE = 'MATCH (n) WHERE elementId(n) = $id SET n.seen = $value';

const figures: Figure[] = [];
const attached = await startAttached();
try {
  const ids = await nodeIds(attached);
  const idle = await idleTimes(attached, ids);
  const loaded = await loadedTimes(attached, ids);
  const beside = await others(attached);
  const add = (name: string, value: number, bar: number, detail: string) =>
    figures.push({ engine: 'server', name, value, unit: 'ms', bar, bound: 'at most', detail: `${detail}; ${beside}` });
  add('point creation, median', median(idle), 60, `p95 ${Math.round(percentile(idle, 0.95))} ms`);
  const { times, rate } = loaded;
  const under = `median ${Math.round(median(times))} ms under ${rate} transactions/s`;
  add('point creation under 200 tx/s, p95', percentile(times, 0.95), 150, under);
} finally {
  await attached.stop();
  printTable(figures);
  save('neo4j-points', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

async function nodeIds({ graph }: Attached): Promise<string[]> {
  const { records } = await graph.driver.executeQuery(
    'MATCH (n:Synset) WITH n LIMIT $limit RETURN elementId(n) AS id',
    {
      limit: BigInt(NODES),
    },
  );
  return records.map((record) => String(record.get('id')));
}

async function idleTimes({ graph, client }: Attached, ids: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < WARM_UP + IDLE_ROUNDS; round += 1) {
    // A point is of a state of its own.
    await graph.driver.executeQuery(UPDATE, { id: ids[round], value: `round ${round}` });
    await settled(client);
    const ms = await time(() => createPoint(client, GRAPH, `idle ${round}`));
    if (round >= WARM_UP) times.push(ms);
  }
  return times;
}

async function loadedTimes(
  { graph, client }: Attached,
  ids: readonly string[],
): Promise<{ times: number[]; rate: number }> {
  const began = performance.now();
  let done = 0;
  let stopped = false;
  const write = async (writer: number): Promise<void> => {
    for (let turn = 0; !stopped; turn += 1) {
      const id = ids[(turn * WRITERS + writer) % ids.length];
      await graph.driver.executeQuery(UPDATE, { id, value: `${writer}:${turn}` });
      done += 1;
      const due = began + ((turn + 1) * WRITERS * 1000) / TRANSACTIONS_PER_SECOND;
      await sleep(Math.max(0, due - performance.now()));
    }
  };
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  const times: number[] = [];
  for (let round = 0; round < WARM_UP + LOADED_ROUNDS; round += 1) {
    const ms = await time(() => createPoint(client, GRAPH, `loaded ${round}`));
    if (round >= WARM_UP) times.push(ms);
    await sleep(Math.max(0, POINT_EVERY_MS - ms));
  }
  const rate = Math.round((done * 1000) / (performance.now() - began));
  stopped = true;
  await writing;
  return { times, rate };
}

/** What it takes without the service, in words. */
async function others({ graph, detach }: Attached): Promise<string> {
  await detach();
  const exported = await time(() => graph.driver.executeQuery('CALL apoc.export.json.all("points.json", {})'));
  const archive = mkdtempSync(join(tmpdir(), 'palinode-bench-dump-'));
  try {
    const dumped = await time(() => graph.dump(archive));
    return `apoc.export.json.all ${Math.round(exported)} ms, stop + dump + start ${Math.round(dumped)} ms`;
  } finally {
    rmSync(archive, { recursive: true, force: true });
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
