import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type Client, expectObject } from '../demo/client.ts';
import { median } from './report.ts';

/** Measurements made as a client of a running service, over HTTP. Times are milliseconds. */

export async function time(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function medianOf(rounds: number, work: (round: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) times.push(await time(() => work(i)));
  return median(times);
}

interface Typed {
  __typename: string;
  id: string;
  status?: string;
}

const CREATE_POINT = `mutation ($graph: String!, $name: String!) {
  createRollbackPoint(input: { graph: $graph, name: $name }) { __typename ... on RollbackPoint { id status } ... on UserError { message } } }`;

export async function createPoint(client: Client, graph: string, name: string): Promise<string> {
  const point = expectObject(
    (await client.request<{ createRollbackPoint: Typed }>(CREATE_POINT, { graph, name })).createRollbackPoint,
  );
  if (point.status !== 'STORED' && point.status !== 'VALID') throw new Error(`the point is ${point.status}`);
  return point.id;
}

const WRITE = `mutation ($graph: String!, $changes: [GraphWrite!]!, $session: ID) {
  writeGraph(input: { graph: $graph, changes: $changes, session: $session }) { __typename ... on GraphWriteSummary { changed } ... on UserError { message } } }`;

export async function write(client: Client, graph: string, changes: unknown[], session?: string): Promise<void> {
  expectObject((await client.request<{ writeGraph: Typed }>(WRITE, { graph, changes, session })).writeGraph);
}

export const setGloss = (key: string, value: string): unknown => ({
  putNode: { key, mode: 'UPDATE', set: [{ name: 'gloss', value }] },
});

/** Does the same in several graphs by turns, so that whatever else the machine does meets all of them. Medians, in their order. */
async function medianByTurns(
  rounds: number,
  works: readonly ((round: number) => Promise<number>)[],
): Promise<number[]> {
  const times: number[][] = works.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [at, work] of works.entries()) times[at]?.push(await work(round));
  return times.map(median);
}

/** Point creation until STORED, in each graph, with nothing pending. */
export async function pointCreation(client: Client, graphs: readonly Sample[], rounds = 60): Promise<number[]> {
  for (const { graph } of graphs) for (let i = 0; i < 10; i++) await createPoint(client, graph, `warm ${i}`);
  return medianByTurns(
    rounds,
    graphs.map(({ graph, keys: [key = ''] }) => async (round) => {
      // A point is of a state of its own.
      await write(client, graph, [setGloss(key, `point round ${round}`)]);
      return time(() => createPoint(client, graph, `point ${round}`));
    }),
  );
}

/** A graph, and the keys of nodes to change in it. */
export interface Sample {
  readonly graph: string;
  readonly keys: readonly string[];
}

const DIFF = `query ($graph: String!, $from: ID!, $to: ID!, $after: String) { graph(name: $graph) { diff(from: { point: $from }, to: { point: $to }) {
  summary { nodesUpdated } changes(first: 500, after: $after) { nodes { key action properties { name before { json } after { json } } } pageInfo { hasNextPage endCursor } } } } }`;

/** A diff of 1,000 changes between two points, read to its end in two pages, in each graph. */
export async function diffOfThousand(client: Client, graphs: readonly Sample[], rounds = 30): Promise<number[]> {
  const reads: (() => Promise<void>)[] = [];
  for (const { graph, keys } of graphs) reads.push(await preparedDiff(client, graph, keys.slice(0, 1000)));
  for (const read of reads) for (let i = 0; i < 5; i++) await read();
  return medianByTurns(
    rounds,
    reads.map((read) => () => time(read)),
  );
}

async function preparedDiff(client: Client, graph: string, keys: readonly string[]): Promise<() => Promise<void>> {
  const from = await createPoint(client, graph, 'diff from');
  await write(
    client,
    graph,
    keys.map((key) => setGloss(key, `changed ${Math.random()}`)),
  );
  const to = await createPoint(client, graph, 'diff to');
  type Page = {
    graph: { diff: { changes: { nodes: unknown[]; pageInfo: { hasNextPage: boolean; endCursor: string } } } };
  };
  return async () => {
    let total = 0;
    for (let after: string | null = null; ; ) {
      const page: Page = await client.request(DIFF, { graph, from, to, after });
      total += page.graph.diff.changes.nodes.length;
      if (!page.graph.diff.changes.pageInfo.hasNextPage) break;
      after = page.graph.diff.changes.pageInfo.endCursor;
    }
    if (total !== keys.length) throw new Error(`the diff has ${total} changes`);
  };
}

