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
  relationship,
} from '../support/graph-writes.ts';

describe('deleting', () => {
  const graph = graphOf(node('a'), node('b'), relationship('r', 'a', 'b'), relationship('loop', 'a', 'a'));

  test('what is not there, or no longer there, is an error', () => {
    expect(errorOf(graph, deleteNode('z'))).toMatchObject({ kind: 'MISSING' });
    expect(errorOf(graph, deleteRelationship('r'), deleteRelationship('r'))).toMatchObject({
      kind: 'MISSING',
      changeIndex: 1,
      path: ['changes', '1', 'deleteRelationship', 'key'],
    });
  });

  test('a node with relationships needs cascade', () => {
    expect(errorOf(graph, deleteNode('b'))).toMatchObject({
      kind: 'HAS_RELATIONSHIPS',
      changeIndex: 0,
      otherKey: 'r',
      path: ['changes', '0', 'deleteNode', 'key'],
    });
  });

  test('with cascade takes its relationships along and leaves other nodes', () => {
    const changes = changesOf(graph, deleteNode('a', { cascade: true }));
    expect(changes.map(({ key, after }) => [key, after])).toEqual([
      ['loop', null],
      ['r', null],
      ['a', null],
    ]);
  });

  test('with cascade takes relationships of the same list along', () => {
    const graph2 = graphOf(node('a'), node('b'));
    const changes = changesOf(graph2, connect('s', 'a', 'b'), deleteNode('b', { cascade: true }));
    expect(changes.map(({ key }) => key)).toEqual(['b']);
  });

  test('a node before its relationships is fine when none remain', () => {
    const writes = [deleteNode('a'), deleteRelationship('r'), deleteRelationship('loop')];
    expect(changesOf(graph, ...writes).map(({ key }) => key)).toEqual(['a', 'r', 'loop']);
    expect(errorOf(graph, ...writes.slice(0, 2))).toMatchObject({ kind: 'HAS_RELATIONSHIPS', otherKey: 'loop' });
  });

  test('a node and making it anew keeps its relationships', () => {
    const writes = [deleteNode('b'), putNode({ key: 'b', mode: 'CREATE', labels: ['New'] })];
    expect(changesOf(graph, ...writes)).toEqual([
      { kind: 'NODE', key: 'b', before: node('b'), after: node('b', {}, ['New']) },
    ]);
  });

  test('the former end of a relationship that was made anew elsewhere is fine', () => {
    const writes = [deleteRelationship('r'), connect('r', 'a', 'a'), deleteNode('b')];
    expect(changesOf(graph, ...writes).map(({ key }) => key)).toEqual(['r', 'b']);
  });

  test('of several errors the one of the earliest write is reported', () => {
    const dangling = connect('s', 'a', 'nowhere');
    expect(errorOf(graph, deleteNode('b'), dangling)).toMatchObject({ kind: 'HAS_RELATIONSHIPS', changeIndex: 0 });
    expect(errorOf(graph, dangling, deleteNode('b'))).toMatchObject({ kind: 'MISSING_END', changeIndex: 0 });
    const late = [putNode({ key: 'b', addLabels: ['B'] }), dangling, deleteNode('b')];
    expect(errorOf(graph, ...late)).toMatchObject({ kind: 'MISSING_END', changeIndex: 1 });
  });

  test('what the list itself created leaves nothing', () => {
    expect(changesOf(graph, putNode({ key: 'z' }), deleteNode('z'))).toEqual([]);
  });

  test('a node after connecting it blames the deletion', () => {
    expect(errorOf(graphOf(node('a'), node('b')), connect('s', 'a', 'b'), deleteNode('b'))).toMatchObject({
      kind: 'HAS_RELATIONSHIPS',
      changeIndex: 1,
      otherKey: 's',
    });
  });
});
