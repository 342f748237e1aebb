import { describe, expect, test } from '@jest/globals';
import type { EntityState, NodeState, RelationshipState } from '../../src/core/entities.ts';
import { planEntity, resolvePlan } from '../../src/core/plan.ts';
import type { Value } from '../../src/core/values.ts';
import { RecordedGraph } from '../support/recorded-graph.ts';

const N = { kind: 'NODE', key: 'n' } as const;
const R = { kind: 'RELATIONSHIP', key: 'r' } as const;

function node(properties: Record<string, Value>, labels: readonly string[] = []): NodeState {
  return { ...N, labels, properties };
}

function relationship(start: string, end: string, properties: Record<string, Value> = {}): RelationshipState {
  return { ...R, type: 'KNOWS', start, end, properties };
}

type Step = readonly [by: string, after: EntityState | null];

/** Records the start by someone, then each step as a transaction of its writer. */
function history(start: EntityState | null, ...steps: readonly Step[]): RecordedGraph {
  const graph = new RecordedGraph();
  const ref = steps.some(([, state]) => state?.kind === 'RELATIONSHIP') ? R : N;
  graph.commit('start', [{ ref, after: start }]);
  for (const [by, after] of steps) graph.commit(by, [{ ref, after }]);
  return graph;
}

/** Property p of the node, written by one writer after the other. */
function writes(start: Value | null, ...steps: readonly (readonly [by: string, value: Value | null])[]): RecordedGraph {
  return history(withP(start), ...steps.map(([by, value]): Step => [by, withP(value)]));
}

function withP(value: Value | null): NodeState {
  return node(value === null ? {} : { p: value });
}

function p(state: EntityState | null): Value | null {
  return state?.properties.p ?? null;
}

describe('one property', () => {
  test('U v1: v0', () => {
    const graph = writes('v0', ['U', 'v1']);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ action: 'UPDATED', after: withP('v0'), conflicts: [], alreadySo: false });
    expect(plan.origins).toEqual({ 'p:p': '1' });
  });

  test('U v1, other v2, U v3: v2', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v2'], ['U', 'v3']);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ after: withP('v2'), conflicts: [] });
    // The origin says that U's v1, below v2, no longer stands.
    expect(plan.origins).toEqual({ 'p:p': '3-2' });
  });

  test('other v1, U v2: v1', () => {
    const graph = writes('v0', ['other', 'v1'], ['U', 'v2']);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ after: withP('v1'), conflicts: [] });
    expect(graph.plan(N, graph.by('U'), { from: 1n })).toMatchObject({ after: withP('v1'), conflicts: [] });
  });

  test('U v1, other v2: VALUE conflict', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v2']);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ action: null, after: withP('v2'), overwritten: withP('v0'), alreadySo: false });
    expect(plan.conflicts).toEqual([
      {
        type: 'VALUE',
        aspect: 'PROPERTY',
        property: 'p',
        base: 'v1',
        target: 'v0',
        live: 'v2',
        explanation: 'Taking back p of node n from "v1" to "v0" would lose what others have made it since: "v2".',
      },
    ]);
  });

  test('U v1, other v0: nothing to do', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v0']);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ action: null, conflicts: [], alreadySo: true });
  });

  test('U v1, other v2, other v1: v1, another writer chose it', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v2'], ['other', 'v1']);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ action: null, after: withP('v1'), conflicts: [] });
  });

  test('U v1 and back to v0, other v2: v2, since U changed nothing in the end', () => {
    const graph = writes('v0', ['U', 'v1'], ['U', 'v0'], ['other', 'v2']);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ action: null, after: withP('v2'), conflicts: [] });
  });

  test('a conflict between types is a TYPE conflict, list elements included', () => {
    const ints: Value = { $list: { of: 'INTEGER', values: [1] } };
    const floats: Value = { $list: { of: 'FLOAT', values: [1.5] } };
    const types = [
      writes(1, ['U', 2], ['other', '3']),
      writes(ints, ['U', { $list: { of: 'INTEGER', values: [2] } }], ['other', floats]),
      writes(null, ['U', 2], ['other', { $float: '2.0' }]),
    ].map((graph) => graph.plan(N, graph.by('U')).conflicts.map(({ type }) => type));
    expect(types).toEqual([['TYPE'], ['TYPE'], ['TYPE']]);
  });

  test('what live has beyond recorded history is a write by others', () => {
    const graph = writes('v0', ['U', 'v1']);
    expect(graph.plan(N, graph.by('U'), { live: withP('v2') }).conflicts).toMatchObject([
      { type: 'VALUE', live: 'v2' },
    ]);
    expect(graph.plan(N, graph.by('U'), { live: withP('v0') })).toMatchObject({ alreadySo: true });
  });
});

