import { describe, expect, test } from '@jest/globals';
import { planEntity } from '../../src/core/plan.ts';
import { history, N, node, p, withP, writes } from '../support/entity-history.ts';

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
      graph.undo('first', graph.by(one), () => ({ side: 'TARGET' }));
      graph.undo('second', graph.by(two), () => ({ side: 'TARGET' }));
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

  test('labels put back to none are nothing that a vanishing entity would lose', () => {
    const graph = history(null, ['C', node({}, ['L'])]);
    graph.undo('undo', graph.by('C'));
    graph.commit('A', [{ ref: N, after: node({}, ['L', 'M']) }]);
    graph.undo('again', graph.by('C'), () => ({ side: 'TARGET' }));
    expect(graph.state(N)).toEqual(node({}, []));
    for (const from of [0n, 2n, 3n]) {
      expect(graph.plan(N, graph.by('A'), { from })).toMatchObject({ action: 'DELETED', after: null, conflicts: [] });
    }
  });

  test('an entity that never was is the same whatever the window starts with', () => {
    const graph = history(null, ['B', node({ q: 1 })]);
    graph.undo('undo', graph.by('B'));
    graph.commit('B', [{ ref: N, after: node({}) }]);
    graph.undo('again', graph.by('B', 'start'));
    const live = node({ q: 2 });
    for (const from of [0n, 1n, 2n]) {
      const conflicts = [{ property: 'q', base: null, target: 1, live: 2 }];
      expect(graph.plan(N, graph.by('undo'), { from, live })).toMatchObject({ conflicts });
    }
  });
});
