import { describe, expect, test } from '@jest/globals';
import type { EntityChange } from '../../src/core/entities.ts';
import { stateHash } from '../../src/core/hash.ts';
import { needsOf, reconcileOf, recordSlice, type StoredBefore, withoutEmpty } from '../../src/core/recording.ts';
import type { CurrentVersion, FullTransaction } from '../../src/core/recording-types.ts';
import { changeTo, nodeOf, nodeRef, relationshipOf, relationshipRef } from '../support/captured.ts';

const transaction = (id: string, changes: EntityChange[], rest: Partial<FullTransaction> = {}) => ({
  ...{ id, changes, time: new Date(0), source: 'API' as const, actor: null, session: null, operation: null },
  ...{ cut: true, first: true, last: true, ...rest },
});
const stored = (rest: Partial<StoredBefore> = {}): StoredBefore => ({
  ...{ seq: 5n, current: new Map(), nodes: new Set<string>(), putBack: new Map(), ...rest },
});
const versionOf = (state: ReturnType<typeof nodeOf>, seq = 1n): CurrentVersion => ({
  ...{ kind: state.kind, key: state.key, seq, state, origins: null, hash: stateHash(state) },
});
const [a0, a1, a2] = [0, 1, 2].map((n) => nodeOf('a', { n, kept: true }));
if (a0 === undefined || a1 === undefined || a2 === undefined) throw new Error('unreachable');

describe('recording a slice', () => {
  test('gives each transaction the next seq, all slices of one the same', () => {
    const slice = [
      transaction('t1', [changeTo(null, a0)]),
      transaction('t2', [changeTo(a0, a1)]),
      transaction('t3', [], { last: false }),
    ];
    const { entries, breaks } = recordSlice(slice, stored());
    expect(entries.map(({ seq }) => seq)).toEqual([5n, 6n, 7n]);
    expect(breaks).toEqual([]);
  });

  test('carries hashes of both sides and origins of what was left as it was', () => {
    const current = new Map([['n:a', versionOf(a0, 3n)]]);
    const { entries } = recordSlice([transaction('t', [changeTo(a0, a1)])], stored({ current }));
    expect(entries[0]?.versions).toEqual([
      {
        change: changeTo(a0, a1),
        beforeHash: stateHash(a0),
        afterHash: stateHash(a1),
        origins: { existence: '3', labels: '3', 'p:kept': '3' },
      },
    ]);
  });

  test('follows an entity through several transactions', () => {
    const slice = [transaction('t1', [changeTo(null, a0)]), transaction('t2', [changeTo(a0, a1)])];
    const { entries } = recordSlice(slice, stored());
    expect(entries[1]?.versions[0]).toMatchObject({ origins: { 'p:kept': '5' } });
  });

  test('leaves out a change that changes nothing', () => {
    const current = new Map([['n:a', versionOf(a0)]]);
    const { entries } = recordSlice([transaction('t', [changeTo(a0, { ...a0 })])], stored({ current }));
    expect(entries[0]?.versions).toEqual([]);
  });

  test('takes the origins of what a rollback put back', () => {
    const current = new Map([['n:a', versionOf(a1, 4n)]]);
    const undo = transaction('t', [changeTo(a1, a0)], { source: 'ROLLBACK', operation: 'o' });
    const putBack = new Map([['o', new Map([['n:a', { 'p:n': '2' }]])]]);
    const { entries } = recordSlice([undo], stored({ current, putBack }));
    expect(entries[0]?.versions[0]?.origins).toMatchObject({ 'p:n': '2', 'p:kept': '4' });
  });
});

describe('the chain breaks where', () => {
  test('an entity is not as the transaction found it: what was missed leads there', () => {
    const current = new Map([['n:a', versionOf(a0)]]);
    const slice = [transaction('t1', []), transaction('t2', [changeTo(a1, a2)])];
    const { breaks } = recordSlice(slice, stored({ current }));
    expect(breaks).toEqual([{ kind: 'STATE', transaction: 1, fix: changeTo(a0, a1) }]);
  });

  test('an entity is created that exists, or changed that does not', () => {
    const current = new Map([['n:a', versionOf(a0)]]);
    const slice = [transaction('t', [changeTo(null, a1), changeTo(nodeOf('b'), null)])];
    expect(recordSlice(slice, stored({ current })).breaks).toEqual([
      { kind: 'STATE', transaction: 0, fix: changeTo(a0, null) },
      { kind: 'STATE', transaction: 0, fix: changeTo(null, nodeOf('b')) },
    ]);
  });

  test('a relationship is tied to a node that is not there, once per node', () => {
    const slice = [
      transaction('t', [
        changeTo(null, nodeOf('b')),
        ...['r', 's'].map((key) => changeTo(null, relationshipOf(key, 'a', 'b'))),
      ]),
    ];
    expect(recordSlice(slice, stored()).breaks).toEqual([{ kind: 'END', transaction: 0, node: 'a' }]);
    expect(recordSlice(slice, stored({ nodes: new Set(['a']) })).breaks).toEqual([]);
  });

  test('putting what was missed in front mends it', () => {
    const current = new Map([['n:a', versionOf(a0)]]);
    const broken = transaction('t', [changeTo(a1, a2)]);
    const slice = [reconcileOf('fix', broken, [changeTo(a0, a1)]), broken];
    const { entries, breaks } = recordSlice(slice, stored({ current }));
    expect(breaks).toEqual([]);
    expect(entries.map(({ source, cut }) => [source, cut])).toEqual([
      ['RECONCILE', false],
      ['API', true],
    ]);
  });
});

test('what has to be looked up: changed entities, new ends, deleted nodes of transactions that end', () => {
  const r = relationshipOf('r', 'a', 'b');
  const slice = [
    transaction('t1', [changeTo(nodeOf('x'), null), changeTo(null, r)]),
    transaction('t2', [changeTo(nodeOf('y'), null)], { last: false }),
    transaction('t3', [changeTo(a0, a1)], { source: 'ROLLBACK', operation: 'o' }),
  ];
  expect(needsOf(slice)).toEqual({
    changed: [nodeRef('x'), relationshipRef('r'), nodeRef('y'), nodeRef('a')],
    ends: ['a', 'b'],
    deletedNodes: ['x'],
    relationships: ['r'],
    putBack: new Map([['o', [nodeRef('a')]]]),
  });
});

describe('a transaction that changed nothing', () => {
  const full = transaction('full', [changeTo(null, a0)], { cut: false });
  const empty = (cut: boolean) => transaction('empty', [], { cut });
  const kept = (slice: FullTransaction[], headIsCut: boolean) =>
    withoutEmpty(slice, headIsCut).map(({ id, cut }) => [id, cut]);

  test("is left out; its cut is its predecessor's", () => {
    expect(kept([full, empty(true)], false)).toEqual([['full', true]]);
    expect(kept([full, empty(false)], false)).toEqual([['full', false]]);
  });

  test('stays when it alone says that the head is a cut', () => {
    expect(kept([empty(true), full], false)).toEqual([
      ['empty', true],
      ['full', false],
    ]);
    expect(kept([empty(true), full], true)).toEqual([['full', false]]);
  });
});
