import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { ConflictChoice } from '../../src/core/conflict-choice.ts';
import type { OperationRecord } from '../../src/ports/operation-store.ts';
import { conflictsIn, decision } from '../support/conflicted.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { Interruptions } from '../support/interruptions.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { CALLER, goneNode, goneRelationship, openWorld, type Wanted, type World } from '../support/rollback-world.ts';

/*
 * What a decision writes besides, or leaves out, for the sake of an entity is planned for itself as soon as that entity is not written after all:
 * others touched it, or another decision leaves it out.
 */

let database: PgliteDatabase;
let world: World;
const interruptions = new Interruptions();
/** The method of a port that fails in a way that nobody foresaw. */
let broken: string | null = null;
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
  const wrap = <Port extends object>(_name: string, port: Port): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          if (name === broken) throw new Error(`${name} is broken`);
          return member.apply(target, args);
        };
      },
    });
  world = await openWorld(database, { wrap, wrapGraph: interruptions.wrap });
});
afterAll(async () => {
  await world.close();
  await database.close();
});
const { conflictsOf, resolve } = conflictsIn(() => world);

const constraints: string[] = [];
async function constrain(kind: string, entity: 'NODE' | 'RELATIONSHIP', label: string): Promise<void> {
  const name = `constraint${constraints.length}`;
  await database.query(`SELECT graph_demo.add_constraint($1, $2, $3, $4, '{uid}')`, [name, kind, entity, label]);
  constraints.push(name);
}
afterEach(async () => {
  broken = null;
  interruptions.reset();
  for (const name of constraints.splice(0)) await database.query('SELECT graph_demo.drop_constraint($1)', [name]);
});

let round = 0;
const fresh = (): string => {
  round += 1;
  return `o${round}-`;
};
const MANUAL = { default: 'MANUAL' } as const;

/** Decides the one conflict that is open, which is this entity's. */
async function decide({ id }: OperationRecord, key: string, choice: ConflictChoice): Promise<OperationRecord> {
  const open = (await conflictsOf(id)).filter(({ status }) => status === 'OPEN');
  expect(open).toMatchObject([{ key }]);
  await resolve(id, ...open.map((conflict) => decision(conflict, choice)));
  await world.until(async () => (await world.conflictStore.unplanned(id, 1)).length === 0);
  return world.rest(id);
}

/** Others write this as soon as the operation is about to write. */
function inBetween(...wanted: readonly Wanted[]): void {
  interruptions.reset();
  interruptions.before = async (transaction) => {
    if (transaction === 2) await world.write('other', wanted);
  };
}

async function propertiesOf(...ids: string[]) {
  const content = await world.content();
  return ids.map((id) => content[id]?.properties ?? null);
}

