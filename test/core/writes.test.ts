import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sameState } from '../../src/core/canonical.ts';
import type { EntityChange, NodeState, RelationshipState } from '../../src/core/entities.ts';
import { stateHashHex } from '../../src/core/hash.ts';
import type { Properties } from '../../src/core/values.ts';
import type { DeleteEntity, GraphPart, GraphWrite, PutNode, PutRelationship } from '../../src/core/writes.ts';
import { applyWrites, requiredEntities, withKeys } from '../../src/core/writes.ts';
import { arbKey, arbName, arbValue } from '../support/arbitraries.ts';

interface Graph {
  nodes: Map<string, NodeState>;
  relationships: Map<string, RelationshipState>;
}

const node = (key: string, properties: Properties = {}, labels: string[] = []): NodeState => ({
  kind: 'NODE',
  key,
  labels,
  properties,
});

const relationship = (key: string, start: string, end: string, properties: Properties = {}): RelationshipState => ({
  kind: 'RELATIONSHIP',
  key,
  type: 'KNOWS',
  start,
  end,
  properties,
});

function graphOf(...states: (NodeState | RelationshipState)[]): Graph {
  const graph: Graph = { nodes: new Map(), relationships: new Map() };
  for (const state of states) {
    if (state.kind === 'NODE') graph.nodes.set(state.key, state);
    else graph.relationships.set(state.key, state);
  }
  return graph;
}

/** Only what `requiredEntities` asks for, as a store would load it. */
function partOf(graph: Graph, writes: readonly GraphWrite[]): GraphPart {
  const required = requiredEntities(writes);
  const pick = <T>(from: Map<string, T>, keys: readonly string[]): Map<string, T> =>
    new Map([...from].filter(([key]) => keys.includes(key)));
  const incidentTo = (key: string): RelationshipState[] =>
    [...graph.relationships.values()].filter(({ start, end }) => start === key || end === key);
  return {
    nodes: pick(graph.nodes, required.nodes),
    relationships: pick(graph.relationships, required.relationships),
    incident: new Map(required.incidentTo.map((key) => [key, incidentTo(key)])),
  };
}

const apply = (graph: Graph, ...writes: GraphWrite[]) => applyWrites(partOf(graph, writes), writes);

function changesOf(graph: Graph, ...writes: GraphWrite[]): EntityChange[] {
  const result = apply(graph, ...writes);
  if (!result.ok) throw new Error(result.error.message);
  return result.changes;
}

function errorOf(graph: Graph, ...writes: GraphWrite[]) {
  const result = apply(graph, ...writes);
  if (result.ok) throw new Error('expected an error');
  return result.error;
}

