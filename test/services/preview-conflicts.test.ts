import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { conflictsIn, decision } from '../support/conflicted.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

describe.each(engines)('the conflicts of a preview, on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: World;
  const { conflicted, conflictsOf, resolve, heldBy } = conflictsIn(() => world);
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database);
  });
  afterAll(async () => {
    await world.close();
    await engine.close();
  });

  test('are decided there, the plan says so, and the execution goes by it', async () => {
    const { id, keys, operation } = await conflicted(2, { dryRun: true });
    expect(operation).toMatchObject({ status: 'COMPLETED', counts: { conflicted: 2n } });
    const [a, b] = await conflictsOf(id);
    if (!a || !b) throw new Error('too few conflicts');
    await resolve(id, decision(a, { side: 'TARGET' }), decision(b, { value: 7 }));
    const decided = await world.read(id);
    expect(decided).toMatchObject({ status: 'COMPLETED', counts: { planned: 3n, conflicted: 0n } });
    expect(decided.planHash).not.toBe(operation.planHash);
    const executed = await world.manager.execute(CALLER, {
      id,
      expectPlan: decided.planHash ?? '',
      strategy: 'IMMEDIATE',
    });
    expect(await world.settle(executed)).toMatchObject({ outcome: 'APPLIED', planHash: decided.planHash });
    expect(await Promise.all(keys.map(heldBy))).toEqual([0, 7]);
  });

  test('can be decided otherwise as long as it is not executed', async () => {
    const { id, keys } = await conflicted(1, { dryRun: true });
    const [a] = await conflictsOf(id);
    if (!a) throw new Error('no conflict');
    await resolve(id, decision(a, { side: 'TARGET' }));
    const first = await world.read(id);
    await resolve(id, { ...decision(a, { side: 'LIVE' }), expectVersion: 2 });
    const second = await world.read(id);
    expect(second.counts).toMatchObject({ planned: 1n, skipped: 1n });
    expect(second.planHash).not.toBe(first.planHash);
    const executed = await world.manager.execute(CALLER, {
      id,
      expectPlan: second.planHash ?? '',
      strategy: 'IMMEDIATE',
    });
    expect(await world.settle(executed)).toMatchObject({ outcome: 'SKIPPED' });
    expect(await heldBy(keys[0])).toBe(2);
  });

  test('and are decided otherwise once its plan was confirmed: that plan is not executed', async () => {
    const { id, keys } = await conflicted(1, { dryRun: true });
    const [a] = await conflictsOf(id);
    if (!a) throw new Error('no conflict');
    await resolve(id, decision(a, { side: 'TARGET' }));
    const { planHash } = await world.read(id);
    const idle = await openWorld(engine.database, { queue: 'none' });
    const executed = await idle.manager.execute(CALLER, { id, expectPlan: planHash ?? '', strategy: 'IMMEDIATE' });
    await idle.close();
    await resolve(id, { ...decision(a, { side: 'LIVE' }), expectVersion: 2 });
    await world.runner.sweep();
    expect(await world.settle(executed)).toMatchObject({
      status: 'FAILED',
      counts: { applied: 0n },
    });
    expect((await world.details(executed))?.error_message).toContain('PLAN_CHANGED');
    expect(await heldBy(keys[0])).toBe(2);
  });

  test('arise when others hang something on what would vanish before its execution has begun', async () => {
    const start = await world.write('start', [node('late-b')]);
    await world.write('late-u', [node('late-a')]);
    const undo = { by: { actor: 'late-u' }, from: { seq: start } };
    const { id, planHash } = await world.rollback({ undo, dryRun: true, policy: { default: 'OVERWRITE' } });
    const idle = await openWorld(engine.database, { queue: 'none' });
    const executed = await idle.manager.execute(CALLER, { id, expectPlan: planHash ?? '', strategy: 'IMMEDIATE' });
    await idle.close();
    await world.write('other', [relationship('late-r', 'late-a', 'late-b')]);
    await world.runner.sweep();
    expect(await world.rest(executed)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    const [hanging] = await conflictsOf(executed);
    if (!hanging) throw new Error('no conflict');
    await resolve(executed, decision(hanging, { side: 'TARGET' }));
    expect(await world.settle(executed)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 2n } });
    expect(await world.content()).not.toHaveProperty('n:late-a');
  });

  test('that are open when it is executed wait for their decision then', async () => {
    const { id, keys, operation } = await conflicted(1, { dryRun: true });
    const executed = await world.manager.execute(CALLER, {
      id,
      expectPlan: operation.planHash ?? '',
      strategy: 'IMMEDIATE',
    });
    expect(await world.rest(executed)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    const [a] = await conflictsOf(executed);
    if (!a) throw new Error('no conflict');
    await resolve(executed, decision(a, { side: 'TARGET' }));
    expect(await world.settle(executed)).toMatchObject({ outcome: 'APPLIED' });
    expect(await heldBy(keys[0])).toBe(0);
  });
});
