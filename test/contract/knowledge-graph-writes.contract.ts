import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sameState } from '../../src/core/canonical.ts';
import { type EntityState, entityId } from '../../src/core/entities.ts';
import { ConstraintError, LimitError } from '../../src/core/errors.ts';
import type { Properties } from '../../src/core/values.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { arbName, arbProperties } from '../support/arbitraries.ts';
import { byApi, changeTo, nodeOf, nodeRef, put, relationshipOf, relationshipRef, scanOf } from '../support/captured.ts';
import { manyOf, once } from '../support/once.ts';
import type { GraphHarness } from './knowledge-graph.contract.ts';

/** What reading and writing promise. */
export function writingContract(
  current: () => { graph: KnowledgeGraph; harness: GraphHarness },
  captured: boolean,
): void {
  test('gives every value back as it was written, and captures it so', async () => {
    const { graph, harness } = current();
    const held = (properties: Properties): Properties =>
      Object.fromEntries(Object.entries(properties).filter(([, value]) => harness.holds?.(value) ?? true));
    const entry = fc.tuple(arbProperties, arbProperties, fc.array(arbName, { maxLength: 3 }));
    await once(manyOf(entry, 40), async (entries) => {
      const nodes = entries.map(([a, , labels], i) => nodeOf(`n${i}`, held(a), [...new Set(labels)].sort()));
      const relationships = entries.map(([, b], i) => relationshipOf(`r${i}`, `n${i}`, 'n0', held(b)));
      const states = [...nodes, ...relationships];
      await put(graph, states);
      const live = await graph.read(states);
      const changes = captured ? (await scanOf(graph)).flatMap((transaction) => transaction.changes) : [];
      const seen = new Map(changes.map((change) => [entityId(change), change.after]));
      for (const state of states) {
        expect(live.get(entityId(state))).toEqual(state);
        expect(sameState(live.get(entityId(state)) ?? null, state)).toBe(true);
        if (captured) expect(seen.get(entityId(state))).toEqual(state);
      }
    });
  });

  test('keys, labels and types of any kind survive', async () => {
    const { graph } = current();
    await once(fc.uniqueArray(arbName, { minLength: 30, maxLength: 30 }), async (names) => {
      const states = names.flatMap((name) => [
        nodeOf(name, {}, [name]),
        { ...relationshipOf(name, name, name), type: name },
      ]);
      await put(graph, states);
      expect(await graph.read(states)).toEqual(new Map(states.map((state) => [entityId(state), state])));
    });
  });

  test('creates, updates and deletes in one write, whatever the order of the changes', async () => {
    const { graph } = current();
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
    const { graph } = current();
    await put(graph, [nodeOf('a'), nodeOf('b'), relationshipOf('r', 'a', 'b', { x: 1 })]);
    const turned = { ...relationshipOf('r', 'b', 'a', { x: 1 }), type: 'LIKES' };
    await put(graph, [turned]);
    expect((await graph.read([turned])).get('r:r')).toEqual(turned);
    if (!captured) return;
    const [, second] = await scanOf(graph);
    expect(second?.changes).toEqual([changeTo(relationshipOf('r', 'a', 'b', { x: 1 }), turned)]);
  });

  test('locks what exists and leaves out what does not', async () => {
    const { graph } = current();
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
    const { graph } = current();
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
    const { graph } = current();
    await put(graph, [nodeOf('taken', { first: true })]);
    const work = graph.transaction(byApi(), (tx) => tx.write(states.map((state) => changeTo(null, state))));
    const { kind, key } = states[changeIndex] ?? {};
    const refused = { kind, key };
    await expect(work).rejects.toMatchObject({ name: 'ConstraintError', constraint, changeIndex, otherKey, refused });
    expect(await graph.count()).toEqual({ nodes: 1n, relationships: 0n });
  });

  test('refuses to delete a node that still has relationships', async () => {
    const { graph } = current();
    await put(graph, [nodeOf('a'), nodeOf('b'), relationshipOf('r', 'a', 'b')]);
    const work = put(graph, [nodeOf('c'), [nodeRef('b'), null]]);
    await expect(work).rejects.toMatchObject({ constraint: 'relationships-left', changeIndex: 1 });
    expect(await graph.count()).toEqual({ nodes: 2n, relationships: 1n });
  });

  test('refuses to update or delete what is not there', async () => {
    const { graph } = current();
    for (const after of [nodeOf('ghost', { x: 1 }), null]) {
      const work = graph.transaction(byApi(), (tx) => tx.write([changeTo(nodeOf('ghost'), after)]));
      await expect(work).rejects.toBeInstanceOf(ConstraintError);
    }
  });

  test('scans each kind, each entity once, page by page, by key where it says so', async () => {
    const { graph } = current();
    const keys = ['B', 'a', 'b', 'é', 'ﬀ', '😀'];
    await put(graph, [...keys.map((key) => nodeOf(key)), relationshipOf('r', 'a', 'b')]);
    const pages: string[][] = [];
    for await (const page of graph.scan('NODE', 2)) pages.push(page.map(({ key }) => key));
    expect(pages.map(({ length }) => length)).toEqual([2, 2, 2]);
    if (graph.scanOrder === 'KEY') expect(pages.flat()).toEqual(keys);
    else expect(pages.flat().sort()).toEqual(keys.sort());
    for await (const page of graph.scan('RELATIONSHIP', 2)) expect(page).toEqual([relationshipOf('r', 'a', 'b')]);
  });
}