describe('values that rollbacks put back', () => {
  test('S v1, undo S, undo that; now undo S: v0', () => {
    const graph = writes('v0', ['S', 'v1']);
    graph.undo('undo', graph.by('S'));
    graph.undo('redo', graph.by('undo'));
    expect(p(graph.state(N))).toBe('v1');
    expect(graph.plan(N, graph.by('S'))).toMatchObject({ after: withP('v0'), conflicts: [] });
  });

  test('T v0, S v1, rollback of S; now undo T: the value before T', () => {
    const graph = writes('before', ['T', 'v0'], ['S', 'v1']);
    graph.undo('undo', graph.by('S'));
    expect(p(graph.state(N))).toBe('v0');
    expect(graph.plan(N, graph.by('T'))).toMatchObject({ after: withP('before'), conflicts: [] });
  });

  test('a rollback undone and undone again, and again', () => {
    const graph = writes('v0', ['T', 'v1'], ['S', 'v2']);
    graph.undo('undo 1', graph.by('S'));
    const seen = [2, 3, 4, 5].map((time) => {
      graph.undo(`undo ${time}`, graph.by(`undo ${time - 1}`));
      return p(graph.state(N));
    });
    expect(seen).toEqual(['v2', 'v1', 'v2', 'v1']);
    expect(graph.plan(N, graph.by('S'))).toMatchObject({ action: null, conflicts: [], alreadySo: true });
    expect(graph.plan(N, graph.by('T'))).toMatchObject({ after: withP('v0'), conflicts: [] });
  });

  test('two sessions writing in turn, undone one after the other, either way', () => {
    for (const [one, two] of [
      ['A', 'B'],
      ['B', 'A'],
    ] as const) {
      const graph = writes('v0', ['A', 'v1'], ['B', 'v2'], ['A', 'v3'], ['B', 'v4'], ['A', 'v5']);
      graph.undo('first', graph.by(one), () => 'TARGET');
      graph.undo('second', graph.by(two), () => 'TARGET');
      expect(p(graph.state(N))).toBe('v0');
    }
  });

  test('a start value that was itself taken back asks for a longer window', () => {
    const graph = writes('v0', ['A', 'v1'], ['B', 'v2'], ['A', 'v3']);
    graph.undo('undo', graph.by('A'));
    const input = graph.input(N, graph.by('B'), 2n);
    expect(planEntity(input)).toMatchObject({ after: withP('v1'), reach: 2n });
    expect(planEntity(graph.input(N, graph.by('B'), 1n))).toMatchObject({ after: withP('v0'), reach: null });
  });

  test('redo brings back what the undo had taken below', () => {
    const graph = writes('v0', ['A', 'v1'], ['B', 'v2'], ['A', 'v3']);
    graph.undo('undo', graph.by('A'));
    graph.undo('redo', graph.by('undo'));
    expect(p(graph.state(N))).toBe('v3');
    expect(graph.plan(N, (seq) => seq === 4n || seq === 3n)).toMatchObject({ after: withP('v1') });
  });

  test('a value that a person chose is the rollback\u2019s own', () => {
    const graph = writes('v0', ['U', 'v1'], ['other', 'v2']);
    graph.undo('undo', graph.by('U'), () => ({ value: 'chosen' }));
    expect(p(graph.state(N))).toBe('chosen');
    expect(graph.plan(N, graph.by('U')).conflicts).toMatchObject([{ live: 'chosen' }]);
    expect(graph.plan(N, graph.by('undo'))).toMatchObject({ after: withP('v2') });
  });

  test('a creation that was undone and redone is still its creator\u2019s', () => {
    const graph = history(null, ['S', node({ p: 1 }, ['A'])]);
    graph.undo('undo', graph.by('S'));
    expect(graph.state(N)).toBeNull();
    graph.undo('redo', graph.by('undo'));
    expect(graph.plan(N, graph.by('S'))).toMatchObject({ action: 'DELETED', after: null, conflicts: [] });
  });

  test('T deletes, S creates anew, rollback of S; now undo T: as before T', () => {
    const graph = history(node({ p: 'v' }, ['A']), ['T', null], ['S', node({ q: 1 })]);
    graph.undo('undo', graph.by('S'));
    expect(graph.state(N)).toBeNull();
    expect(graph.plan(N, graph.by('T'))).toMatchObject({ after: node({ p: 'v' }, ['A']), conflicts: [] });
  });
});