const putNode = (put: Partial<PutNode>): GraphWrite => ({ putNode: { mode: 'UPSERT', replace: false, ...put } });
const putRelationship = (put: Partial<PutRelationship>): GraphWrite => ({
  putRelationship: { mode: 'UPSERT', replace: false, ...put },
});
const deleteNode = (key: string, rest: Partial<DeleteEntity> = {}): GraphWrite => ({
  deleteNode: { key, cascade: false, ...rest },
});
const deleteRelationship = (key: string, rest: Partial<DeleteEntity> = {}): GraphWrite => ({
  deleteRelationship: { key, cascade: false, ...rest },
});
const connect = (key: string, start: string, end: string): GraphWrite =>
  putRelationship({ key, type: 'KNOWS', start, end });

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
      key: 'a', set: [{ name: 'x', value: 9 }], remove: ['y', 'never'], addLabels: ['C'], removeLabels: ['A', 'never'],
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
    const set = [{ name: '__proto__', value: 1 }, { name: 'constructor', value: 2 }];
    const [created] = changesOf(EMPTY, putNode({ key: 'a', set }));
    const after = created?.after;
    if (after?.kind !== 'NODE') throw new Error('expected a node');
    expect(Object.entries(after.properties)).toEqual([['__proto__', 1], ['constructor', 2]]);
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
      kind: 'MISSING', changeIndex: 0, entity: { kind: 'NODE', key: 'b' }, path: ['changes', '0', 'putNode', 'key'],
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
      kind: 'INVALID', path: ['changes', '0', 'putRelationship', field],
    });
  });

  test.each(['type', 'start', 'end'])('needs %s to create', (field) => {
    const put = { key: 's', type: 'KNOWS', start: 'a', end: 'b', [field]: null };
    expect(errorOf(graph, putRelationship(put))).toMatchObject({
      kind: 'INVALID', path: ['changes', '0', 'putRelationship', field],
    });
  });

  test('needs both nodes at the end of the list', () => {
    expect(errorOf(graph, putNode({ key: 'z' }), connect('s', 'a', 'nowhere'))).toMatchObject({
      kind: 'MISSING_END', changeIndex: 1, otherKey: 'nowhere', path: ['changes', '1', 'putRelationship', 'end'],
    });
    expect(errorOf(graph, deleteNode('a', { cascade: true }), connect('s', 'a', 'b'))).toMatchObject({
      kind: 'MISSING_END', changeIndex: 1, otherKey: 'a',
    });
  });

  test('may be deleted and made anew with other ends', () => {
    expect(changesOf(graph, deleteRelationship('r'), connect('r', 'b', 'a'))).toEqual([
      { kind: 'RELATIONSHIP', key: 'r', before: relationship('r', 'a', 'b', { x: 1 }), after: relationship('r', 'b', 'a') },
    ]);
  });

  test('shares no key space with nodes', () => {
    expect(changesOf(graph, connect('a', 'a', 'b'))).toMatchObject([{ kind: 'RELATIONSHIP', key: 'a', before: null }]);
  });
});

describe('deleting', () => {
  const graph = graphOf(node('a'), node('b'), relationship('r', 'a', 'b'), relationship('loop', 'a', 'a'));

  test('what is not there, or no longer there, is an error', () => {
    expect(errorOf(graph, deleteNode('z'))).toMatchObject({ kind: 'MISSING' });
    expect(errorOf(graph, deleteRelationship('r'), deleteRelationship('r'))).toMatchObject({
      kind: 'MISSING', changeIndex: 1, path: ['changes', '1', 'deleteRelationship', 'key'],
    });
  });

  test('a node with relationships needs cascade', () => {
    expect(errorOf(graph, deleteNode('b'))).toMatchObject({
      kind: 'HAS_RELATIONSHIPS', changeIndex: 0, otherKey: 'r', path: ['changes', '0', 'deleteNode', 'key'],
    });
  });

  test('with cascade takes its relationships along and leaves other nodes', () => {
    const changes = changesOf(graph, deleteNode('a', { cascade: true }));
    expect(changes.map(({ key, after }) => [key, after])).toEqual([['loop', null], ['r', null], ['a', null]]);
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

  test('what the list itself created leaves nothing', () => {
    expect(changesOf(graph, putNode({ key: 'z' }), deleteNode('z'))).toEqual([]);
  });

  test('a node after connecting it blames the deletion', () => {
    expect(errorOf(graphOf(node('a'), node('b')), connect('s', 'a', 'b'), deleteNode('b'))).toMatchObject({
      kind: 'HAS_RELATIONSHIPS', changeIndex: 1, otherKey: 's',
    });
  });
});

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
      kind: 'STALE', changeIndex: 1, actualHash, path: ['changes', '1', 'deleteNode', 'expectHash'],
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
    [putNode({ key: 'a', set: [{ name: 'x', value: 1 }, { name: 'x', value: 2 }] }), ['putNode', 'set', '1', 'name']],
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
      kind: 'INVALID', changeIndex: 1, path: ['changes', '1', ...path],
    });
  });
});

test('keys are made for new entities only, and reported per write', () => {
  let next = 0;
  const newKey = (): string => `k${(next += 1)}`;
  const writes = withKeys([putNode({}), putNode({ key: 'a' }), putNode({ mode: 'UPDATE', key: null })], newKey);
  expect(writes.map((write) => ('putNode' in write ? write.putNode.key : ''))).toEqual(['k1', 'a', null]);
  expect(apply(EMPTY, ...writes.slice(0, 2), deleteNode('k1'))).toMatchObject({ ok: true, keys: ['k1', 'a', 'k1'] });
});

