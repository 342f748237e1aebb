import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { withFullStates } from '../../src/core/deltas.ts';
import { labelsAdded, labelsRemoved, propertyChanges } from '../../src/core/diff.ts';
import { type EntityState, entityId } from '../../src/core/entities.ts';
import { rebase } from '../../src/core/rebasing.ts';
import { needsOf } from '../../src/core/recording.ts';
import type { CapturedChange, CapturedTransaction, EntityDelta } from '../../src/core/recording-types.ts';
import { arbProperties } from '../support/arbitraries.ts';
import { changeTo, nodeOf, nodeRef, relationshipOf } from '../support/captured.ts';

const transaction = (id: string, changes: readonly CapturedChange[]): CapturedTransaction => ({
  ...{ id, changes, time: new Date(0), source: 'BOLT', actor: null, session: null, operation: null },
  ...{ cut: false, first: true, last: true },
});

/** What capture knows of a change when it does not know the entity. */
function deltaOf(before: EntityState, after: EntityState | null): EntityDelta {
  const sides = { before, after };
  const [added, removed] = [labelsAdded(sides), labelsRemoved(sides)];
  const { kind, key } = before;
  return {
    kind,
    key,
    deleted: after === null,
    recreated: null,
    labelsAdded: added,
    labelsRemoved: removed,
    properties: propertyChanges(sides),
  };
}

const known = (...states: EntityState[]) => new Map(states.map((state) => [entityId(state), state]));
const arbNode = fc
  .tuple(fc.subarray(['A', 'B', 'C']), arbProperties)
  .map(([labels, properties]) => nodeOf('n', properties, labels));

describe('a delta', () => {
  test('laid over what is recorded gives the states of both sides', () => {
    fc.assert(
      fc.property(fc.array(fc.option(arbNode), { minLength: 1, maxLength: 6 }), arbNode, (states, start) => {
        let before: EntityState | null = start;
        const expected = states.map((after) => {
          const change = changeTo(before ?? after ?? start, after);
          const full = { ...change, before };
          before = after;
          return full;
        });
        const changes = expected.filter((change) => change.before !== null || change.after !== null);
        const slice = changes.map((change, i) => {
          const isDelta = change.before !== null;
          return transaction(`t${i}`, [isDelta ? deltaOf(change.before ?? start, change.after) : change]);
        });
        const full = withFullStates(slice, known(start));
        expect(full.unknown).toEqual([]);
        expect(full.slice.flatMap((one) => one.changes)).toEqual(changes);
      }),
    );
  });

  test('shows where what is recorded is not what the transaction found', () => {
    const [found, left] = [nodeOf('a', { x: 1 }), nodeOf('a', { x: 2 })];
    const { slice } = withFullStates(
      [transaction('t', [deltaOf(found, left)])],
      known(nodeOf('a', { x: 0, kept: true })),
    );
    expect(slice[0]?.changes).toEqual([changeTo(nodeOf('a', { x: 1, kept: true }), nodeOf('a', { x: 2, kept: true }))]);
  });

  test('of an entity that nothing is known of is left out and listed, but for a deleted node', () => {
    const delta = deltaOf(nodeOf('a', { x: 1 }), nodeOf('a', { x: 2 }));
    const relationship = deltaOf(relationshipOf('r', 'a', 'b'), null);
    const gone = deltaOf(nodeOf('b', { x: 1 }), null);
    const { slice, unknown } = withFullStates(
      [transaction('t', []), transaction('u', [delta, relationship, gone])],
      known(),
    );
    expect(unknown).toEqual([
      { transaction: 1, delta },
      { transaction: 1, delta: relationship },
    ]);
    expect(slice[1]?.changes).toEqual([changeTo(nodeOf('b', { x: 1 }), null)]);
  });

  test('is laid over the live entity where something was missed, from that transaction on', () => {
    const slice = [
      transaction('t', [deltaOf(nodeOf('a', { x: 0 }), nodeOf('a', { x: 1 }))]),
      transaction('u', [deltaOf(nodeOf('a', { x: 5 }), nodeOf('a', { x: 6 }))]),
    ];
    const live = new Map([[1, known(nodeOf('a', { x: 6, y: 7 }))]]);
    const changes = withFullStates(slice, known(nodeOf('a', { x: 0 })), live).slice.flatMap((one) => one.changes);
    expect(changes).toEqual([
      changeTo(nodeOf('a', { x: 0 }), nodeOf('a', { x: 1 })),
      changeTo(nodeOf('a', { x: 5, y: 7 }), nodeOf('a', { x: 6, y: 7 })),
    ]);
  });

  test('of what was deleted and created again has the new state after it', () => {
    const [old, recreated] = [relationshipOf('r', 'a', 'b', { x: 1 }), relationshipOf('r', 'b', 'c')];
    const delta = { ...deltaOf(old, null), recreated };
    const { slice } = withFullStates([transaction('t', [delta])], known(old));
    expect(slice[0]?.changes).toEqual([changeTo(old, recreated)]);
    expect(needsOf([transaction('t', [delta])]).ends).toEqual(['b', 'c']);
  });

  test('keeps type and ends of a relationship, which capture does not know', () => {
    const recorded = relationshipOf('r', 'a', 'b', { x: 1 });
    const { slice } = withFullStates([transaction('t', [deltaOf(recorded, null)])], known(recorded));
    expect(slice[0]?.changes).toEqual([changeTo(recorded, null)]);
  });

  test('goes on from what is recorded while a baseline is not complete, or is left out', () => {
    const slice = [
      transaction('t', [
        deltaOf(nodeOf('a', { x: 9 }), nodeOf('a', { x: 1 })),
        deltaOf(nodeOf('b', { x: 1 }), nodeOf('b')),
      ]),
      transaction('u', [deltaOf(nodeOf('a', { x: 1 }), null), deltaOf(nodeOf('b'), null)]),
    ];
    expect(rebase(slice, known(nodeOf('a', { y: 2 }))).map(({ changes }) => changes)).toEqual([
      [changeTo(nodeOf('a', { y: 2 }), nodeOf('a', { x: 1, y: 2 }))],
      [{ ...nodeRef('a'), before: nodeOf('a', { x: 1, y: 2 }), after: null }],
    ]);
  });
});
