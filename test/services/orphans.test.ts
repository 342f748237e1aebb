import { describe, expect, test } from '@jest/globals';
import { decision } from '../support/conflicted.ts';
import { constrainedWorld } from '../support/constrained-world.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { CALLER, goneNode, goneRelationship, type Wanted } from '../support/rollback-world.ts';

/*
 * What a decision writes besides, or leaves out, for the sake of an entity is planned for itself as soon as that entity is not written after all:
 * others touched it, or another decision leaves it out.
 */

const suite = constrainedWorld();
const { world, interruptions, breaks, fresh, constrain, decide, inBetween, propertiesOf, proved } = suite;
const MANUAL = { default: 'MANUAL' } as const;

describe('an entity that was to give a unique value away', () => {
  const thing = (key: string, uid: string) => node(key, { uid }, ['Thing']);
  const theirs = (key: string) => thing(key, `${key}-theirs`);

  /** Undoing u gives `a` and `b` one value, of which a constraint allows one: `a` is to get another instead. */
  async function twins(other: (key: string) => Wanted) {
    const at = fresh();
    const [a, b] = [`${at}a`, `${at}b`];
    const start = await world().write('start', [thing(a, `${at}v`), thing(b, `${at}v`)]);
    await world().write(`${at}u`, [thing(a, `${at}a`), thing(b, `${at}b`)]);
    await constrain('UNIQUE', 'NODE', 'Thing');
    const asked = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    inBetween(other(b));
    return { a, b, v: `${at}v`, operation: await decide(asked, b, { value: 'w' }) };
  }

  test.each([
    ['changed by others', theirs, true],
    ['deleted by others', goneNode, false],
  ] as const)('has what its own plan gives it when the taker is %s, and stays so', async (_name, other, stays) => {
    const { a, b, v, operation } = await twins(other);
    const ended = await decide(operation, b, { side: 'LIVE' });
    expect(ended).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED', counts: { applied: 1n } });
    expect(await propertiesOf(`n:${a}`, `n:${b}`)).toEqual([{ uid: v }, stays ? { uid: `${b}-theirs` } : null]);
    await proved(ended.id);
  });

  test('gives it away when the taker is written after all', async () => {
    const { a, b, v, operation } = await twins(theirs);
    const ended = await decide(operation, b, { side: 'TARGET' });
    expect(ended).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts: { applied: 2n } });
    expect(await propertiesOf(`n:${a}`, `n:${b}`)).toEqual([{ uid: 'w' }, { uid: v }]);
    await proved(ended.id);
  });

  test('keeps it, and so does the one after it, when the first taker of a chain is left out', async () => {
    const at = fresh();
    const [a, b, c] = [`${at}a`, `${at}b`, `${at}c`];
    const start = await world().write('start', [thing(a, `${at}v`)]);
    await world().write(`${at}u`, [thing(a, `${at}a`)]);
    await world().write('other', [thing(b, `${at}v`), thing(c, `${at}w`)]);
    await constrain('UNIQUE', 'NODE', 'Thing');
    const asked = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    const again = await decide(asked, a, { value: `${at}w` });
    inBetween(theirs(a));
    const interrupted = await decide(again, b, { value: `${at}x` });
    const ended = await decide(interrupted, a, { side: 'LIVE' });
    expect(ended).toMatchObject({ outcome: 'SKIPPED', counts: { applied: 0n } });
    const uids = [`${a}-theirs`, `${at}v`, `${at}w`].map((uid) => ({ uid }));
    expect(await propertiesOf(`n:${a}`, `n:${b}`, `n:${c}`)).toEqual(uids);
  });

  test('keeps what one taker does not get and gives away what another gets', async () => {
    const at = fresh();
    const [b, d, giver] = [`${at}b`, `${at}d`, `${at}giver`];
    const start = await world().write('start', [thing(b, `${at}v`), node(d, { mail: `${at}m` }, ['Thing'])]);
    await world().write(`${at}u`, [thing(b, `${at}b`), node(d, { mail: `${at}d` }, ['Thing'])]);
    await world().write('other', [node(giver, { uid: `${at}v`, mail: `${at}m` }, ['Thing'])]);
    await constrain('UNIQUE', 'NODE', 'Thing');
    await constrain('UNIQUE', 'NODE', 'Thing', 'mail');
    const { id } = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    inBetween(theirs(b));
    const choices: Record<string, string> = { [b]: `${at}w`, [d]: `${at}n` };
    const conflicts = await suite.conflictsOf(id);
    expect(conflicts.map(({ key }) => key).sort()).toEqual([b, d]);
    for (const conflict of conflicts)
      await suite.resolve(id, decision(conflict, { value: choices[conflict.key] ?? '' }));
    await world().until(async () => (await suite.conflictsOf(id)).length === 3);
    const ended = await decide(await world().rest(id), b, { side: 'LIVE' });
    expect(ended).toMatchObject({ outcome: 'SKIPPED', counts: { applied: 2n } });
    expect(await propertiesOf(`n:${b}`, `n:${d}`, `n:${giver}`)).toEqual([
      { uid: `${b}-theirs` },
      { mail: `${at}m` },
      { uid: `${at}v`, mail: `${at}n` },
    ]);
    await proved(ended.id);
  });

  test('has what its own plan gives it when a preview is executed whose taker others have changed since', async () => {
    const at = fresh();
    const [a, b] = [`${at}a`, `${at}b`];
    const start = await world().write('start', [thing(a, `${at}v`), thing(b, `${at}v`)]);
    await world().write(`${at}u`, [thing(a, `${at}a`), thing(b, `${at}b`)]);
    await constrain('UNIQUE', 'NODE', 'Thing');
    const undo = { by: { actor: `${at}u` }, from: { seq: start } };
    const { id } = await world().rollback({ undo, policy: { default: 'SKIP' }, dryRun: true });
    const conflicts = await suite.conflictsOf(id);
    await suite.resolve(id, ...conflicts.slice(0, 1).map((conflict) => decision(conflict, { value: `${at}w` })));
    await world().until(async () => (await world().conflictStore.unplanned(id, 1)).length === 0);
    const [taker = '', giver = ''] = conflicts[0]?.key === a ? [a, b] : [b, a];
    expect(await world().planRows(id)).toMatchObject([{ state: 'PENDING' }, { state: 'PENDING' }]);
    await world().write('other', [theirs(taker)]);
    const { planHash } = await world().rest(id);
    const input = { id, expectPlan: planHash ?? '', strategy: 'IMMEDIATE' } as const;
    const ended = await world().settle(await world().manager.execute(CALLER, input));
    expect(ended).toMatchObject({ outcome: 'SKIPPED', counts: { applied: 1n } });
    expect(await propertiesOf(`n:${taker}`, `n:${giver}`)).toEqual([{ uid: `${taker}-theirs` }, { uid: `${at}v` }]);
    await proved(ended.id);
  });

  test('keeps it when an end of the relationship that takes it is deleted', async () => {
    const at = fresh();
    const [a, b, taker, holder] = [`${at}a`, `${at}b`, `${at}taker`, `${at}holder`];
    const start = await world().write('start', [node(a), node(b), relationship(taker, a, b, { uid: 'v' })]);
    await world().write(`${at}u`, [goneRelationship(taker)]);
    await world().write('other', [relationship(holder, a, a, { uid: 'v' })]);
    await constrain('UNIQUE', 'RELATIONSHIP', 'KNOWS');
    const asked = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    inBetween(goneNode(b));
    const operation = await decide(asked, taker, { value: 'w' });
    const ended = await decide(operation, taker, { side: 'LIVE' });
    expect(ended).toMatchObject({ outcome: 'SKIPPED', counts: { applied: 0n } });
    expect(await propertiesOf(`r:${holder}`, `r:${taker}`)).toEqual([{ uid: 'v' }, null]);
  });
});

