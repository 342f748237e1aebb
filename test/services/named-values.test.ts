import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConflictChoice } from '../../src/core/conflict-choice.ts';
import { conflictsIn, decision } from '../support/conflicted.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';
import { node } from '../support/graph-writes.ts';
import { CALLER, goneNode, openWorld, type World } from '../support/rollback-world.ts';

const MANUAL = { default: 'MANUAL' } as const;

describe.each(engines)('a full restore for which a person names values, on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: World;
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database);
  });
  afterAll(async () => {
    await world.close();
    await engine.close();
  });
  afterEach(() => engine.database.query(`SELECT graph_demo.drop_constraint('since')`));
  const { conflictsOf, resolve } = conflictsIn(() => world);

  const thing = (key: string, properties: Record<string, string | number>, label = 'Twin') =>
    node(key, properties, [label]);
  const constrain = (kind: string, label: string) =>
    engine.database.query(`SELECT graph_demo.add_constraint('since', $1, 'NODE', $2, '{uid}')`, [kind, label]);

  /** Nothing but this is to be decided. */
  async function decided(id: string, key: string, choice: ConflictChoice) {
    expect((await world.rest(id)).counts).toMatchObject({ conflicted: 1n });
    const [conflict] = await conflictsOf(id);
    if (conflict === undefined) throw new Error('nothing is asked');
    expect(conflict).toMatchObject({ key, aspect: 'CONSTRAINT', property: 'uid' });
    await resolve(id, decision(conflict, choice));
    return conflict.id;
  }

  async function proved(id: string): Promise<void> {
    expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect((await world.details(id))?.proof).toMatchObject({ method: 'CONTINUOUS_CHECKSUM', matches: true });
  }

  const uids = async (...keys: string[]) => {
    const content = await world.content();
    return keys.map((key) => content[`n:${key}`]?.properties.uid);
  };

  /** Two that had one value, which a constraint that came later allows once. */
  async function twins(): Promise<bigint> {
    const start = await world.write('start', [thing('a', { uid: 'v', p: 0 }), thing('b', { uid: 'v', p: 0 })]);
    await world.write('u', [thing('a', { uid: 'a', p: 1 }), thing('b', { uid: 'b', p: 1 })]);
    await constrain('UNIQUE', 'Twin');
    return start;
  }

  test.each([
    ['another', { value: 'w' }, 'w'],
    ['none', { absent: true }, undefined],
  ] as const)('is proved when the other of two that had one value gets %s', async (_name, choice, left) => {
    const { id } = await world.rollback({ to: { seq: await twins() }, policy: MANUAL });
    const conflict = await decided(id, 'b', choice);
    await proved(id);
    expect(await uids('a', 'b')).toEqual([left, 'v']);
    expect(await world.planRows(id)).toMatchObject([
      { key: 'a', cascade: false, reason: 'gets another value, since its own goes back to where it was' },
      { key: 'b', cascade: false, reason: null },
    ]);
    expect(await conflictsOf(id)).toMatchObject([{ id: conflict, status: 'RESOLVED', resolvedBy: 'tester' }]);
  });

  test('is proved when that was decided about its preview', async () => {
    const { id } = await world.rollback({ to: { seq: await twins() }, policy: MANUAL, dryRun: true });
    await decided(id, 'b', { value: 'w' });
    await world.until(async () => (await world.conflictStore.unplanned(id, 1)).length === 0);
    const { planHash } = await world.rest(id);
    const expectPlan = planHash ?? '';
    await proved(await world.manager.execute(CALLER, { id, expectPlan, strategy: 'IMMEDIATE' }));
    expect(await uids('a', 'b')).toEqual(['w', 'v']);
  });

  test('is proved when a decision is changed after others removed what would vanish', async () => {
    const has = thing('has', { uid: 'taken' });
    await world.write('start', [has]);
    const start = await twins();
    await world.write('u', [thing('new', { uid: 'new' })]);
    const { id } = await world.rollback({ to: { seq: start }, policy: MANUAL });
    await decided(id, 'b', { value: 'taken' });
    await world.until(async () => (await conflictsOf(id)).some(({ key, status }) => key === 'a' && status === 'OPEN'));
    await world.rest(id);
    await world.write('other', [goneNode('new')]);
    await world.runner.sweep();
    await world.until(async () =>
      (await world.planRows(id)).some(({ key, state }) => key === 'new' && state === 'ALREADY_SO'),
    );
    await world.rest(id);
    const choices: Record<string, ConflictChoice> = { a: { value: 'x' }, b: { value: 'w' } };
    const again = (await conflictsOf(id)).map((conflict) =>
      decision(conflict, choices[conflict.key] ?? { side: 'LIVE' }),
    );
    await resolve(id, ...again);
    await proved(id);
    expect(await uids('a', 'b', 'has', 'new')).toEqual(['w', 'v', 'taken', undefined]);
  });

  test('is proved when an entity gets a value that it lacked and must have by now', async () => {
    const start = await world.write('start', [thing('c', { p: 0 }, 'Named')]);
    await world.write('u', [thing('c', { uid: 'c', p: 1 }, 'Named')]);
    await constrain('EXISTENCE', 'Named');
    const { id } = await world.rollback({ to: { seq: start }, policy: MANUAL });
    await decided(id, 'c', { value: 'd' });
    await proved(id);
    expect(await uids('c')).toEqual(['d']);
  });
});
