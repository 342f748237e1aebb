import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addSummaries,
  applyChanges,
  diffStates,
  labelsAdded,
  labelsRemoved,
  NO_CHANGES,
  netChanges,
  propertyChanges,
  reverse,
  summarize,
} from '../../src/core/diff.ts';
import { type EntityChange, type EntityState, entityId } from '../../src/core/entities.ts';
import { stateHash } from '../../src/core/hash.ts';
import { compareRefs, planHasher } from '../../src/core/plan-hash.ts';
import { arbNodeState, arbRelationshipState } from '../support/arbitraries.ts';
import { node } from '../support/graph-writes.ts';

const arbStates = fc
  .array(fc.oneof(arbNodeState, arbRelationshipState), { maxLength: 8 })
  .map((states) => new Map(states.map((state: EntityState) => [entityId(state), state])));

const byEntity = (a: EntityChange, b: EntityChange): number => compareRefs(a, b);
const RUNS = { numRuns: 300 };

describe('a diff', () => {
  test('applied to the first state gives the second, and reversed the first', () => {
    fc.assert(
      fc.property(arbStates, arbStates, (a, b) => {
        const changes = diffStates(a, b);
        expect(applyChanges(a, changes)).toEqual(b);
        expect(applyChanges(b, changes.map(reverse))).toEqual(a);
        expect(changes.map(reverse).sort(byEntity)).toEqual(diffStates(b, a).sort(byEntity));
      }),
      RUNS,
    );
  });

  test('of a state with itself is empty', () => {
    fc.assert(
      fc.property(arbStates, (a) => {
        expect(diffStates(a, new Map(structuredClone([...a])))).toEqual([]);
      }),
      RUNS,
    );
  });

  test('over a detour is the diff of the ends', () => {
    fc.assert(
      fc.property(arbStates, arbStates, arbStates, (a, b, c) => {
        const net = netChanges([...diffStates(a, b), ...diffStates(b, c)]);
        expect(net.sort(byEntity)).toEqual(diffStates(a, c).sort(byEntity));
      }),
      RUNS,
    );
  });

  test('counts each entity once, by kind and action', () => {
    fc.assert(
      fc.property(arbStates, arbStates, (a, b) => {
        const changes = diffStates(a, b);
        const summary = summarize(changes);
        expect(Object.values(summary).reduce((sum, count) => sum + count, 0n)).toBe(BigInt(changes.length));
        expect(addSummaries(summary, NO_CHANGES)).toEqual(summary);
        const { nodesCreated, nodesDeleted } = summarize(changes.map(reverse));
        expect([nodesCreated, nodesDeleted]).toEqual([summary.nodesDeleted, summary.nodesCreated]);
      }),
      RUNS,
    );
  });

  test('names properties and labels', () => {
    const change = {
      before: node('a', { z: 1, keep: 1, gone: 1 }, ['A', 'B']),
      after: node('a', { z: 2, keep: 1, a: 1 }, ['B', 'C']),
    };
    expect(propertyChanges(change)).toEqual([
      { name: 'a', before: null, after: 1 },
      { name: 'gone', before: 1, after: null },
      { name: 'z', before: 1, after: 2 },
    ]);
    expect([labelsAdded(change), labelsRemoved(change)]).toEqual([['C'], ['A']]);
    expect(labelsAdded({ before: null, after: change.after })).toEqual(['B', 'C']);
  });
});

describe('a plan hash', () => {
  const rows = [
    { kind: 'NODE', key: 'a', expectedHash: null, targetHash: stateHash(node('a')) },
    { kind: 'NODE', key: 'b', expectedHash: stateHash(node('b')), targetHash: null },
    { kind: 'RELATIONSHIP', key: 'a', expectedHash: null, targetHash: null },
  ] as const;
  const hashOf = (list: readonly (typeof rows)[number][]): string => {
    const hasher = planHasher();
    for (const row of list) hasher.add(row);
    return hasher.digest();
  };

  test('is that of the rows, all of them', () => {
    expect(hashOf(rows)).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf(rows)).toBe(hashOf([...rows]));
    expect(new Set([hashOf([]), hashOf(rows), hashOf(rows.slice(1)), hashOf(rows.slice(0, 2))]).size).toBe(4);
  });

  test('wants them in order, each entity once', () => {
    expect(() => hashOf(rows.toReversed())).toThrow(RangeError);
    expect(() => hashOf([rows[0], rows[0]])).toThrow(RangeError);
  });
});
