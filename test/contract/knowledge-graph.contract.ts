import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sameState } from '../../src/core/canonical.ts';
import { type EntityState, entityId } from '../../src/core/entities.ts';
import { ConstraintError, LimitError } from '../../src/core/errors.ts';
import { type KnowledgeGraph, StaleTokenError } from '../../src/ports/knowledge-graph.ts';
import { arbName, arbProperties } from '../support/arbitraries.ts';
import { byApi, changeTo, nodeOf, nodeRef, put, relationshipOf, relationshipRef, scanOf } from '../support/captured.ts';
import { concurrencyContract } from './knowledge-graph-concurrency.contract.ts';
import { feedContract } from './knowledge-graph-feed.contract.ts';

/** How the suite gets at graphs of one kind. */
export interface GraphHarness {
  /** A new, empty, attached graph. */
  fresh(): Promise<KnowledgeGraph>;
  /** The same graph as another instance of the service would open it. */
  reopen(graph: KnowledgeGraph): KnowledgeGraph;
  close(): Promise<void>;
}

/** What every knowledge graph must do, whatever it is kept in. */
export function knowledgeGraphContract(name: string, open: () => Promise<GraphHarness>): void {
  describe(name, () => {
    let harness: GraphHarness;
    let graph: KnowledgeGraph;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());
    beforeEach(async () => {
      graph = await harness.fresh();
    });

    describe('writing', () => writingContract(() => graph));
    describe('markers', () => markerContract(() => graph));
    describe('capture and feed', () => feedContract(() => graph));
    describe('writers at the same time', () => concurrencyContract(() => ({ graph, harness })));
  });
}

function writingContract(current: () => KnowledgeGraph): void {
  test('gives every value back as it was written, and captures it so', async () => {
    const graph = current();
    const entries = fc.array(fc.tuple(arbProperties, arbProperties, fc.array(arbName, { maxLength: 3 })), {
      minLength: 40,
      maxLength: 40,
    });
    const [sample] = fc.sample(entries, 1);
    const nodes = (sample ?? []).map(([a, , labels], i) => nodeOf(`n${i}`, a, [...new Set(labels)].sort()));
    const relationships = (sample ?? []).map(([, b], i) => relationshipOf(`r${i}`, `n${i}`, 'n0', b));
    const states = [...nodes, ...relationships];
    await put(graph, states);
    const live = await graph.read(states);
    const captured = new Map(
      (await scanOf(graph)).flatMap(({ changes }) => changes).map((c) => [entityId(c), c.after]),
    );
    for (const state of states) {
      expect(live.get(entityId(state))).toEqual(state);
      expect(sameState(live.get(entityId(state)) ?? null, state)).toBe(true);
      expect(captured.get(entityId(state))).toEqual(state);
    }
  });

  test('keys, labels and types of any kind survive', async () => {
    const graph = current();
    const names = fc.sample(fc.uniqueArray(arbName, { minLength: 30, maxLength: 30 }), 1)[0] ?? [];
    const states = names.flatMap((name) => [
      nodeOf(name, {}, [name]),
      { ...relationshipOf(name, name, name), type: name },
    ]);
    await put(graph, states);
    expect(await graph.read(states)).toEqual(new Map(states.map((state) => [entityId(state), state])));
  });

  test('creates, updates and deletes in one write, whatever the order of the changes', async () => {
    const graph = current();
    await put(graph, [
      nodeOf('a'),
      nodeOf('b'),
      nodeOf('gone'),
      relationshipOf('old', 'gone', 'a'),
      relationshipOf('r', 'a', 'b'),
    ]);
    await put(graph, [
      relationshipOf('new', 'c', 'a', { since: 1 }),
      [nodeRef('gone'), null],
      nodeOf('c'),
      relationshipOf('r', 'a', 'b', { since: 2 }),
      [relationshipRef('old'), null],
      nodeOf('a', { x: 1 }, []),
    ]);
    expect(await graph.count()).toEqual({ nodes: 3n, relationships: 2n });
    const live = await graph.read([nodeRef('a'), relationshipRef('new'), relationshipRef('r'), nodeRef('gone')]);
    expect([...live.values()]).toEqual(
      expect.arrayContaining([
        nodeOf('a', { x: 1 }, []),
        relationshipOf('new', 'c', 'a', { since: 1 }),
        relationshipOf('r', 'a', 'b', { since: 2 }),
      ]),
    );
    expect(live.size).toBe(3);
  });

  test('a relationship can change type and ends under its key', async () => {
    const graph = current();
    await put(graph, [nodeOf('a'), nodeOf('b'), relationshipOf('r', 'a', 'b', { x: 1 })]);
    const turned = { ...relationshipOf('r', 'b', 'a', { x: 1 }), type: 'LIKES' };
    await put(graph, [turned]);
    expect((await graph.read([turned])).get('r:r')).toEqual(turned);
    const [, second] = await scanOf(graph);
    expect(second?.changes).toEqual([changeTo(relationshipOf('r', 'a', 'b', { x: 1 }), turned)]);
  });

  test('locks what exists and leaves out what does not', async () => {
    const graph = current();
    await put(graph, [nodeOf('a'), nodeOf('b'), relationshipOf('a', 'a', 'b')]);
    await graph.transaction(byApi(), async (tx) => {
      const locked = await tx.lock([relationshipRef('a'), nodeRef('missing'), nodeRef('a')]);
      expect(locked).toEqual(
        new Map<string, EntityState>([
          ['n:a', nodeOf('a')],
          ['r:a', relationshipOf('a', 'a', 'b')],
        ]),
      );
    });
  });

  test('finds incident relationships both ways, each once, up to a limit', async () => {
    const graph = current();
    const ties = [relationshipOf('in', 'b', 'a'), relationshipOf('loop', 'a', 'a'), relationshipOf('out', 'a', 'b')];
    await put(graph, [nodeOf('a'), nodeOf('b'), nodeOf('c'), ...ties, relationshipOf('other', 'b', 'c')]);
    await graph.transaction(byApi(), async (tx) => {
      const found = await tx.lockIncident(['a'], 3);
      expect(found.sort((x, y) => (x.key < y.key ? -1 : 1))).toEqual(ties);
      expect(await tx.lockIncident([], 0)).toEqual([]);
    });
    const tooMany = graph.transaction(byApi(), (tx) => tx.lockIncident(['a', 'b'], 3));
    await expect(tooMany).rejects.toBeInstanceOf(LimitError);
  });

  test.each<[string, EntityState[], string, number, string]>([
    ['a missing end', [nodeOf('a'), relationshipOf('r', 'a', 'nobody')], 'end', 1, 'nobody'],
    ['a key that is taken', [nodeOf('taken')], 'key', 0, 'taken'],
  ])('refuses %s, says which, and keeps nothing', async (_, states, constraint, changeIndex, otherKey) => {
    const graph = current();
    await put(graph, [nodeOf('taken', { first: true })]);
    const work = graph.transaction(byApi(), (tx) => tx.write(states.map((state) => changeTo(null, state))));
    await expect(work).rejects.toMatchObject({ name: 'ConstraintError', constraint, changeIndex, otherKey });
    expect(await graph.count()).toEqual({ nodes: 1n, relationships: 0n });
  });

  test('refuses to delete a node that still has relationships', async () => {
    const graph = current();
    await put(graph, [nodeOf('a'), nodeOf('b'), relationshipOf('r', 'a', 'b')]);
    const work = put(graph, [nodeOf('c'), [nodeRef('b'), null]]);
    await expect(work).rejects.toMatchObject({ constraint: 'relationships-left', changeIndex: 1 });
    expect(await graph.count()).toEqual({ nodes: 2n, relationships: 1n });
  });

  test('refuses to update or delete what is not there', async () => {
    const graph = current();
    for (const after of [nodeOf('ghost', { x: 1 }), null]) {
      const work = graph.transaction(byApi(), (tx) => tx.write([changeTo(nodeOf('ghost'), after)]));
      await expect(work).rejects.toBeInstanceOf(ConstraintError);
    }
  });

  test('scans each kind in key order, page by page', async () => {
    const graph = current();
    const keys = ['B', 'a', 'b', 'é', 'ﬀ', '😀'];
    await put(graph, [...keys.map((key) => nodeOf(key)), relationshipOf('r', 'a', 'b')]);
    const pages: string[][] = [];
    for await (const page of graph.scan('NODE', 2)) pages.push(page.map(({ key }) => key));
    expect(pages).toEqual([
      ['B', 'a'],
      ['b', 'é'],
      ['ﬀ', '😀'],
    ]);
    for await (const page of graph.scan('RELATIONSHIP', 2)) expect(page).toEqual([relationshipOf('r', 'a', 'b')]);
  });
}