describe('labels', () => {
  test('U Draft->Published, other Published->Archived: STRUCTURE conflict', () => {
    const graph = history(node({}, ['Draft']), ['U', node({}, ['Published'])], ['other', node({}, ['Archived'])]);
    expect(graph.plan(N, graph.by('U')).conflicts).toEqual([
      {
        type: 'STRUCTURE',
        aspect: 'LABEL',
        property: null,
        base: { $list: { of: 'STRING', values: ['Published'] } },
        target: { $list: { of: 'STRING', values: ['Draft'] } },
        live: { $list: { of: 'STRING', values: ['Archived'] } },
        explanation:
          'Taking back the labels of node n from Published to Draft would lose what others have made them since: Archived.',
      },
    ]);
  });

  test('labels and properties are judged apart', () => {
    const graph = history(node({ p: 1 }, ['A']), ['U', node({ p: 2 }, ['B'])], ['other', node({ p: 2 }, ['C'])]);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan.after).toEqual(node({ p: 1 }, ['C']));
    expect(plan.overwritten).toEqual(node({ p: 1 }, ['A']));
  });
});

describe('existence', () => {
  test('U creates N: gone', () => {
    const graph = history(null, ['U', node({ p: 1 }, ['A'])]);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ action: 'DELETED', after: null, conflicts: [] });
  });

  test('U creates N, other sets N.q, U sets N.p: one STRUCTURE conflict, whoever wrote last', () => {
    const graph = history(null, ['U', node({})], ['other', node({ q: 1 })], ['U', node({ p: 1, q: 1 })]);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ action: null, after: node({ p: 1, q: 1 }), overwritten: null });
    expect(plan.conflicts).toMatchObject([
      {
        type: 'STRUCTURE',
        aspect: 'EXISTENCE',
        explanation: 'Taking back the creation of node n would lose what others wrote to it: q.',
      },
    ]);
    expect(resolvePlan(plan, () => 'TARGET')).toMatchObject({ action: 'DELETED', after: null, skipped: false });
  });

  test('U creates N, other sets and removes N.q: gone', () => {
    const graph = history(null, ['U', node({})], ['other', node({ q: 1 })], ['other', node({})]);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ after: null, action: 'DELETED', conflicts: [] });
  });

  test('U creates N, other deletes it: nothing to do', () => {
    const graph = history(null, ['U', node({ p: 1 })], ['other', null]);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ action: null, conflicts: [], alreadySo: true });
  });

  test('U deletes N: restored, same key, with all it had', () => {
    const graph = history(node({ p: 1, q: 2 }, ['A', 'B']), ['U', null]);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ action: 'CREATED', after: node({ p: 1, q: 2 }, ['A', 'B']), conflicts: [] });
    expect(plan.origins).toEqual({ existence: '1', labels: '1', 'p:p': '1', 'p:q': '1' });
  });

  test('U deletes N, others changed it before: restored with their changes', () => {
    const graph = history(node({ p: 1 }), ['U', node({ p: 2 })], ['other', node({ p: 2, q: 5 })], ['U', null]);
    expect(graph.plan(N, graph.by('U'))).toMatchObject({ after: node({ p: 1, q: 5 }), conflicts: [] });
  });

  test('U deletes N, others create it anew: what they made stays', () => {
    const graph = history(node({ p: 1, q: 1 }), ['U', null], ['other', node({ p: 9 })]);
    const plan = graph.plan(N, graph.by('U'));
    expect(plan.after).toEqual(node({ p: 9 }));
    expect(plan.conflicts).toMatchObject([{ type: 'VALUE', property: 'p', base: null, target: 1, live: 9 }]);
  });

  test('U updates N, others delete it: one STRUCTURE conflict for the entity', () => {
    const graph = history(
      node({ p: 1, q: 1 }),
      ['U', node({ p: 2, q: 2 })],
      ['other', node({ p: 2, q: 2, r: 3 })],
      ['other', null],
    );
    const plan = graph.plan(N, graph.by('U'));
    expect(plan).toMatchObject({ action: null, after: null, overwritten: node({ p: 1, q: 1, r: 3 }) });
    expect(plan.conflicts).toMatchObject([
      {
        type: 'STRUCTURE',
        aspect: 'EXISTENCE',
        explanation: 'What is to be taken back changed p, q of node n, which others have deleted since.',
      },
    ]);
  });

  test('with only properties in scope, an absent entity stays absent without a conflict', () => {
    const graph = history(node({ p: 1 }), ['U', node({ p: 2 })], ['other', null]);
    const plan = graph.plan(N, graph.by('U'), { inScope: (aspect) => aspect === 'p:p' });
    expect(plan).toMatchObject({ action: null, after: null, conflicts: [] });
  });

  test('with only properties in scope, a created entity keeps existing', () => {
    const graph = history(null, ['U', node({ p: 1, q: 1 }, ['A'])]);
    const plan = graph.plan(N, graph.by('U'), { inScope: (aspect) => aspect === 'p:p' });
    expect(plan).toMatchObject({ action: 'UPDATED', after: node({ q: 1 }, ['A']), conflicts: [] });
  });

  test('an entity that U did not touch in scope has no plan', () => {
    const graph = history(node({ p: 1 }), ['U', node({ p: 2 })], ['other', node({ p: 2, q: 1 })]);
    const plan = graph.plan(N, graph.by('U'), { inScope: (aspect) => aspect === 'p:q' });
    expect(plan).toMatchObject({ action: null, conflicts: [], alreadySo: false });
  });

  test('everyone, since a point: as it was at the point, never a conflict', () => {
    const graph = history(
      node({ p: 1 }, ['A']),
      ['x', node({ p: 2 }, ['A'])],
      ['y', null],
      ['z', node({ q: 7 }, ['B'])],
    );
    const plan = graph.plan(N, graph.since(1n), { from: 1n });
    expect(plan).toMatchObject({ after: node({ p: 1 }, ['A']), conflicts: [] });
  });
});

