import { describe, expect, test } from '@jest/globals';
import { stateHashHex } from '../../src/core/hash.ts';
import type { GraphWrite } from '../../src/core/writes.ts';
import { requiredEntities, withKeys } from '../../src/core/writes.ts';
import {
  apply,
  changesOf,
  connect,
  deleteNode,
  deleteRelationship,
  errorOf,
  graphOf,
  node,
  putNode,
  putRelationship,
} from '../support/graph-writes.ts';

const EMPTY = graphOf();

describe('expectHash', () => {
  const graph = graphOf(node('a', { x: 1 }));
  const expectHash = stateHashHex(node('a', { x: 1 }));

  test('lets a write through that knows the state, in either case', () => {
    const set = [{ name: 'x', value: 2 }];
    expect(changesOf(graph, putNode({ key: 'a', expectHash: expectHash.toUpperCase(), set }))).toHaveLength(1);
    expect(changesOf(graph, deleteNode('a', { expectHash }))).toHaveLength(1);
  });

  test('stops a write that does not, also when an earlier write of the list is the reason', () => {
    const actualHash = stateHashHex(node('a', { x: 2 }));
    const first = putNode({ key: 'a', set: [{ name: 'x', value: 2 }] });
    expect(errorOf(graph, first, deleteNode('a', { expectHash }))).toMatchObject({
      kind: 'STALE',
      changeIndex: 1,
      actualHash,
      path: ['changes', '1', 'deleteNode', 'expectHash'],
    });
    expect(errorOf(graph, putNode({ key: 'b', expectHash }))).toMatchObject({ kind: 'STALE', actualHash: null });
  });
});

describe('a write that makes no sense is named by its path', () => {
  const cases: [GraphWrite, string[]][] = [
    [putNode({ key: 'a', labels: ['A'], addLabels: ['B'] }), ['putNode', 'addLabels']],
    [putNode({ key: 'a', labels: [], removeLabels: ['B'] }), ['putNode', 'removeLabels']],
    [putNode({ key: 'a', addLabels: ['A', 'B'], removeLabels: ['B'] }), ['putNode', 'removeLabels', '0']],
    [putNode({ key: 'a', labels: ['A', ''] }), ['putNode', 'labels', '1']],
    [putNode({ key: 'a', set: [{ name: '', value: 1 }] }), ['putNode', 'set', '0', 'name']],
    [
      putNode({
        key: 'a',
        set: [
          { name: 'x', value: 1 },
          { name: 'x', value: 2 },
        ],
      }),
      ['putNode', 'set', '1', 'name'],
    ],
    [putNode({ key: 'a', set: [{ name: 'x', value: 1 }], remove: ['x'] }), ['putNode', 'remove', '0']],
    [putNode({ key: 'a', replace: true, remove: ['x'] }), ['putNode', 'remove']],
    [putNode({ key: 'a\0' }), ['putNode', 'key']],
    [putNode({}), ['putNode', 'key']],
    [putNode({ mode: 'UPDATE' }), ['putNode', 'key']],
    [putNode({ key: 'a', expectHash: 'abc' }), ['putNode', 'expectHash']],
    [putNode({ key: 'a', mode: 'CREATE', expectHash: 'a'.repeat(64) }), ['putNode', 'expectHash']],
    [putRelationship({ key: 'r', type: '' }), ['putRelationship', 'type']],
    [deleteNode('a', { expectHash: '' }), ['deleteNode', 'expectHash']],
  ];
  test.each(cases)('%j', (write, path) => {
    expect(errorOf(EMPTY, putNode({ key: 'other' }), write)).toMatchObject({
      kind: 'INVALID',
      changeIndex: 1,
      path: ['changes', '1', ...path],
    });
  });
});

test('keys are made for new entities only, and reported per write', () => {
  let next = 0;
  const newKey = (): string => {
    next += 1;
    return `k${next}`;
  };
  const writes = withKeys([putNode({}), putNode({ key: 'a' }), putNode({ mode: 'UPDATE', key: null })], newKey);
  expect(writes.map((write) => ('putNode' in write ? write.putNode.key : ''))).toEqual(['k1', 'a', null]);
  expect(apply(EMPTY, ...writes.slice(0, 2), deleteNode('k1'))).toMatchObject({ ok: true, keys: ['k1', 'a', 'k1'] });
});

test('what must be loaded is listed once, in one order', () => {
  const writes = [
    connect('s', 'z', 'b'),
    deleteNode('b'),
    putNode({ key: 'a' }),
    deleteRelationship('r'),
    putNode({ key: 'a' }),
  ];
  expect(requiredEntities(writes)).toEqual({ nodes: ['a', 'b', 'z'], relationships: ['r', 's'], incidentTo: ['b'] });
});