describe('for a relationship that was to come back and stays away, since a constraint asks for more than it had,', () => {
  /** An end of it comes back with it. */
  test('no end comes back', async () => {
    const at = fresh();
    const [a, b, r, c] = [`${at}a`, `${at}b`, `${at}r`, `${at}c`];
    const start = await world().write('start', [node(a), node(b), node(c, { p: 0 }), relationship(r, a, b)]);
    await world().write(`${at}u`, [goneRelationship(r), node(c, { p: 1 })]);
    await world().write('other', [goneNode(b)]);
    await constrain('EXISTENCE', 'RELATIONSHIP', 'KNOWS');
    const asked = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    const again = await decide(asked, r, { side: 'TARGET' });
    expect((await world().planRows(again.id)).map(({ key, state }) => [key, state])).not.toContainEqual([b, 'PENDING']);
    const ended = await decide(again, r, { side: 'LIVE' });
    expect(ended).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED', counts: { applied: 1n } });
    expect(await propertiesOf(`n:${b}`, `r:${r}`, `n:${c}`)).toEqual([null, null, { p: 0 }]);
    await proved(ended.id);
  });

  test('an end comes back with it all the same where somebody says what it gets', async () => {
    const at = fresh();
    const [a, b, r] = [`${at}a`, `${at}b`, `${at}r`];
    const start = await world().write('start', [node(a), node(b), relationship(r, a, b)]);
    await world().write(`${at}u`, [goneRelationship(r)]);
    await world().write('other', [goneNode(b)]);
    await constrain('EXISTENCE', 'RELATIONSHIP', 'KNOWS');
    const asked = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    const again = await decide(asked, r, { side: 'TARGET' });
    const ended = await decide(again, r, { value: 'given' });
    expect(ended).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts: { applied: 2n } });
    expect(await propertiesOf(`n:${b}`, `r:${r}`)).toEqual([{}, { uid: 'given' }]);
    await proved(ended.id);
  });

  test('no end stays that was to vanish', async () => {
    const at = fresh();
    const [a, n, r] = [`${at}a`, `${at}n`, `${at}r`];
    const start = await world().write('start', [node(a)]);
    await world().write(`${at}u`, [node(n)]);
    await world().write('other', [relationship(r, a, n)]);
    await world().write(`${at}u`, [goneRelationship(r)]);
    await constrain('EXISTENCE', 'RELATIONSHIP', 'KNOWS');
    const asked = await world().rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    const again = await decide(asked, r, { side: 'TARGET' });
    const ended = await decide(again, r, { side: 'LIVE' });
    expect(ended).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED', counts: { applied: 1n } });
    expect(await propertiesOf(`n:${a}`, `n:${n}`, `r:${r}`)).toEqual([{}, null, null]);
    await proved(ended.id);
  });
});