describe('an entity that was to give a unique value away', () => {
  const thing = (key: string, uid: string) => node(key, { uid }, ['Thing']);
  const theirs = (key: string) => thing(key, `${key}-theirs`);

  /** Undoing u gives `a` and `b` one value, of which a constraint allows one: `a` is to get another instead. */
  async function twins(other: (key: string) => Wanted) {
    const at = fresh();
    const [a, b] = [`${at}a`, `${at}b`];
    const start = await world.write('start', [thing(a, `${at}v`), thing(b, `${at}v`)]);
    await world.write(`${at}u`, [thing(a, `${at}a`), thing(b, `${at}b`)]);
    await constrain('UNIQUE', 'NODE', 'Thing');
    const asked = await world.rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
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
    expect((await world.details(ended.id))?.proof).toMatchObject({ matches: true });
  });

  test('gives it away when the taker is written after all', async () => {
    const { a, b, v, operation } = await twins(theirs);
    const ended = await decide(operation, b, { side: 'TARGET' });
    expect(ended).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts: { applied: 2n } });
    expect(await propertiesOf(`n:${a}`, `n:${b}`)).toEqual([{ uid: 'w' }, { uid: v }]);
    expect((await world.details(ended.id))?.proof).toMatchObject({ matches: true });
  });

  test('keeps it when an end of the relationship that takes it is deleted', async () => {
    const at = fresh();
    const [a, b, taker, holder] = [`${at}a`, `${at}b`, `${at}taker`, `${at}holder`];
    const start = await world.write('start', [node(a), node(b), relationship(taker, a, b, { uid: 'v' })]);
    await world.write(`${at}u`, [goneRelationship(taker)]);
    await world.write('other', [relationship(holder, a, a, { uid: 'v' })]);
    await constrain('UNIQUE', 'RELATIONSHIP', 'KNOWS');
    const asked = await world.rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
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
    const start = await world.write('start', [node(a), node(b), node(c, { p: 0 }), relationship(r, a, b)]);
    await world.write(`${at}u`, [goneRelationship(r), node(c, { p: 1 })]);
    await world.write('other', [goneNode(b)]);
    await constrain('EXISTENCE', 'RELATIONSHIP', 'KNOWS');
    const asked = await world.rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    const again = await decide(asked, r, { side: 'TARGET' });
    expect((await world.planRows(again.id)).map(({ key, state }) => [key, state])).not.toContainEqual([b, 'PENDING']);
    const ended = await decide(again, r, { side: 'LIVE' });
    expect(ended).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED', counts: { applied: 1n } });
    expect(await propertiesOf(`n:${b}`, `r:${r}`, `n:${c}`)).toEqual([null, null, { p: 0 }]);
    expect((await world.details(ended.id))?.proof).toMatchObject({ matches: true });
  });

  test('an end comes back with it all the same where somebody says what it gets', async () => {
    const at = fresh();
    const [a, b, r] = [`${at}a`, `${at}b`, `${at}r`];
    const start = await world.write('start', [node(a), node(b), relationship(r, a, b)]);
    await world.write(`${at}u`, [goneRelationship(r)]);
    await world.write('other', [goneNode(b)]);
    await constrain('EXISTENCE', 'RELATIONSHIP', 'KNOWS');
    const asked = await world.rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    const again = await decide(asked, r, { side: 'TARGET' });
    const ended = await decide(again, r, { value: 'given' });
    expect(ended).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts: { applied: 2n } });
    expect(await propertiesOf(`n:${b}`, `r:${r}`)).toEqual([{}, { uid: 'given' }]);
    expect((await world.details(ended.id))?.proof).toMatchObject({ matches: true });
  });

  test('no end stays that was to vanish', async () => {
    const at = fresh();
    const [a, n, r] = [`${at}a`, `${at}n`, `${at}r`];
    const start = await world.write('start', [node(a)]);
    await world.write(`${at}u`, [node(n)]);
    await world.write('other', [relationship(r, a, n)]);
    await world.write(`${at}u`, [goneRelationship(r)]);
    await constrain('EXISTENCE', 'RELATIONSHIP', 'KNOWS');
    const asked = await world.rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy: MANUAL });
    const again = await decide(asked, r, { side: 'TARGET' });
    const ended = await decide(again, r, { side: 'LIVE' });
    expect(ended).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED', counts: { applied: 1n } });
    expect(await propertiesOf(`n:${a}`, `n:${n}`, `r:${r}`)).toEqual([{}, null, null]);
    expect((await world.details(ended.id))?.proof).toMatchObject({ matches: true });
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
    const start = await world.write('start', [node(end), ...all(0)]);
    await world.write(`${at}u`, [...all(1), node(n), relationship(r, end, n)]);
    interruptions.before = async (transaction) => {
      if (transaction !== 3) return;
      await world.write('other', [node(n, { theirs: 1 })]);
      broken = method;
    };
    const undo = { by: { actor: `${at}u` }, from: { seq: start } };
    const policy = { default: 'SKIP' } as const;
    const failed = await world.rollback({ undo, policy, strategy: 'GRADUAL', batchSize: 3 });
    expect(failed).toMatchObject({ outcome: 'FAILED', counts: { applied: 3n } });
    broken = null;
    interruptions.reset();

    const resumed = await world.settle(await world.manager.resume(CALLER, { id: failed.id, policy: null }));
    expect(resumed).toMatchObject({ counts: { applied: 0n } });
    expect(await propertiesOf(`n:${n}`, `r:${r}`)).toEqual([{ theirs: 1 }, {}]);
    expect((await world.details(resumed.id))?.proof ?? { matches: true }).toMatchObject({ matches: true });
  },
);