function markerContract(current: () => KnowledgeGraph): void {
  const operation = '0b7f7f3e-64a6-4a0e-9b4f-3a7f1d6f2c11';

  test('is absent, then as it was set, then forgotten', async () => {
    const graph = current();
    await graph.transaction(byApi(), async (tx) => {
      expect(await tx.claimMarker(operation, 3n)).toBeNull();
      await tx.setMarker(operation, { token: 3n, batch: 1n });
    });
    await graph.transaction(byApi(), async (tx) => {
      expect(await tx.claimMarker(operation, 4n)).toEqual({ token: 3n, batch: 1n });
    });
    await graph.forgetMarker(operation);
    await graph.transaction(byApi(), async (tx) => expect(await tx.claimMarker(operation, 1n)).toBeNull());
  });

  test('refuses an older token and keeps nothing of its writes', async () => {
    const graph = current();
    await graph.transaction(byApi(), (tx) => tx.setMarker(operation, { token: 5n, batch: 2n }));
    const claim = graph.transaction(byApi(), (tx) => tx.claimMarker(operation, 4n));
    await expect(claim).rejects.toBeInstanceOf(StaleTokenError);
    const write = graph.transaction(byApi(), async (tx) => {
      await tx.write([changeTo(null, nodeOf('a'))]);
      await tx.setMarker(operation, { token: 4n, batch: 3n });
    });
    await expect(write).rejects.toBeInstanceOf(StaleTokenError);
    expect(await graph.count()).toEqual({ nodes: 0n, relationships: 0n });
  });

  test('goes when its transaction does, and is no part of the graph', async () => {
    const graph = current();
    const failing = graph.transaction(byApi(), async (tx) => {
      await tx.setMarker(operation, { token: 1n, batch: 1n });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await graph.transaction(byApi(), async (tx) => {
      expect(await tx.claimMarker(operation, 1n)).toBeNull();
      await tx.setMarker(operation, { token: 1n, batch: 1n });
    });
    expect(await scanOf(graph)).toEqual([]);
    expect(await graph.count()).toEqual({ nodes: 0n, relationships: 0n });
  });
}
