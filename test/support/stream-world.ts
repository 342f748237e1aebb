import { expect } from '@jest/globals';
import type { OpenedEngine } from './engines.ts';
import type { Answer, Answered } from './graphql-client.ts';
import { startService } from './service.ts';
import { openStream, type StreamReader, type Transport } from './stream-reader.ts';

export const STALL_MS = 1000;
/** More than the network's buffers hold, in few events. */
export const BIG = { nodes: 60, characters: 12_000, events: 10 };

export const PROGRESS = `subscription ($id: ID!, $after: String) { operationProgress(id: $id, after: $after) { cursor seq type status progress operation { id } } }`;
export const TRANSACTIONS = `subscription ($graph: String!, $after: BigInt, $session: ID) {
  graphTransactions(graph: $graph, after: $after, session: $session) { seq actor } }`;
const STATES = 'before { properties { value { json text } } } after { properties { value { json text } } }';
export const BIG_TRANSACTIONS = `subscription ($graph: String!, $after: BigInt) {
  graphTransactions(graph: $graph, after: $after) { seq changes(first: 100) { nodes { key ${STATES} } } } }`;
export const BIG_PROGRESS = `subscription ($id: ID!, $after: String) { operationProgress(id: $id, after: $after) { cursor seq status
  operation { plan(first: 100) { nodes { change { key ${STATES} } } } } } }`;

export const transactionsIn = (messages: readonly Answered[]): string[] =>
  messages.map(({ data }) => data.graphTransactions.seq);
export const eventsIn = (messages: readonly Answered[]): Answer[] => messages.map(({ data }) => data.operationProgress);
export const seqsIn = (messages: readonly Answered[]): string[] => eventsIn(messages).map(({ seq }) => seq);
export const numbers = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at + 1}`);

/** The service on an engine, with what its subscribers and its writers do. */
export async function openStreamWorld(engine: OpenedEngine, over: Transport) {
  const service = await startService(engine.database, { stallMs: STALL_MS });
  const readers: StreamReader[] = [];
  const follow = (query: string, variables: Record<string, unknown>): StreamReader => {
    const reader = openStream(over, service.http.url, query, variables);
    readers.push(reader);
    return reader;
  };
  const refusal = async (query: string, variables: Record<string, unknown>): Promise<Answer> => {
    const [message, ...more] = await follow(query, variables).ended();
    expect(more).toEqual([]);
    return message?.errors?.[0]?.extensions;
  };
  const head = async (): Promise<string> =>
    (await service.client.data('{ graph(name: "demo") { head { seq } } }')).graph.head.seq;
  let writes = 0;
  const write = async (more: Answer = { actor: 'ada' }): Promise<string> => {
    writes += 1;
    const changes = [{ putNode: { key: 'n', set: [{ name: 'p', value: writes }] } }];
    return (await service.made('writeGraph', 'transaction { seq }', { graph: 'demo', ...more, changes })).transaction
      .seq;
  };
  const writeBig = async (): Promise<string> => {
    writes += 1;
    const value = `${writes}`.padEnd(BIG.characters, 'x');
    const changes = Array.from({ length: BIG.nodes }, (___, n) => ({
      putNode: { key: `big${n}`, set: [{ name: 'p', value }] },
    }));
    return (await service.made('writeGraph', 'transaction { seq }', { graph: 'demo', actor: 'eve', changes }))
      .transaction.seq;
  };
  /** A dry run that takes back one write, and how many events it has when it has ended. */
  const begin = async (more: Answer = { dryRun: true }): Promise<string> => {
    const to = { seq: await write() };
    await write();
    return (await service.made('rollback', 'id', { graph: 'demo', to, ...more })).id;
  };
  const allEvents = async (id: string): Promise<Answer[]> => {
    await service.ended(id);
    return eventsIn(await follow(PROGRESS, { id }).ended());
  };

  const close = async (): Promise<void> => {
    for (const reader of readers) reader.cut();
    await service.stop();
    await engine.close();
  };
  return { service, follow, refusal, head, write, writeBig, begin, allEvents, close };
}

export type StreamWorld = Awaited<ReturnType<typeof openStreamWorld>>;
