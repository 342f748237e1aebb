import { setTimeout as sleep } from 'node:timers/promises';
import { type Attached, captureStatus, settled, startAttached } from './neo4j-service.ts';
import { type Figure, passes, printTable, save } from './report.ts';

/**
 * How fast the recorder moves what Bolt clients write in Neo4j into history. Sustained: clients write as fast as they can while no more than
 * a bound waits to be recorded, so that what is written is what is recorded. Lag: clients write 2,000 changes a second. Missed bars end it
 * with 1.
 */
const SUSTAINED = { batch: 500, writers: 2, warmUpMs: 5_000, ms: 15_000, mostWaiting: 20_000 };
const LAG = { batch: 100, batchesPerSecond: 20, warmUpMs: 3_000, ms: 15_000 };
const LOOK_MS = 50;
const NODES = 100_000;
const UPDATE = 'UNWIND $ids AS id MATCH (n) WHERE elementId(n) = id SET n.seen = $value';

const figures: Figure[] = [];
const attached = await startAttached();
try {
  const ids = await nodeIds(attached);
  await sustained(attached, ids);
  await settled(attached.client);
  await lag(attached, ids);
} finally {
  await attached.stop();
  printTable(figures);
  save('neo4j-recorder', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

async function nodeIds({ graph }: Attached): Promise<string[]> {
  const { records } = await graph.driver.executeQuery(
    'MATCH (n:Synset) WITH n LIMIT $limit RETURN elementId(n) AS id',
    { limit: BigInt(NODES) },
  );
  return records.map((record) => String(record.get('id')));
}

async function sustained({ graph, client }: Attached, ids: readonly string[]): Promise<void> {
  const { batch, writers, warmUpMs, ms, mostWaiting } = SUSTAINED;
  const from = performance.now() + warmUpMs;
  const until = from + ms;
  let written = 0;
  let waiting = 0;
  let most = 0;
  const write = async (writer: number): Promise<void> => {
    // Every writer has nodes of its own, so that none waits for another's locks.
    const own = ids.slice((writer * ids.length) / writers, ((writer + 1) * ids.length) / writers);
    for (let turn = 0; performance.now() < until; turn += 1) {
      if (waiting > mostWaiting) {
        await sleep(5);
        continue;
      }
      const at = (turn * batch) % (own.length - batch);
      await graph.driver.executeQuery(UPDATE, { ids: own.slice(at, at + batch), value: `${writer}:${turn}` });
      written += batch;
    }
  };
  const recorded = async (): Promise<number> => {
    const before = written;
    waiting = (await captureStatus(client)).pending * batch;
    most = Math.max(most, waiting);
    return before - waiting;
  };
  const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  let first: { at: number; recorded: number } | null = null;
  let last = { at: from, recorded: 0 };
  while (performance.now() < until) {
    const done = await recorded();
    last = { at: performance.now(), recorded: done };
    if (first === null && last.at >= from) {
      first = last;
      most = 0;
    }
    await sleep(LOOK_MS);
  }
  await writing;
  const span = first === null ? Number.NaN : last.at - first.at;
  figures.push({
    engine: 'server',
    name: 'recorder, sustained',
    value: ((last.recorded - (first?.recorded ?? 0)) * 1000) / span,
    unit: 'changes/s',
    bar: 15_000,
    bound: 'at least',
    detail: `${Math.round(span / 1000)} s, clients writing beside it, at most ${most} changes waiting`,
  });
}

async function lag({ graph, client }: Attached, ids: readonly string[]): Promise<void> {
  const { batch, batchesPerSecond, warmUpMs, ms } = LAG;
  const began = performance.now();
  const until = began + warmUpMs + ms;
  let written = 0;
  const write = async (): Promise<void> => {
    for (let turn = 0; performance.now() < until; turn += 1) {
      const at = (turn * batch) % (ids.length - batch);
      await graph.driver.executeQuery(UPDATE, { ids: ids.slice(at, at + batch), value: `lag ${turn}` });
      written += batch;
      // By the clock, so that what one batch took longer the next ones make good.
      await sleep(Math.max(0, began + ((turn + 1) * 1000) / batchesPerSecond - performance.now()));
    }
  };
  const writing = write();
  const lags: number[] = [];
  while (performance.now() < until) {
    const { lagMs } = await captureStatus(client);
    if (performance.now() > began + warmUpMs) lags.push(lagMs ?? 0);
    await sleep(LOOK_MS);
  }
  await writing;
  const sorted = lags.sort((a, b) => a - b);
  const rate = Math.round((written * 1000) / (warmUpMs + ms));
  figures.push({
    engine: 'server',
    name: 'recorder, longest lag at 2,000 changes/s',
    value: sorted.at(-1) ?? Number.NaN,
    unit: 'ms',
    bar: 1000,
    bound: 'at most',
    detail: `${rate} changes/s written, median ${sorted[sorted.length >> 1]} ms of ${sorted.length} looks`,
  });
}
