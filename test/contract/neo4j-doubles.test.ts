import { describe, expect, test } from '@jest/globals';
import { withoutDoubles } from '../../src/adapters/neo4j/outbox/doubles.ts';
import type { CapturedChange, CapturedTransaction } from '../../src/core/recording-types.ts';

const [NODE, KEY] = ['NODE', 'k'] as const;
const node = (n: number) => ({ kind: NODE, key: KEY, labels: [], properties: { n } });
const delta = { kind: NODE, key: KEY, deleted: false, recreated: null, labelsAdded: [], labelsRemoved: [] };

type Done = readonly [where: number, change: CapturedChange];
const made = (where: number, n = 0): Done => [where, { kind: NODE, key: KEY, before: null, after: node(n) }];
const gone = (where: number): Done => [where, { ...delta, deleted: true, properties: [] }];
const replaced = (where: number): Done => [where, { ...delta, deleted: true, recreated: node(0), properties: [] }];
const changed = (where: number): Done => [where, { ...delta, properties: [{ name: 'n', before: 0, after: 1 }] }];

function transaction(done: readonly Done[], at: number): CapturedTransaction {
  const whose = { source: 'BOLT', actor: null, session: null, operation: null, cut: false } as const;
  const bindings = done.map(([where]) => ({ kind: NODE, key: KEY, localId: BigInt(where) }));
  const changes = done.map(([, change]) => change);
  return { id: `${at}`, time: new Date(0), ...whose, first: true, last: true, changes, bindings };
}

/** What is kept of transactions: where it was done, and what. */
async function kept(bound: number | null, isHeld: boolean, work: readonly (readonly Done[])[]) {
  const transactions = work.map(transaction);
  const result = await withoutDoubles(transactions, async (kind, found) => {
    const isElsewhere = bound !== null && found.some(({ localId }) => localId !== BigInt(bound));
    return kind === NODE && isElsewhere ? new Map([[KEY, { localId: BigInt(bound), isHeld }]]) : new Map();
  });
  const places = result.kept.map(({ bindings = [] }) => bindings.map(({ localId }) => Number(localId)));
  expect(result.kept.map(({ changes }) => changes.length)).toEqual(places.map(({ length }) => length));
  return { places, keys: result.keys, changes: result.kept.map(({ changes }) => changes[0]) };
}

const A = 1;
const B = 2;
const C = 3;

describe('of entities with one key, the recorded one stays', () => {
  test.each<[string, number | null, boolean, readonly (readonly Done[])[], readonly (readonly number[])[]]>([
    ['while copies of it come and go', A, true, [[made(B)], [changed(B)], [changed(A)], [gone(B)]], [[], [], [A], []]],
    ['when copies went with it', A, false, [[made(B)], [gone(B), gone(A)]], [[], [A]]],
    ['when a copy came before it went', A, false, [[made(B)], [changed(B)], [gone(A)]], [[], [], [A]]],
    ['when others come after it', A, false, [[gone(A)], [made(C)], [changed(C)]], [[A], [C], [C]]],
    ['when another came at once and is bound', C, true, [[changed(A)], [gone(A)], [made(C)]], [[A], [A], [C]]],
    [
      'when others came and went at its place',
      A,
      true,
      [[gone(A)], [made(C)], [gone(C)], [made(A)]],
      [[A], [C], [C], [A]],
    ],
    ['when a copy of what came goes', C, true, [[gone(A)], [made(C)], [made(B)], [gone(B)]], [[A], [C], [], []]],
    [
      'when another came within the transaction',
      A,
      false,
      [[changed(A)], [replaced(C)], [changed(C)]],
      [[A], [C], [C]],
    ],
    ['when a copy is replaced by another', A, true, [[replaced(C)], [changed(A)]], [[], [A]]],
    ['when none is bound yet', null, false, [[made(A)], [changed(A)]], [[A], [A]]],
  ])('%s', async (_, bound, isHeld, work, places) => {
    expect((await kept(bound, isHeld, work)).places).toEqual(places);
  });

  test('and is told from copies that were deleted with it before another was created', async () => {
    const { places, changes, keys } = await kept(A, false, [[gone(B), gone(A), made(C)]]);
    expect({ places, keys }).toEqual({ places: [[C]], keys: [KEY] });
    expect(changes[0]).toMatchObject({ deleted: true, recreated: node(0) });
  });

  test('and nothing is shown where there is one at a time', async () => {
    const { keys } = await kept(C, true, [[gone(A)], [made(C)], [changed(C)]]);
    expect(keys).toEqual([]);
  });
});
