import { beforeEach, describe, expect, test } from '@jest/globals';
import type { RollbackRequest } from '../../src/services/contract.ts';
import { decision } from '../support/conflicted.ts';
import { graphKinds } from '../support/graph-engines.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { interruptedWorld } from '../support/interrupted-world.ts';
import { CALLER, goneNode, goneRelationship, type World } from '../support/rollback-world.ts';

/* What the policy would write besides, because others came in between, is nobody's wish once the plan has been confirmed or begun. */

describe.each(graphKinds)('what others hang on what is to vanish, on %s', (_, open) => {
  let world: World;
  const { interruptions, current } = interruptedWorld(open);
  beforeEach(() => {
    world = current();
  });

  let round = 0;
  /** A node that u made, and one that u changed and then another did; a preview that deletes the one, whatever hangs on it. */
  async function previewed(policy: RollbackRequest['policy'], hung: readonly string[] = []) {
    round += 1;
    const [a, b, k, u] = [`w${round}-a`, `w${round}-b`, `w${round}-k`, `w${round}-u`];
    const connect = (key: string) => world.write('other', [relationship(`${a}-${key}`, a, b)]);
    const start = await world.write('start', [node(b), node(k, { p: 0 })]);
    await world.write(u, [node(a), node(k, { p: 1 })]);
    await world.write('other', [node(k, { p: 2 })]);
    for (const key of hung) await connect(key);
    const preview = await world.rollback({ undo: { by: { actor: u }, from: { seq: start } }, dryRun: true, policy });
    interruptions.recount();
    const execute = () =>
      world.manager.execute(CALLER, { id: preview.id, expectPlan: preview.planHash ?? '', strategy: 'IMMEDIATE' });
    // Neo4j gives them in no order.
    const there = async () =>
      Object.keys(await world.content())
        .filter((key) => key === `n:${a}` || key.startsWith(`r:${a}-`))
        .sort();
    return { a, b, k, connect, execute, there };
  }

  const openConflicts = (id: string) => world.conflictStore.select(id, { status: 'OPEN' }, 0n, 10);
  async function decide(id: string, side: 'LIVE' | 'TARGET') {
    const resolutions = (await openConflicts(id)).map((conflict) => decision(conflict, { side }));
    await world.manager.resolve(CALLER, { operation: id, resolutions });
  }

  test('before a preview is written makes a person decide, whatever the policy says', async () => {
    const { a, connect, execute, there } = await previewed({ default: 'OVERWRITE' });
    interruptions.before = async (transaction) => {
      if (transaction === 2) await connect('r');
    };
    const id = await execute();
    expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { applied: 0n } });
    expect(await openConflicts(id)).toMatchObject([{ key: a, type: 'DEPENDENCY', aspect: 'EXISTENCE' }]);
    expect(await there()).toEqual([`n:${a}`, `r:${a}-r`]);
    await decide(id, 'TARGET');
    expect(await world.settle(id)).toMatchObject({ outcome: 'APPLIED' });
    expect((await world.details(id))?.account).toMatchObject({ cascaded: '1', left: '0' });
    expect((await world.details(id))?.proof).toMatchObject({ matches: true });
    expect(await there()).toEqual([]);
  });

  test('while a person decides about something else is asked about, too', async () => {
    const { a, k, connect, execute, there } = await previewed({ default: 'MANUAL', dependency: 'OVERWRITE' });
    const id = await execute();
    expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    expect(await openConflicts(id)).toMatchObject([{ key: k }]);
    await connect('r');
    await decide(id, 'TARGET');
    await world.until(async () => (await openConflicts(id)).some(({ key }) => key === a));
    expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    await decide(id, 'LIVE');
    expect(await world.settle(id)).toMatchObject({ outcome: 'SKIPPED', counts: { applied: 1n, skipped: 1n } });
    expect(await there()).toEqual([`n:${a}`, `r:${a}-r`]);
    expect((await world.content())[`n:${k}`]).toEqual(node(k, { p: 0 }));
  });

  test('beside what the preview listed opens that again, and what it listed alone is written', async () => {
    const listed = await previewed({ default: 'OVERWRITE' }, ['r']);
    expect(await world.settle(await listed.execute())).toMatchObject({ outcome: 'APPLIED' });
    expect(await listed.there()).toEqual([]);
    const { a, connect, execute, there } = await previewed({ default: 'OVERWRITE' }, ['r']);
    interruptions.before = async (transaction) => {
      if (transaction === 2) await connect('s');
    };
    const id = await execute();
    expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { applied: 0n } });
    expect(await openConflicts(id)).toMatchObject([{ key: a, aspect: 'EXISTENCE' }]);
    // What was added is asked about first, and then with what was listed before.
    await decide(id, 'TARGET');
    await world.until(async () => (await openConflicts(id)).some(({ version }) => version === 4));
    await world.rest(id);
    expect(await there()).toEqual([`n:${a}`, `r:${a}-r`, `r:${a}-s`]);
    await decide(id, 'LIVE');
    expect(await world.settle(id)).toMatchObject({ outcome: 'SKIPPED' });
    expect(await there()).toEqual([`n:${a}`, `r:${a}-r`, `r:${a}-s`]);
  });

  test('is skipped with it where the policy skips', async () => {
    const { a, connect, execute, there } = await previewed({ default: 'SKIP' });
    interruptions.before = async (transaction) => {
      if (transaction === 2) await connect('r');
    };
    expect(await world.settle(await execute())).toMatchObject({ outcome: 'SKIPPED' });
    expect(await there()).toEqual([`n:${a}`, `r:${a}-r`]);
  });

  test('is the policy’s to decide in an operation of which nobody saw a plan, until it has written', async () => {
    const make = async () => {
      round += 1;
      const [a, b, u] = [`o${round}-a`, `o${round}-z`, `o${round}-u`];
      const changed = [1, 2].map((n) => `o${round}-${n}`);
      const start = await world.write('start', [node(b), ...changed.map((key) => node(key, { p: 0 }))]);
      await world.write(u, [node(a), ...changed.map((key) => node(key, { p: 1 }))]);
      interruptions.recount();
      const undo = { by: { actor: u }, from: { seq: start } };
      return { a, request: { undo, policy: { default: 'OVERWRITE' } } as const, r: relationship(`${a}-r`, a, b) };
    };
    const hangsBefore = (number: number, r: ReturnType<typeof relationship>) => {
      interruptions.before = async (transaction) => {
        if (transaction === number) await world.write('other', [r]);
      };
    };
    const early = await make();
    hangsBefore(2, early.r);
    const whole = await world.settle(await world.request(early.request));
    expect(whole).toMatchObject({ outcome: 'APPLIED', counts: { applied: 4n } });
    const late = await make();
    hangsBefore(3, late.r);
    const gradual = { strategy: 'GRADUAL', batchSize: 2 } as const;
    const id = await world.request({ ...late.request, ...gradual });
    expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { applied: 2n } });
    expect(await openConflicts(id)).toMatchObject([{ key: late.a, aspect: 'EXISTENCE' }]);
  });

  test('and an end that others took from what comes back is not brought back unasked', async () => {
    const start = await world.write('start', [node('e-a', { x: 1 }), node('e-b'), relationship('e-r', 'e-a', 'e-b')]);
    await world.write('e-u', [goneRelationship('e-r')]);
    const undo = { by: { actor: 'e-u' }, from: { seq: start } };
    const preview = await world.rollback({ undo, dryRun: true, policy: { default: 'OVERWRITE' } });
    interruptions.recount();
    interruptions.before = async (transaction) => {
      if (transaction === 2) await world.write('other', [goneNode('e-a')]);
    };
    const id = await world.manager.execute(CALLER, {
      id: preview.id,
      expectPlan: preview.planHash ?? '',
      strategy: 'IMMEDIATE',
    });
    expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    expect(await openConflicts(id)).toMatchObject([{ key: 'e-r', aspect: 'ENDS' }]);
  });
});
