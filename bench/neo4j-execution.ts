import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect, expectObject } from '../demo/client.ts';
import { startService } from '../demo/service.ts';
import { PgDatabase } from '../src/adapters/postgres/pg-database.ts';
import { time } from './measures.ts';
import { loadWordNet, startBenchNeo4j } from './neo4j-server.ts';
import { SESSION_SIZE, takeBackByHand, writeSession } from './neo4j-session.ts';
import { type Figure, median, passes, printTable, save } from './report.ts';
import { startServer } from './server.ts';

/**
 * Undo of a session with 10,000 changes in WordNet, from request to proven, against the same writes as plain batches under the same
 * trigger, in interleaved rounds, and against wiping and importing the graph with APOC. Missed bars end it with 1.
 */
const ROUNDS = 3;
const folder = mkdtempSync(join(tmpdir(), 'palinode-bench-'));
const config = join(folder, 'graphs.json');
const figures: Figure[] = [];
const server = await startServer();
const graph = await startBenchNeo4j();
try {
  writeFileSync(config, JSON.stringify({ graphs: [{ name: 'wordnet', kind: 'neo4j', url: graph.url, attach: true }] }));
  await loadWordNet(graph.driver);
  const exported = await exportWithApoc();
  const undo = await measureUndo();
  await measureImport(exported, undo);
} finally {
  await graph.stop();
  server.stop();
  rmSync(folder, { recursive: true, force: true });
  printTable(figures);
  save('neo4j-execution', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

/** @returns how long an undo takes, in milliseconds */
async function measureUndo(): Promise<number> {
  const admin = new PgDatabase({ url: server.url('postgres') });
  await admin.script('CREATE DATABASE palinode');
  await admin.close();
  const environment = { PALINODE_CONFIG: config, DATABASE_URL: server.url('palinode'), PALINODE_SAMPLE: 'none' };
  const service = await startService(environment);
  try {
    const client = connect(service.url);
    await settled(client);
    const [totals, writings, byHand]: number[][] = [[], [], []];
    // The first round of each warms up.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const plain = await writeSession(graph.driver, {}, round * 2);
      await settled(client);
      const hand = await time(() => takeBackByHand(graph.driver, plain));
      const session = await openSession(client, `round ${round}`);
      await writeSession(graph.driver, { palinode: { session, actor: 'bench' } }, round * 2 + 1);
      await settled(client);
      const undone = await undoSession(client, session);
      if (round === 0) continue;
      byHand?.push(hand);
      totals?.push(undone.total);
      writings?.push(undone.writing);
    }
    const floor = median(byHand ?? []);
    ratio('undo of 10,000 changes, request to proven', floor, median(totals ?? []), 0.15);
    ratio('undo of 10,000 changes, writing', floor, median(writings ?? []), 0.5);
    return median(totals ?? []);
  } finally {
    await service.stop();
  }
}

function ratio(name: string, floorMs: number, ms: number, bar: number): void {
  const rate = (duration: number) => `${Math.round((SESSION_SIZE * 1000) / duration)}/s`;
  const detail = `${rate(ms)} of ${rate(floorMs)}`;
  figures.push({
    engine: 'server',
    name,
    value: floorMs / ms,
    unit: 'of plain batches',
    bar,
    bound: 'at least',
    detail,
  });
}

async function openSession(client: Client, name: string): Promise<string> {
  const mutation = `mutation ($name: String!) { openSession(input: {graph: "wordnet", actor: "bench", name: $name, point: false}) {
    __typename ... on Session { id } ... on UserError { message } } }`;
  const { openSession: opened } = await client.request<{ openSession: { __typename: string; id: string } }>(mutation, {
    name,
  });
  return expectObject(opened).id;
}

interface Undone {
  readonly status: string;
  readonly errorMessage: string | null;
  readonly counts: { readonly applied: string };
  readonly proof: { readonly matches: boolean } | null;
  readonly events: {
    readonly nodes: readonly { readonly type: string; readonly status: string; readonly at: string }[];
  };
}

/** Milliseconds in all, and from the beginning of the execution to the last batch. */
async function undoSession(client: Client, session: string): Promise<{ total: number; writing: number }> {
  const mutation = `mutation ($session: ID!) { rollback(input: {graph: "wordnet", undo: {by: {session: $session}}}) {
    __typename ... on RollbackOperation { id } ... on UserError { message } } }`;
  const query = `query ($id: ID!) { rollbackOperation(id: $id) { status errorMessage counts { applied } proof { matches }
    events(first: 200) { nodes { type status at } } } }`;
  const began = performance.now();
  const { rollback } = await client.request<{ rollback: { __typename: string; id: string } }>(mutation, { session });
  const { id } = expectObject(rollback);
  for (;;) {
    const { rollbackOperation: operation } = await client.request<{ rollbackOperation: Undone }>(query, { id });
    if (['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED'].includes(operation.status)) {
      const total = performance.now() - began;
      if (operation.proof?.matches !== true || Number(operation.counts.applied) !== SESSION_SIZE)
        throw new Error(`the undo ended ${JSON.stringify({ ...operation, events: undefined })}`);
      const executing = operation.events.nodes.filter(({ status }) => status === 'EXECUTING');
      const [first] = executing;
      const last = executing.findLast(({ type }) => type === 'PROGRESS');
      return { total, writing: new Date(last?.at ?? 0).getTime() - new Date(first?.at ?? 0).getTime() };
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until the graph is attached and nothing waits to be recorded. */
async function settled(client: Client): Promise<void> {
  const query = '{ graph(name: "wordnet") { capture { mode pending error } } }';
  for (;;) {
    const { graph: found } = await client.request<{
      graph: { capture: { mode: string; pending: string; error: string | null } };
    }>(query);
    const { mode, pending, error } = found.capture;
    if (error !== null) throw new Error(error);
    if (mode === 'CONTINUOUS' && pending === '0') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function exportWithApoc(): Promise<string> {
  await graph.driver.executeQuery('CALL apoc.export.json.all("wordnet.json", {})');
  return 'wordnet.json';
}

/** What those do who have no rollback: wipe the graph and import what they exported. */
async function measureImport(file: string, undoMs: number): Promise<void> {
  const session = graph.driver.session();
  await session.run('CALL apoc.trigger.dropAll("neo4j")', {}).catch(() => {});
  const { records } = await session.run('CALL db.labels() YIELD label RETURN label');
  const labels = records.map((record) => String(record.get('label'))).filter((label) => !label.startsWith('_'));
  const ms = await time(async () => {
    await session.run('MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS');
    for (const label of labels) {
      await session.run(`CREATE CONSTRAINT IF NOT EXISTS FOR (n:${label}) REQUIRE n.neo4jImportId IS UNIQUE`);
    }
    await session.run('CALL apoc.import.json($file)', { file });
  });
  await session.close();
  const detail = `${Math.round(undoMs)} ms against ${Math.round(ms)} ms`;
  const name = 'undo against wiping and importing';
  figures.push({
    engine: 'server',
    name,
    value: ms / undoMs,
    unit: 'times faster',
    bar: 10,
    bound: 'at least',
    detail,
  });
}
