import type { Driver } from 'neo4j-driver';
import { type Client, expectObject } from '../demo/client.ts';
import { time } from './measures.ts';
import { type Attached, settled, startAttached } from './neo4j-service.ts';
import { SESSION_SIZE, takeBackByHand, writeSession } from './neo4j-session.ts';
import { type Figure, median, passes, printTable, save } from './report.ts';

/**
 * Undo of a session with 10,000 changes in WordNet, from request to proven, against the same writes as plain batches under the same
 * trigger, in interleaved rounds, and against wiping and importing the graph with APOC. Missed bars end it with 1.
 */
const ROUNDS = 7;
/** Before them, of both sides: the server and the service compile what they run often. */
const WARM_UP = 6;
/** Sessions that fit into the graph side by side. What was taken back may be written again. */
const PLACES = 22;
const LOOK_MS = 500;
const EXPORT = 'wordnet.json';
const figures: Figure[] = [];
const attached = await startAttached(async ({ driver }) => {
  await driver.executeQuery('CALL apoc.export.json.all($file, {})', { file: EXPORT });
});
try {
  await measureImport(attached, await measureUndo(attached));
} finally {
  await attached.stop();
  printTable(figures);
  save('neo4j-execution', figures);
}
if (figures.length === 0 || !figures.every(passes)) process.exitCode = 1;

/** @returns how long an undo takes, in milliseconds */
async function measureUndo({ graph, client }: Attached): Promise<number> {
  const [totals, writings, byHand]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const plain = await writeSession(graph.driver, {}, (round * 2) % PLACES);
    await settled(client);
    const hand = await time(() => takeBackByHand(graph.driver, plain));
    await settled(client);
    const session = await openSession(client, `round ${round}`);
    await writeSession(graph.driver, { palinode: { session, actor: 'bench' } }, (round * 2 + 1) % PLACES);
    await settled(client);
    const undone = await undoSession(client, session);
    if (round < WARM_UP) continue;
    byHand.push(hand);
    totals.push(undone.total);
    writings.push(undone.writing);
  }
  const floor = median(byHand);
  ratio('undo of 10,000 changes, request to proven', floor, median(totals), 0.15);
  ratio('undo of 10,000 changes, writing', floor, median(writings), 0.5);
  return median(totals);
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

/**
 * Milliseconds in all, and from the beginning of the execution to the last batch, as the operation's own events have them. Asked for seldom:
 * the answers would come from the process that is being measured.
 */
async function undoSession(client: Client, session: string): Promise<{ total: number; writing: number }> {
  const mutation = `mutation ($session: ID!) { rollback(input: {graph: "wordnet", undo: {by: {session: $session}}}) {
    __typename ... on RollbackOperation { id } ... on UserError { message } } }`;
  const query = `query ($id: ID!) { rollbackOperation(id: $id) { status errorMessage counts { applied } proof { matches }
    events(first: 200) { nodes { type status at } } } }`;
  const began = Date.now();
  const { rollback } = await client.request<{ rollback: { __typename: string; id: string } }>(mutation, { session });
  const { id } = expectObject(rollback);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const { rollbackOperation: operation } = await client.request<{ rollbackOperation: Undone }>(query, { id });
    if (!['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED'].includes(operation.status)) continue;
    if (operation.proof?.matches !== true || Number(operation.counts.applied) !== SESSION_SIZE)
      throw new Error(`the undo ended ${JSON.stringify({ ...operation, events: undefined })}`);
    const { nodes } = operation.events;
    const executing = nodes.filter(({ status }) => status === 'EXECUTING');
    const written = executing.findLast(({ type }) => type === 'PROGRESS');
    return { total: timeOf(nodes.at(-1)) - began, writing: timeOf(written) - timeOf(executing[0]) };
  }
}

function timeOf(event: { readonly at: string } | undefined): number {
  if (event === undefined) throw new Error('an undo without the event that was looked for');
  return new Date(event.at).getTime();
}

/** What those do who have no rollback: wipe the graph and import what they exported. */
async function measureImport({ graph, detach }: Attached, undoMs: number): Promise<void> {
  await detach();
  await dropTriggers(graph.driver);
  const session = graph.driver.session();
  const { records } = await session.run('CALL db.labels() YIELD label RETURN label');
  const labels = records.map((record) => String(record.get('label'))).filter((label) => !label.startsWith('_'));
  const ms = await time(async () => {
    await session.run('MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS');
    for (const label of labels) {
      await session.run(`CREATE CONSTRAINT IF NOT EXISTS FOR (n:${label}) REQUIRE n.neo4jImportId IS UNIQUE`);
    }
    await session.run('CALL apoc.import.json($file)', { file: EXPORT });
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

/** Who imports has no trigger to pay for. */
async function dropTriggers(driver: Driver): Promise<void> {
  await driver.executeQuery('CALL apoc.trigger.dropAll("neo4j")', {}, { database: 'system' });
  for (;;) {
    const { records } = await driver.executeQuery('CALL apoc.trigger.list() YIELD name RETURN name');
    if (records.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
