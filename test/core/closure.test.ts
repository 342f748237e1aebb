import { describe, expect, test } from '@jest/globals';
import {
  dependencyEffect,
  type EndNode,
  returningConflicts,
  skipClosure,
  vanishingConflicts,
} from '../../src/core/closure.ts';
import type { EntityChange, EntityState } from '../../src/core/entities.ts';
import { entityId } from '../../src/core/entities.ts';
import { node, relationship } from '../support/graph-writes.ts';

const knows = relationship('r', 'a', 'b');
const likes = relationship('s', 'a', 'a');

function vanish(state: EntityState): EntityChange {
  return { kind: state.kind, key: state.key, before: state, after: null };
}

function comeBack(state: EntityState): EntityChange {
  return { kind: state.kind, key: state.key, before: null, after: state };
}

describe('a node to vanish', () => {
  test('with others\u2019 relationships is a conflict that lists them', () => {
    const [conflict, ...more] = vanishingConflicts([node('a')], [knows, likes], new Set());
    expect(more).toEqual([]);
    expect(conflict).toMatchObject({
      type: 'DEPENDENCY',
      aspect: 'EXISTENCE',
      ref: { kind: 'NODE', key: 'a' },
      cascade: [vanish(knows), vanish(likes)],
      overwritable: true,
    });
    expect(conflict?.explanation).toBe(
      `Taking back the creation of node a would also delete what others connected to it: ${knows.type} (r) and 1 more.`,
    );
  });

  test('is none when its relationships vanish with it', () => {
    expect(vanishingConflicts([node('a')], [knows], new Set(['r']))).toEqual([]);
    expect(vanishingConflicts([node('a')], [], new Set())).toEqual([]);
  });

  test('overwritten takes the relationships along; skipped stays', () => {
    const [conflict] = vanishingConflicts([node('a')], [knows], new Set());
    if (conflict === undefined) throw new Error('no conflict');
    expect(dependencyEffect(conflict, 'OVERWRITE')).toEqual({ cascade: [vanish(knows)], skipped: [] });
    expect(dependencyEffect(conflict, 'SKIP')).toEqual({ cascade: [], skipped: [{ kind: 'NODE', key: 'a' }] });
  });
});

describe('a relationship to come back', () => {
  const there: EndNode = { presence: 'THERE', lastState: node('x') };

  test('between nodes that are there is no conflict', () => {
    expect(returningConflicts([knows], () => there)).toEqual([]);
  });

  test('lost an end: the end returns from its last recorded state', () => {
    const lost: EndNode = { presence: 'ABSENT', lastState: node('b', { p: 1 }) };
    const [conflict] = returningConflicts([knows], (key) => (key === 'b' ? lost : there));
    if (conflict === undefined) throw new Error('no conflict');
    expect(conflict).toMatchObject({
      aspect: 'ENDS',
      ref: { kind: 'RELATIONSHIP', key: 'r' },
      cascade: [comeBack(node('b', { p: 1 }))],
      explanation: 'Bringing back relationship r (a KNOWS b) needs node b, which would not be there.',
    });
    expect(dependencyEffect(conflict, 'SKIP').skipped).toEqual([{ kind: 'RELATIONSHIP', key: 'r' }]);
  });

  test('lost an end of which nothing is recorded: only skipping is possible', () => {
    const [conflict] = returningConflicts([likes], () => ({ presence: 'ABSENT', lastState: null }));
    if (conflict === undefined) throw new Error('no conflict');
    expect(conflict).toMatchObject({ overwritable: false, cascade: [] });
    expect(() => dependencyEffect(conflict, 'OVERWRITE')).toThrow(RangeError);
  });

  test('on a node that the plan lets vanish: overwriting keeps the node', () => {
    const leaving: EndNode = { presence: 'VANISHING', lastState: node('a') };
    const [conflict] = returningConflicts([knows], (key) => (key === 'a' ? leaving : there));
    if (conflict === undefined) throw new Error('no conflict');
    expect(dependencyEffect(conflict, 'OVERWRITE')).toEqual({ cascade: [], skipped: [{ kind: 'NODE', key: 'a' }] });
  });
});

describe('skipping one item skips what depends on it', () => {
  test('a node that stays keeps its relationships and their other ends', () => {
    const planned = [node('a'), node('b'), node('c'), knows].map(vanish);
    const skipped = skipClosure([node('a')], planned);
    expect([...skipped.values()]).toEqual([
      { ref: { kind: 'RELATIONSHIP', key: 'r' }, reason: 'skipped because node a stays', root: 'n:a' },
      { ref: { kind: 'NODE', key: 'b' }, reason: 'skipped because relationship r stays', root: 'n:a' },
    ]);
  });

  test('a node that stays away keeps its relationships away, not their other ends', () => {
    const planned = [node('a'), node('b'), knows].map(comeBack);
    expect([...skipClosure([node('a')], planned).keys()]).toEqual([entityId(knows)]);
  });

  test('an update takes nothing along', () => {
    const update = { kind: 'NODE', key: 'a', before: node('a'), after: node('a', { p: 1 }) } as const;
    expect(skipClosure([node('a')], [update, comeBack(knows)]).size).toBe(0);
  });
});
