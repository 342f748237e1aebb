import { describe, expect, test } from '@jest/globals';
import {
  changesOf,
  connect,
  deleteNode,
  deleteRelationship,
  errorOf,
  graphOf,
  node,
  putNode,
  putRelationship,
  relationship,
} from '../support/graph-writes.ts';

const EMPTY = graphOf();

describe('putting a node', () => {
  test('creates it with sorted labels', () => {
    const write = putNode({ key: 'a', labels: ['B', 'A', 'B'], set: [{ name: 'x', value: 1 }] });
    expect(changesOf(EMPTY, write)).toEqual([
      { kind: 'NODE', key: 'a', before: null, after: node('a', { x: 1 }, ['A', 'B']) },
    ]);
  });

  test('keeps what it does not mention', () => {
    const graph = graphOf(node('a', { x: 1, y: 2, z: 3 }, ['A', 'B']));
    const write = putNode({
      key: 'a',
      set: [{ name: 'x', value: 9 }],
      remove: ['y', 'never'],
      addLabels: ['C'],
      removeLabels: ['A', 'never'],
    });
    expect(changesOf(graph, write)[0]?.after).toEqual(node('a', { x: 9, z: 3 }, ['B', 'C']));
  });

  test('replaces properties and labels on request', () => {
    const graph = graphOf(node('a', { x: 1, y: 2 }, ['A']));
    const write = putNode({ key: 'a', replace: true, set: [{ name: 'z', value: 3 }], labels: [] });
    expect(changesOf(graph, write)[0]?.after).toEqual(node('a', { z: 3 }));
    expect(changesOf(graph, putNode({ key: 'a', replace: true }))[0]?.after).toEqual(node('a', {}, ['A']));
  });

  test('sets, keeps and removes a property called __proto__ like any other', () => {
    const set = [
      { name: '__proto__', value: 1 },
      { name: 'constructor', value: 2 },
    ];
    const [created] = changesOf(EMPTY, putNode({ key: 'a', set }));
    const after = created?.after;
    if (after?.kind !== 'NODE') throw new Error('expected a node');
    expect(Object.entries(after.properties)).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
    const [updated] = changesOf(graphOf(after), putNode({ key: 'a', remove: ['__proto__'] }));
    expect(Object.entries(updated?.after?.properties ?? {})).toEqual([['constructor', 2]]);
  });

  test('that changes nothing is no change, 1 and 1.0 differ', () => {
    const graph = graphOf(node('a', { x: 1 }, ['A']));
    expect(changesOf(graph, putNode({ key: 'a', set: [{ name: 'x', value: 1 }], addLabels: ['A'] }))).toEqual([]);
    expect(changesOf(graph, putNode({ key: 'a', set: [{ name: 'x', value: { $float: '1.0' } }] }))).toHaveLength(1);
  });

  test('is UPDATE or CREATE only where the entity is or is not there', () => {
    const graph = graphOf(node('a'));
    expect(errorOf(graph, putNode({ key: 'a', mode: 'CREATE' }))).toMatchObject({ kind: 'EXISTS', constraint: 'key' });
    expect(errorOf(graph, putNode({ key: 'b', mode: 'UPDATE' }))).toMatchObject({
      kind: 'MISSING',
      changeIndex: 0,
      entity: { kind: 'NODE', key: 'b' },
      path: ['changes', '0', 'putNode', 'key'],
    });
  });
});

describe('putting a relationship', () => {
  const graph = graphOf(node('a'), node('b'), relationship('r', 'a', 'b', { x: 1 }));

  test('creates it between nodes, also between those of the same list in any order', () => {
    const writes = [connect('s', 'c', 'c'), putNode({ key: 'c' })];
    expect(changesOf(graph, ...writes).map(({ key }) => key)).toEqual(['s', 'c']);
  });

  test('updates properties, and may repeat type and ends', () => {
    const put = { key: 'r', set: [{ name: 'x', value: 2 }] };
    const after = relationship('r', 'a', 'b', { x: 2 });
    expect(changesOf(graph, putRelationship(put))[0]?.after).toEqual(after);
    expect(changesOf(graph, putRelationship({ ...put, type: 'KNOWS', start: 'a', end: 'b' }))[0]?.after).toEqual(after);
  });

  test.each([{ type: 'LIKES' }, { start: 'b' }, { end: 'a' }])('never changes %j', (other) => {
    const [field = ''] = Object.keys(other);
    expect(errorOf(graph, putRelationship({ key: 'r', ...other }))).toMatchObject({
      kind: 'INVALID',
      path: ['changes', '0', 'putRelationship', field],
    });
  });

  test.each(['type', 'start', 'end'])('needs %s to create', (field) => {
    const put = { key: 's', type: 'KNOWS', start: 'a', end: 'b', [field]: null };
    expect(errorOf(graph, putRelationship(put))).toMatchObject({
      kind: 'INVALID',
      path: ['changes', '0', 'putRelationship', field],
    });
  });

  test('needs both nodes at the end of the list', () => {
    expect(errorOf(graph, putNode({ key: 'z' }), connect('s', 'a', 'nowhere'))).toMatchObject({
      kind: 'MISSING_END',
      changeIndex: 1,
      otherKey: 'nowhere',
      path: ['changes', '1', 'putRelationship', 'end'],
    });
    expect(errorOf(graph, deleteNode('a', { cascade: true }), connect('s', 'a', 'b'))).toMatchObject({
      kind: 'MISSING_END',
      changeIndex: 1,
      otherKey: 'a',
    });
  });

  test('may be deleted and made anew with other ends', () => {
    expect(changesOf(graph, deleteRelationship('r'), connect('r', 'b', 'a'))).toEqual([
      {
        kind: 'RELATIONSHIP',
        key: 'r',
        before: relationship('r', 'a', 'b', { x: 1 }),
        after: relationship('r', 'b', 'a'),
      },
    ]);
  });

  test('shares no key space with nodes', () => {
    expect(changesOf(graph, connect('a', 'a', 'b'))).toMatchObject([{ kind: 'RELATIONSHIP', key: 'a', before: null }]);
  });
});
