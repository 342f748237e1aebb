import { expect, test } from '@jest/globals';
import { entityId } from '../../src/core/entities.ts';
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
  slicesOf,
} from '../support/captured.ts';

/** What capture and feed promise. */
export function feedContract(current: () => KnowledgeGraph): void {
  test('is well and empty at first', async () => {
    const graph = current();
    expect(await graph.inspectCapture()).toEqual([]);
    expect(await scanOf(graph)).toEqual([]);
    expect(await graph.pending()).toEqual({ transactions: 0n, changes: 0n, oldest: null, newest: null });
  });

  test('gives transactions in commit order with who, when and what', async () => {
    const graph = current();
    const operation = '5c1cf9d3-09f5-4a0f-8f6c-52fc36d1f39d';
    const id = '2ac3c52c-93a5-4d52-8d0a-f9a4a5a0e1b7';
    await put(graph, [nodeOf('b'), nodeOf('a'), relationshipOf('a', 'a', 'b')]);
    await put(graph, [nodeOf('a', { x: 1 })], { id, source: 'ROLLBACK', actor: null, session: 'import 7', operation });
    const [first, second, ...rest] = await scanOf(graph);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({
      source: 'API',
      actor: 'ada',
      session: null,
      operation: null,
      first: true,
      last: true,
    });
    expect(second).toMatchObject({ id, source: 'ROLLBACK', actor: null, session: 'import 7', operation, cut: true });
    expect(first?.changes).toEqual([
      changeTo(null, nodeOf('a')),
      changeTo(null, nodeOf('b')),
      changeTo(null, relationshipOf('a', 'a', 'b')),
    ]);
    expect(second?.changes).toEqual([changeTo(nodeOf('a'), nodeOf('a', { x: 1 }))]);
    expect(second?.time.getTime()).toBeGreaterThanOrEqual(first?.time.getTime() ?? Number.NaN);
    expect(Math.abs(Date.now() - (second?.time.getTime() ?? 0))).toBeLessThan(60_000);
  });

  test('folds several writes of one transaction into one net change', async () => {
    const graph = current();
    await put(graph, [nodeOf('kept', { x: 1 }), nodeOf('doomed')]);
    await drain(graph);
    await graph.transaction(byApi(), async (tx) => {
      await tx.lock([nodeRef('kept'), nodeRef('doomed')]);
      await tx.write([changeTo(nodeOf('kept', { x: 1 }), nodeOf('kept', { x: 2 })), changeTo(null, nodeOf('passing'))]);
      await tx.write([changeTo(nodeOf('kept', { x: 2 }), nodeOf('kept', { x: 3 })), changeTo(nodeOf('doomed'), null)]);
      await tx.write([changeTo(nodeOf('passing'), null), changeTo(null, nodeOf('doomed', { back: true }))]);
    });
    const [only] = await scanOf(graph);
    expect(only?.changes).toEqual([
      changeTo(nodeOf('doomed'), nodeOf('doomed', { back: true })),
      changeTo(nodeOf('kept', { x: 1 }), nodeOf('kept', { x: 3 })),
    ]);
  });

  test('has no change where a transaction ended as it began', async () => {
    const graph = current();
    await put(graph, [nodeOf('a', { x: 1 })]);
    await drain(graph);
    await put(graph, [nodeOf('a', { x: 1 })]);
    await graph.transaction(byApi(), async (tx) => {
      await tx.lock([nodeRef('a')]);
      await tx.write([changeTo(nodeOf('a', { x: 1 }), nodeOf('a', { x: 2 }))]);
      await tx.write([changeTo(nodeOf('a', { x: 2 }), nodeOf('a', { x: 1 }))]);
    });
    expect((await scanOf(graph)).flatMap(({ changes }) => changes)).toEqual([]);
  });

  test('leaves nothing of a transaction that was rolled back', async () => {
    const graph = current();
    const failing = graph.transaction(byApi(), async (tx) => {
      await tx.write([changeTo(null, nodeOf('a'))]);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await scanOf(graph)).toEqual([]);
    expect(await graph.read([nodeRef('a')])).toEqual(new Map());
  });

  test('gives the same again until it is acknowledged, under the same ids', async () => {
    const graph = current();
    for (const key of ['a', 'b', 'c']) await put(graph, [nodeOf(key)]);
    const before = await scanOf(graph);
    expect(await scanOf(graph)).toEqual(before);
    expect(new Set(before.map(({ id }) => id)).size).toBe(3);
    await graph.acknowledge([before[1]?.id ?? '', 'nobody', '5c1cf9d3-09f5-4a0f-8f6c-52fc36d1f39d']);
    await graph.acknowledge([]);
    expect((await scanOf(graph)).map(({ id }) => id)).toEqual([before[0]?.id, before[2]?.id]);
    expect(await graph.pending()).toMatchObject({
      transactions: 2n,
      changes: 2n,
      oldest: before[0]?.time,
      newest: before[2]?.time,
    });
    await drain(graph);
    expect(await scanOf(graph)).toEqual([]);
  });

  test('a reader that dies between reading and acknowledging loses and doubles nothing', async () => {
    const graph = current();
    const replay = new Replay();
    for (let i = 0; i < 30; i += 1) {
      await put(graph, [nodeOf('a', { i }), nodeOf(`n${i}`), relationshipOf(`r${i}`, 'a', `n${i}`)]);
      const scan = await scanOf(graph, 5);
      replay.follow(scan);
      if (i % 4 === 0) await graph.acknowledge(scan.slice(0, i % 3).map(({ id }) => id));
    }
    expect(replay.states.size).toBe(61);
    expect(replay.cuts).toBe(30);
  });

  test('groups small transactions into slices of bounded size', async () => {
    const graph = current();
    for (let i = 0; i < 10; i += 1) await put(graph, [nodeOf(`a${i}`), nodeOf(`b${i}`), nodeOf(`c${i}`)]);
    const slices = await slicesOf(graph, 7);
    expect(slices.map((slice) => slice.length)).toEqual([2, 2, 2, 2, 2]);
    expect(slices.flat().at(-1)?.cut).toBe(true);
  });

  test('cuts a transaction larger than that into slices, each entity in one of them', async () => {
    const graph = current();
    const nodes = Array.from({ length: 25 }, (_, i) => nodeOf(`n${String(i).padStart(2, '0')}`));
    await put(graph, [nodeOf('small')]);
    await graph.transaction(byApi(), async (tx) => {
      await tx.write(nodes.map((node) => changeTo(null, node)));
      for (let round = 0; round < 12; round += 1) {
        await tx.write([changeTo(nodeOf('n05', { round: round - 1 }), nodeOf('n05', { round }))]);
      }
    });
    await put(graph, [relationshipOf('r', 'n00', 'n24')]);
    const slices = (await slicesOf(graph, 10)).flat();
    const big = slices.slice(1, -1);
    expect([slices[0], slices.at(-1)].map((slice) => [slice?.first, slice?.last])).toEqual(Array(2).fill([true, true]));
    expect(big.length).toBeGreaterThan(2);
    expect(big.map(({ first }) => first)).toEqual(big.map((_, at) => at === 0));
    expect(big.map(({ last }) => last)).toEqual(big.map((_, at) => at === big.length - 1));
    expect(Math.max(...big.map(({ changes }) => changes.length))).toBeLessThanOrEqual(10);
    expect(new Set(big.map(({ id }) => id)).size).toBe(1);
    const changes = big.flatMap((slice) => slice.changes);
    expect(changes.map(({ key }) => key)).toEqual(nodes.map(({ key }) => key));
    expect(changes.find(({ key }) => key === 'n05')?.after).toEqual(nodeOf('n05', { round: 11 }));
  });

  test('a node and a relationship may share a key', async () => {
    const graph = current();
    await put(graph, [nodeOf('same'), relationshipOf('same', 'same', 'same')]);
    await put(graph, [[relationshipRef('same'), null]]);
    const replay = new Replay();
    replay.follow(await scanOf(graph));
    expect([...replay.states.keys()]).toEqual([entityId(nodeRef('same'))]);
  });

  test('attaching again changes nothing', async () => {
    const graph = current();
    await put(graph, [nodeOf('a')]);
    const before = await scanOf(graph);
    await Promise.all([graph.attach(), graph.attach()]);
    expect(await graph.inspectCapture()).toEqual([]);
    expect(await scanOf(graph)).toEqual(before);
  });
}