test('what must be loaded is listed once, in one order', () => {
  const writes = [connect('s', 'z', 'b'), deleteNode('b'), putNode({ key: 'a' }), deleteRelationship('r'), putNode({ key: 'a' })];
  expect(requiredEntities(writes)).toEqual({ nodes: ['a', 'b', 'z'], relationships: ['r', 's'], incidentTo: ['b'] });
});

describe('lists of writes', () => {
  const arbSet = fc.array(fc.record({ name: arbName, value: arbValue }), { maxLength: 2 });
  const mode = fc.constantFrom<PutNode['mode']>('CREATE', 'UPDATE', 'UPSERT', 'UPSERT');
  const arbWrite: fc.Arbitrary<GraphWrite> = fc.oneof(
    fc.record({ key: arbKey, mode, set: arbSet, replace: fc.boolean() }).map((put) => ({ putNode: put })),
    fc
      .record({ key: arbKey, mode, start: arbKey, end: arbKey, set: arbSet, replace: fc.boolean() })
      .map((put) => ({ putRelationship: { ...put, type: 'KNOWS' } })),
    fc.record({ key: arbKey, cascade: fc.boolean() }).map((write) => ({ deleteNode: write })),
    fc.record({ key: arbKey, cascade: fc.boolean() }).map((write) => ({ deleteRelationship: write })),
  );
  const arbWrites = fc.array(arbWrite, { maxLength: 8 });

  function changed(graph: Graph, changes: readonly EntityChange[]): Graph {
    const next: Graph = { nodes: new Map(graph.nodes), relationships: new Map(graph.relationships) };
    for (const { kind, key, after } of changes) {
      if (after?.kind === 'NODE') next.nodes.set(key, after);
      else if (after?.kind === 'RELATIONSHIP') next.relationships.set(key, after);
      else (kind === 'NODE' ? next.nodes : next.relationships).delete(key);
    }
    return next;
  }

  /** A graph with something in it: what of the writes works, one at a time. */
  function grown(writes: readonly GraphWrite[]): Graph {
    return writes.reduce((graph, write) => {
      const result = apply(graph, write);
      return result.ok ? changed(graph, result.changes) : graph;
    }, graphOf(node('a'), node('b'), relationship('a', 'a', 'b'), relationship('b', 'b', 'b')));
  }

  test('never leave a relationship without its ends, and report true befores and real changes', () => {
    fc.assert(
      fc.property(arbWrites, arbWrites, (past, writes) => {
        const graph = grown(past);
        const result = apply(graph, ...writes);
        if (!result.ok) return;
        const next = changed(graph, result.changes);
        for (const { start, end } of next.relationships.values()) {
          expect(next.nodes.has(start) && next.nodes.has(end)).toBe(true);
        }
        for (const { kind, key, before, after } of result.changes) {
          expect((kind === 'NODE' ? graph.nodes : graph.relationships).get(key) ?? null).toEqual(before);
          expect(sameState(before, after)).toBe(false);
        }
        expect(result.keys).toHaveLength(writes.length);
      }),
      { numRuns: 1000 },
    );
  });

  test('do together what they do one at a time, where every one of them works alone', () => {
    fc.assert(
      fc.property(arbWrites, arbWrites, (past, candidates) => {
        const graph = grown(past);
        let single = graph;
        const writes = candidates.filter((write) => {
          const result = apply(single, write);
          if (result.ok) single = changed(single, result.changes);
          return result.ok;
        });
        expect(changed(graph, changesOf(graph, ...writes))).toEqual(single);
      }),
      { numRuns: 1000 },
    );
  });

  test('leave their input alone', () => {
    fc.assert(
      fc.property(arbWrites, arbWrites, (past, writes) => {
        const part = partOf(grown(past), writes);
        const copy = structuredClone(part);
        applyWrites(part, writes);
        expect(part).toEqual(copy);
      }),
    );
  });
});
