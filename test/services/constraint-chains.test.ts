import { describe, expect, test } from '@jest/globals';
import { ConstraintError } from '../../src/core/errors.ts';
import { decision } from '../support/conflicted.ts';
import { constrainedWorld } from '../support/constrained-world.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { CALLER, goneNode, goneRelationship } from '../support/rollback-world.ts';

const suite = constrainedWorld();
const { world, interruptions, breaks, fresh, constrain, decide, propertiesOf, proved } = suite;
const MANUAL = { default: 'MANUAL' } as const;
const thing = (key: string, uid: string | number, more = {}) => node(key, { uid, ...more }, ['Thing']);

describe('a chain of unique values, each of which its holder was to give to the next,', () => {
  const LENGTH = 60;
  /** u moved everything up by one, and another took the first place: nothing can go back. */
  async function shifted() {
    const at = fresh();
    const items = Array.from({ length: LENGTH }, (_unused, n) => `${at}${n}`);
    const places = (by: number) => items.map((key, n) => thing(key, `${at}${n + by}`));
    const start = await world().write('start', places(0));
    await world().write(`${at}u`, places(1));
    await world().write('other', [thing(`${at}first`, `${at}0`)]);
    await constrain('UNIQUE', 'NODE', 'Thing');
    return { at, items, undo: { by: { actor: `${at}u` }, from: { seq: start } } };
  }

  test('stays as it is when the first keeps its own, however long it is', async () => {
    const { undo } = await shifted();
    const operation = await world().rollback({ undo, policy: { default: 'SKIP' } });
    expect(operation).toMatchObject({ outcome: 'SKIPPED', counts: { skipped: BigInt(LENGTH), applied: 0n } });
  }, 120_000);

  test('goes back when somebody says what the holder of the first gets', async () => {
    const { at, items, undo } = await shifted();
    const asked = await world().rollback({ undo, policy: MANUAL });
    const conflicts = await suite.conflictsOf(asked.id);
    expect(conflicts).toHaveLength(LENGTH);
    const first = conflicts.filter(({ key }) => key === `${at}0`).map((conflict) => decision(conflict, { value: 'x' }));
    const rest = conflicts
      .filter(({ key }) => key !== `${at}0`)
      .map((conflict) => decision(conflict, { side: 'LIVE' }));
    await suite.resolve(asked.id, ...first, ...rest);
    const ended = await world().settle(asked.id);
    expect(ended).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts: { applied: BigInt(LENGTH + 1) } });
    const uids = (await propertiesOf(...items.map((key) => `n:${key}`))).map((properties) => properties?.uid);
    expect(uids).toEqual(items.map((_key, n) => `${at}${n}`));
    await proved(ended.id);
  }, 120_000);
});

describe('an end whose unique value another has by now', () => {
  /** `deleter` deleted the end of a relationship that u deleted. */
  async function ended(deleter: 'u' | 'other') {
    const at = fresh();
    const [a, b, end, r] = [`${at}a`, `${at}b`, `${at}end`, `${at}r`];
    const start = await world().write('start', [thing(a, `${at}v`), node(end), relationship(r, a, end)]);
    await world().write(`${at}u`, [goneRelationship(r), ...(deleter === 'u' ? [goneNode(a)] : [])]);
    await world().write('other', [...(deleter === 'u' ? [] : [goneNode(a)]), thing(b, `${at}v`)]);
    await constrain('UNIQUE', 'NODE', 'Thing');
    return { at, a, b, r, undo: { by: { actor: `${at}u` }, from: { seq: start } } };
  }

  test.each([
    ['comes back with the relationship when somebody says what the other gets', { value: 'w' }, 'APPLIED'],
    ['stays away with the relationship when nothing is to be taken from the other', { side: 'LIVE' }, 'SKIPPED'],
  ] as const)('%s', async (_name, choice, outcome) => {
    for (const deleter of ['u', 'other'] as const) {
      const { at, a, b, r, undo } = await ended(deleter);
      const policy = { default: 'MANUAL', dependency: 'OVERWRITE' } as const;
      const asked = await world().rollback({ undo, policy });
      expect(asked.status).toBe('CONFLICT_RESOLUTION');
      const value = 'value' in choice ? { value: `${at}w` } : choice;
      const done = await decide(asked, a, value);
      expect(done).toMatchObject({ outcome, counts: { applied: outcome === 'APPLIED' ? 3n : 0n } });
      const back = [{ uid: `${at}v` }, { uid: `${at}w` }, {}];
      const away = [null, { uid: `${at}v` }, null];
      expect(await propertiesOf(`n:${a}`, `n:${b}`, `r:${r}`)).toEqual(outcome === 'APPLIED' ? back : away);
      if (outcome === 'APPLIED') await proved(done.id);
    }
  });
});

test('what a giver is not to get is asked about again', async () => {
  const at = fresh();
  const [b, d, h] = [`${at}b`, `${at}d`, `${at}h`];
  const start = await world().write('start', [thing(b, `${at}v`), thing(d, `${at}w`), thing(h, `${at}h`, { p: 0 })]);
  await world().write(`${at}u`, [thing(b, `${at}b`), thing(h, `${at}h`, { p: 1 })]);
  await world().write('other', [thing(h, `${at}v`, { p: 1 })]);
  await constrain('UNIQUE', 'NODE', 'Thing');
  const asked = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
  const taken = await decide(asked, b, { value: `${at}w` });
  const refused = await decide(taken, h, { side: 'LIVE' });
  const ended = await decide(refused, b, { value: `${at}x` });
  expect(ended).toMatchObject({ status: 'COMPLETED', counts: { applied: 2n } });
  expect(await propertiesOf(`n:${b}`, `n:${d}`, `n:${h}`)).toEqual([
    { uid: `${at}v` },
    { uid: `${at}w` },
    { uid: `${at}x`, p: 0 },
  ]);
  await proved(ended.id);
});

