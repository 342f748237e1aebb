import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { planDecidedPreview } from '../../src/services/rollback/previews.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { Mortal } from '../support/mortal.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

let database: PgliteDatabase;
let world: World;
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
  world = await openWorld(database);
});
afterAll(async () => {
  await world.close();
  await database.close();
});

/** A preview with a conflict about a value, one about a node that others connected, and changes that nobody disputes. */
async function preview(prefix: string): Promise<string> {
  const key = (name: string): string => `${prefix}${name}`;
  const innocent = Array.from({ length: 5 }, (_unused, n) => node(key(`i${n}`), { p: 0 }));
  const start = await world.write('start', [node(key('v'), { p: 0 }), node(key('end')), ...innocent]);
  await world.write(key('u'), [
    node(key('v'), { p: 1 }),
    node(key('hub')),
    relationship(key('own'), key('hub'), key('end')),
    ...innocent.map((state) => ({ ...state, properties: { p: 1 } })),
  ]);
  await world.write('other', [node(key('v'), { p: 2 }), relationship(key('theirs'), key('hub'), key('end'))]);
  const undo = { by: { actor: key('u') }, from: { seq: start } };
  return (await world.rollback({ undo, dryRun: true })).id;
}

/** Decides all conflicts, in the database alone: the plan is not made again. */
async function decideAll(id: string, side: 'LIVE' | 'TARGET'): Promise<void> {
  const conflicts = await world.conflictStore.select(id, {}, 0n, 10);
  const decisions = conflicts.map((conflict) => ({
    conflictId: conflict.id,
    expectVersion: conflict.version,
    expectLive: null,
    choice: side,
    resolution: side === 'LIVE' ? ('SKIP' as const) : ('OVERWRITE' as const),
    value: null,
  }));
  const fact = {
    type: 'CONFLICTS_RESOLVED',
    data: {},
    actor: 'tester',
    ip: null,
    userAgent: null,
    pointId: null,
    operationId: id,
  };
  expect(await world.conflictStore.decide(id, decisions, 'tester', [], fact)).toBeNull();
}

const planOf = async (id: string, prefix: string) => ({
  rows: (await world.planRows(id))
    .filter(({ state }) => state !== 'ALREADY_SO')
    .map(({ key, state, cascade }) => [key.slice(prefix.length), state, cascade]),
  counts: (await world.read(id)).counts,
});

test('a plan that is made again with other decisions comes out the same wherever those who make it die', async () => {
  const whole = await preview('whole-');
  await decideAll(whole, 'TARGET');
  await planDecidedPreview(world.deps, whole);
  const overwritten = await planOf(whole, 'whole-');
  await decideAll(whole, 'LIVE');
  await planDecidedPreview(world.deps, whole);
  const kept = await planOf(whole, 'whole-');
  expect(overwritten.counts).toMatchObject({ planned: 9n, conflicted: 0n });
  expect(kept.counts).toMatchObject({ planned: 5n, skipped: 3n, conflicted: 0n });

  const broken = await preview('broken-');
  await decideAll(broken, 'TARGET');
  await planDecidedPreview(world.deps, broken);
  let deaths = 0;
  for (let call = 1; ; call += 1) {
    // To and fro, so that each death finds decisions that the plan had taken in otherwise.
    const side = call % 2 === 1 ? 'LIVE' : 'TARGET';
    await decideAll(broken, side);
    const mortal = new Mortal({ call, moment: call % 3 === 0 ? 'before' : 'after' });
    const { operations, plans, conflicts, history } = world.deps;
    const deps = {
      ...world.deps,
      operations: mortal.wrap(operations),
      plans: mortal.wrap(plans),
      conflicts: mortal.wrap(conflicts),
      history: mortal.wrap(history),
    };
    await planDecidedPreview(deps, broken).catch((error: unknown) => {
      if (!mortal.dead) throw error;
      deaths += 1;
    });
    await world.operations.forgetLeases();
    await world.runner.sweep();
    await world.until(async () => {
      const { replanning } = await world.read(broken);
      return !replanning && (await world.conflictStore.unplanned(broken, 1)).length === 0;
    });
    await world.rest(broken);
    expect(await planOf(broken, 'broken-')).toEqual(side === 'LIVE' ? kept : overwritten);
    if (!mortal.dead) break;
  }
  expect(deaths).toBeGreaterThan(10);
  const { planHash } = await world.read(broken);
  const executed = await world.manager.execute(CALLER, {
    id: broken,
    expectPlan: planHash ?? '',
    strategy: 'IMMEDIATE',
  });
  const ended = await world.settle(executed);
  expect(['COMPLETED', 'PARTIALLY_COMPLETED']).toContain(ended.status);
  expect((await world.details(executed))?.proof).toMatchObject({ matches: true });
}, 120_000);
