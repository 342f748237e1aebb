import { expect, test } from '@jest/globals';
import { entityId } from '../../src/core/entities.ts';
import { ConstraintError } from '../../src/core/errors.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import {
  byApi,
  changeTo,
  drain,
  nodeOf,
  nodeRef,
  put,
  Replay,
  relationshipOf,
  relationshipRef,
  scanOf,
} from '../support/captured.ts';
import type { GraphHarness } from './knowledge-graph.contract.ts';

const pick = (size: number): number => Math.floor(Math.random() * size);

/** What must hold when several write at once. */
export function concurrencyContract(
  current: () => { graph: KnowledgeGraph; harness: GraphHarness },
  captured: boolean,
): void {
  test('no update is lost under a lock', async () => {
    const { graph, harness } = current();
    await put(graph, [nodeOf('counter', { n: 0 })]);
    const add = (through: KnowledgeGraph) =>
      through.transaction(byApi(), async (tx) => {
        const before = (await tx.lock([nodeRef('counter')])).get('n:counter');
        await tx.write([changeTo(before, nodeOf('counter', { n: Number(before?.properties.n) + 1 }))]);
      });
    const through = [graph, harness.reopen(graph)];
    await Promise.all(through.flatMap((one) => Array.from({ length: 10 }, () => add(one))));
    expect((await graph.read([nodeRef('counter')])).get('n:counter')?.properties).toEqual({ n: 20 });
  });

  test('opposite lock orders end in one order', async () => {
    const { graph } = current();
    await put(graph, [nodeOf('a', { n: 0 }), nodeOf('b', { n: 0 })]);
    const touch = (keys: string[]) =>
      graph.transaction(byApi(), async (tx) => {
        const live = await tx.lock(keys.map(nodeRef));
        await tx.write([...live.values()].map((state) => changeTo(state, { ...state, properties: { n: pick(1e6) } })));
      });
    await Promise.all(Array.from({ length: 12 }, (_, i) => touch(i % 2 === 0 ? ['a', 'b'] : ['b', 'a'])));
    if (!captured) return;
    const replay = new Replay();
    replay.follow(await scanOf(graph));
    expect(replay.states).toEqual(await graph.read([nodeRef('a'), nodeRef('b')]));
  });

  test('one key is created once, however many try at once', async () => {
    const { graph, harness } = current();
    const through = [graph, harness.reopen(graph)];
    const create = (one: KnowledgeGraph, i: number) =>
      one.transaction(byApi(), async (tx) => {
        const live = await tx.lock([nodeRef('only')]);
        await tx.write([changeTo(live.get('n:only'), nodeOf('only', { i }))]);
      });
    const results = await Promise.allSettled(
      through.flatMap((one, at) => Array.from({ length: 8 }, (_, i) => create(one, at * 8 + i))),
    );
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ConstraintError);
    }
    expect(results.some(({ status }) => status === 'fulfilled')).toBe(true);
    expect(await graph.count()).toEqual({ nodes: 1n, relationships: 0n });
  });

  if (!captured) return;
  test('every scan is a history of the graph: befores follow afters, cuts are whole', async () => {
    const { graph, harness } = current();
    const writers = Array.from({ length: 4 }, () => harness.reopen(graph));
    let writing = true;
    const replay = new Replay();
    const reader = (async () => {
      while (writing) {
        const scan = await scanOf(graph, 7);
        replay.follow(scan);
        // Now and then only a part is acknowledged, as when a reader dies half way.
        const part = scan.slice(0, pick(3) === 0 ? pick(scan.length + 1) : scan.length);
        await graph.acknowledge(part.map(({ id }) => id));
      }
    })();
    await Promise.all(writers.map((writer) => writeAtRandom(writer, 40)));
    writing = false;
    await reader;
    replay.follow(await drain(graph));

    const live = new Map<string, unknown>();
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      for await (const page of graph.scan(kind, 100)) for (const state of page) live.set(entityId(state), state);
    }
    expect(new Map(replay.states)).toEqual(live);
    expect(replay.cuts).toBeGreaterThan(0);
  });
}

/** Nodes and relationships on few keys, so that writers meet; what the graph refuses is given up. */
async function writeAtRandom(graph: KnowledgeGraph, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    const [a, b] = [`n${pick(6)}`, `n${pick(6)}`];
    const tie = `r${pick(8)}`;
    try {
      await graph.transaction(byApi(), async (tx) => {
        const live = await tx.lock([nodeRef(a), nodeRef(b), relationshipRef(tie)]);
        const [start, end, tied] = [live.get(`n:${a}`), live.get(`n:${b}`), live.get(`r:${tie}`)];
        if (start === undefined) return tx.write([changeTo(null, nodeOf(a, { i }))]);
        if (pick(4) === 0) {
          const ties = await tx.lockIncident([a], 100);
          return tx.write([changeTo(start, null), ...ties.map((state) => changeTo(state, null))]);
        }
        if (end === undefined || pick(2) === 0) return tx.write([changeTo(start, nodeOf(a, { i, by: pick(1e6) }))]);
        return tx.write([
          changeTo(tied, tied === undefined || pick(2) === 0 ? relationshipOf(tie, a, b, { i }) : null),
        ]);
      });
    } catch (error) {
      if (!(error instanceof ConstraintError)) throw error;
    }
  }
}