test.each([
  ['stays away with it when somebody says so', 'LIVE', [null, null]],
  ['comes back with it when it is tried again', 'TARGET', [{}, {}]],
] as const)('what comes back along with another, and the graph refuses, %s', async (_name, side, left) => {
  const at = fresh();
  const [a, b, r] = [`${at}a`, `${at}b`, `${at}r`];
  const start = await world().write('start', [node(a), node(b), relationship(r, a, b)]);
  await world().write(`${at}u`, [goneRelationship(r)]);
  await world().write('other', [goneNode(b)]);
  interruptions.reset();
  interruptions.before = async (transaction) => {
    if (transaction !== 2) return;
    throw new ConstraintError(`${b} is refused`, 'own', null, null, { kind: 'NODE', key: b });
  };
  const policy = { default: 'MANUAL', dependency: 'OVERWRITE' } as const;
  const asked = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy });
  expect(asked.status).toBe('CONFLICT_RESOLUTION');
  const ended = await decide(asked, b, { side });
  expect(ended).toMatchObject({ outcome: side === 'LIVE' ? 'SKIPPED' : 'APPLIED' });
  expect(await propertiesOf(`n:${b}`, `r:${r}`)).toEqual(left);
});

describe('the rest of a rollback that failed', () => {
  /** Three entities are written, then others change `h`, which is left out, and the operation fails before it writes `e` back. */
  async function failed() {
    const at = fresh();
    const [e, h] = [`${at}e`, `${at}h`];
    const first = [1, 2, 3].map((n) => `${at}a${n}`);
    const all = (p: number) => first.map((key) => node(key, { p }));
    const start = await world().write('start', [...all(0), thing(e, `${at}v`), thing(h, `${at}h`, { p: 0 })]);
    await world().write('u', [...all(1), thing(e, `${at}e`), thing(h, `${at}h`, { p: 1 })]);
    interruptions.before = async (transaction) => {
      if (transaction !== 3) return;
      await world().write('other', [thing(h, `${at}h`, { p: 5 })]);
      breaks('markReleases');
    };
    const policy = { default: 'SKIP' } as const;
    const operation = await world().rollback({ to: { seq: start }, policy, strategy: 'GRADUAL', batchSize: 3 });
    expect(operation).toMatchObject({ outcome: 'FAILED', counts: { applied: 3n } });
    breaks(null);
    interruptions.reset();
    await world().write('other', [thing(h, `${at}v`, { p: 5 })]);
    await constrain('UNIQUE', 'NODE', 'Thing');
    const id = await world().manager.resume(CALLER, { id: operation.id, policy: MANUAL });
    return { at, e, h, resumed: await world().rest(id) };
  }

  test('is proved when it writes to what had been left out', async () => {
    const { at, e, h, resumed } = await failed();
    const ended = await decide(resumed, e, { value: `${at}w` });
    expect(ended).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(await propertiesOf(`n:${e}`, `n:${h}`)).toEqual([{ uid: `${at}v` }, { uid: `${at}w`, p: 5 }]);
    await proved(ended.id);
  });

  test('keeps the decisions that were taken in before', async () => {
    const at = fresh();
    const [kept, decided, open] = [`${at}kept`, `${at}decided`, `${at}open`];
    const first = [1, 2, 3].map((n) => `${at}a${n}`);
    const all = (p: number, ...more: string[]) => [...first, ...more].map((key) => node(key, { p }));
    const start = await world().write('start', all(0, kept, decided, open));
    await world().write(`${at}u`, all(1, kept, decided, open));
    await world().write('other', [node(kept, { p: 2 }), node(decided, { p: 2 })]);
    const undo = { by: { actor: `${at}u` }, from: { seq: start } };
    const preview = await world().rollback({ undo, policy: { default: 'OVERWRITE' }, dryRun: true });
    const found = await suite.conflictsOf(preview.id);
    const about = (key: string) => found.filter((conflict) => conflict.key === key);
    await suite.resolve(preview.id, ...about(kept).map((conflict) => decision(conflict, { side: 'LIVE' })));
    await world().until(async () => (await world().conflictStore.unplanned(preview.id, 1)).length === 0);
    const { planHash } = await world().rest(preview.id);
    interruptions.before = async (transaction) => {
      if (transaction === 3) throw new Error('nobody foresaw this');
    };
    const how = { strategy: 'GRADUAL', batchSize: 3 } as const;
    const executed = await world().manager.execute(CALLER, { id: preview.id, expectPlan: planHash ?? '', ...how });
    expect(await world().settle(executed)).toMatchObject({ outcome: 'FAILED', counts: { applied: 3n } });
    interruptions.reset();
    await world().write('other', [node(open, { p: 5 })]);

    const id = await world().manager.resume(CALLER, { id: executed, policy: MANUAL });
    const resumed = await world().rest(id);
    const copied = (await suite.conflictsOf(id)).filter(({ key }) => key === decided);
    expect(copied).toMatchObject([{ status: 'RESOLVED', choice: 'TARGET' }]);
    const changed = copied.map((conflict) => decision(conflict, { side: 'LIVE' }));
    await expect(suite.resolve(id, ...changed)).rejects.toThrow(/decided before the operation began to write by that/);
    expect(await decide(resumed, open, { side: 'LIVE' })).toMatchObject({ outcome: 'SKIPPED' });
    expect(await propertiesOf(`n:${kept}`, `n:${decided}`, `n:${open}`)).toEqual([{ p: 2 }, { p: 0 }, { p: 5 }]);
  });
});
