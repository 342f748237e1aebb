import { describe, expect, test } from '@jest/globals';
import { resolvePlan } from '../../src/core/plan.ts';
import { history, N, node, R, relationship } from '../support/entity-history.ts';

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
    expect(resolvePlan(plan, () => ({ side: 'TARGET' }))).toMatchObject({
      action: 'DELETED',
      after: null,
      skipped: false,
    });
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
    expect(resolvePlan(plan, () => ({ side: 'BASE' })).after).toEqual(relationship('a', 'c'));
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
      return { side: property === 'a' ? 'TARGET' : 'LIVE' };
    });
    expect(resolved).toEqual({
      action: 'UPDATED',
      after: node({ a: 1, b: 3, c: 1 }, ['X', 'Z']),
      origins: { 'p:a': '1', 'p:c': '1' },
      skipped: true,
      open: false,
    });
  });

  test('a property may be decided to be absent', () => {
    expect(resolvePlan(plan, () => ({ side: 'BASE' })).after).toEqual(node({ a: 2, b: 2, c: 1 }, ['Y']));
    const after = resolvePlan(plan, ({ aspect }) => (aspect === 'LABEL' ? { side: 'LIVE' } : { absent: true })).after;
    expect(after).toEqual(node({ c: 1 }, ['Z']));
  });

  test('labels cannot be decided to be a number', () => {
    expect(() => resolvePlan(plan, () => ({ value: 5 }))).toThrow(RangeError);
  });
});