describe('relationships', () => {
  test('deleted by U and connected anew by others: ENDS conflict', () => {
    const graph = history(relationship('a', 'b'), ['U', relationship('a', 'c')], ['other', relationship('a', 'd')]);
    const plan = graph.plan(R, graph.by('U'));
    expect(plan).toMatchObject({ after: relationship('a', 'd'), overwritten: relationship('a', 'b') });
    expect(plan.conflicts).toMatchObject([
      {
        type: 'STRUCTURE',
        aspect: 'ENDS',
        explanation:
          'Taking back relationship r from a KNOWS c to a KNOWS b would lose what others have made it since: a KNOWS d.',
      },
    ]);
    expect(resolvePlan(plan, () => 'BASE').after).toEqual(relationship('a', 'c'));
  });

  test('created by U and given properties by others: STRUCTURE conflict', () => {
    const graph = history(null, ['U', relationship('a', 'b')], ['other', relationship('a', 'b', { since: 2020 })]);
    expect(graph.plan(R, graph.by('U')).conflicts).toMatchObject([{ type: 'STRUCTURE', aspect: 'EXISTENCE' }]);
  });
});

describe('decisions', () => {
  const graph = history(
    node({ a: 1, b: 1, c: 1 }, ['X']),
    ['U', node({ a: 2, b: 2, c: 2 }, ['Y'])],
    ['other', node({ a: 3, b: 3, c: 2 }, ['Z'])],
  );
  const plan = graph.plan(N, graph.by('U'));

  test('each conflict by itself', () => {
    const resolved = resolvePlan(plan, ({ property, aspect }) => {
      if (aspect === 'LABEL') return { value: { $list: { of: 'STRING', values: ['Z', 'X'] } } };
      return property === 'a' ? 'TARGET' : 'LIVE';
    });
    expect(resolved).toEqual({
      action: 'UPDATED',
      after: node({ a: 1, b: 3, c: 1 }, ['X', 'Z']),
      origins: { 'p:a': '1', 'p:c': '1' },
      skipped: true,
    });
  });

  test('a property may be decided to be absent', () => {
    expect(resolvePlan(plan, () => 'BASE').after).toEqual(node({ a: 2, b: 2, c: 1 }, ['Y']));
    const after = resolvePlan(plan, ({ aspect }) => (aspect === 'LABEL' ? 'LIVE' : { value: null })).after;
    expect(after).toEqual(node({ c: 1 }, ['Z']));
  });

  test('labels cannot be decided to be a number', () => {
    expect(() => resolvePlan(plan, () => ({ value: 5 }))).toThrow(RangeError);
  });
});