test.each([
  ['leaving it out', 'setState'],
  ['what it was to take back is counted', 'dropUnfound'],
])(
  'what hangs on a node that was just kept stays when the operation is resumed that failed before %s',
  async (_name, method) => {
    const at = fresh();
    const [end, n, r] = [`${at}end`, `${at}n`, `${at}r`];
    const first = [1, 2, 3].map((number) => `${at}a${number}`);
    const all = (p: number) => first.map((key) => node(key, { p }));
    const start = await world().write('start', [node(end), ...all(0)]);
    await world().write(`${at}u`, [...all(1), node(n), relationship(r, end, n)]);
    interruptions.before = async (transaction) => {
      if (transaction !== 3) return;
      await world().write('other', [node(n, { theirs: 1 })]);
      breaks(method);
    };
    const undo = { by: { actor: `${at}u` }, from: { seq: start } };
    const policy = { default: 'SKIP' } as const;
    const failed = await world().rollback({ undo, policy, strategy: 'GRADUAL', batchSize: 3 });
    expect(failed).toMatchObject({ outcome: 'FAILED', counts: { applied: 3n } });
    breaks(null);
    interruptions.reset();

    const resumed = await world().settle(await world().manager.resume(CALLER, { id: failed.id, policy: null }));
    expect(resumed).toMatchObject({ counts: { applied: 0n } });
    expect(await propertiesOf(`n:${n}`, `r:${r}`)).toEqual([{ theirs: 1 }, {}]);
    expect((await world().details(resumed.id))?.proof ?? { matches: true }).toMatchObject({ matches: true });
  },
);