const ROLLBACK = `mutation ($graph: String!, $to: ID!, $strategy: RollbackStrategy!) {
  rollback(input: { graph: $graph, to: { point: $to }, strategy: $strategy, onConflict: { default: ABORT } }) { __typename ... on RollbackOperation { id } ... on UserError { message } } }`;
const PROGRESS = `subscription ($id: ID!) { operationProgress(id: $id) { status } }`;
const OPERATION = `query ($id: ID!) { rollbackOperation(id: $id) { status errorMessage proof { matches } counts { applied } } }`;

/** From the request to the proven end; returns the time and how many entities were written. */
export async function restore(
  client: Client,
  graph: string,
  point: string,
  strategy: 'IMMEDIATE' | 'GRADUAL',
): Promise<{ ms: number; applied: number }> {
  const started = performance.now();
  const { id } = expectObject(
    (await client.request<{ rollback: Typed }>(ROLLBACK, { graph, to: point, strategy })).rollback,
  );
  for await (const _ of client.follow(PROGRESS, { id }));
  const ms = performance.now() - started;
  const { rollbackOperation: o } = await client.request<{
    rollbackOperation: {
      status: string;
      errorMessage: string | null;
      proof: { matches: boolean } | null;
      counts: { applied: string };
    };
  }>(OPERATION, { id });
  if (o.status !== 'COMPLETED' || o.proof?.matches !== true)
    throw new Error(`the rollback ended ${o.status}: ${o.errorMessage}`);
  return { ms, applied: Number(o.counts.applied) };
}

const NESTED = `query ($graph: String!) { graph(name: $graph) { points(first: 20, filter: { name: "nested" }) { nodes {
  id name status seq timestamp operations(first: 5) { nodes { id status progress targetPoint { id name seq } } } } } } }`;

/** 20 points, 5 operations each, their target points. */
export async function nestedQuery(client: Client, graph: string): Promise<number> {
  for (let p = 0; p < 20; p++) {
    const id = await createPoint(client, graph, 'nested');
    for (let o = 0; o < 5; o++) await preview(client, graph, id);
  }
  const read = async (): Promise<void> => {
    const data = await client.request<{ graph: { points: { nodes: { operations: { nodes: unknown[] } }[] } } }>(
      NESTED,
      { graph },
    );
    const shape = data.graph.points.nodes.map((p) => p.operations.nodes.length);
    if (shape.length !== 20 || shape.some((n) => n !== 5))
      throw new Error(`the nested answer has the shape ${shape.join(',')}`);
  };
  for (let i = 0; i < 30; i++) await read();
  return await medianOf(60, read);
}

const PREVIEW = `mutation ($graph: String!, $to: ID!) { rollback(input: { graph: $graph, to: { point: $to }, dryRun: true }) {
  __typename ... on RollbackOperation { id } ... on UserError { message } } }`;

async function preview(client: Client, graph: string, to: string): Promise<void> {
  const { id } = expectObject((await client.request<{ rollback: Typed }>(PREVIEW, { graph, to })).rollback);
  for await (const _ of client.follow(PROGRESS, { id }));
}

/** The most memory that the process ever held resident, in MiB (Linux). */
export function peakMemory(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? Number.NaN) / 1024;
}

const KEYS = `query ($graph: String!, $after: String) { graph(name: $graph) { nodes(first: 500, after: $after) { nodes { key } pageInfo { endCursor hasNextPage } } } }`;

export async function nodeKeys(client: Client, graph: string, count: number): Promise<string[]> {
  const keys: string[] = [];
  for (let after: string | null = null; keys.length < count; ) {
    const page: {
      graph: { nodes: { nodes: { key: string }[]; pageInfo: { endCursor: string; hasNextPage: boolean } } };
    } = await client.request(KEYS, { graph, after });
    keys.push(...page.graph.nodes.nodes.map((n) => n.key));
    if (!page.graph.nodes.pageInfo.hasNextPage) break;
    after = page.graph.nodes.pageInfo.endCursor;
  }
  return keys.slice(0, count);
}
