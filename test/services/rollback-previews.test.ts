import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { PlanChangedError, StateError } from '../../src/core/errors.ts';
import type { OperationRecord } from '../../src/ports/operation-store.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { CALLER, goneNode, goneRelationship, openWorld, type World } from '../support/rollback-world.ts';

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

let round = 0;
/** Two nodes that actor u changed, previewed. */
async function preview(policy: 'ABORT' | 'SKIP' | 'OVERWRITE' = 'ABORT') {
  round += 1;
  const [a, b, u] = [`a${round}`, `b${round}`, `u${round}`];
  const start = await world.write('start', [node(a, { p: 0 }), node(b, { p: 0 })]);
  await world.write(u, [node(a, { p: 1 }), node(b, { p: 1 })]);
  const operation = await world.rollback({
    undo: { by: { actor: u }, from: { seq: start } },
    dryRun: true,
    policy: { default: policy },
  });
  return { a, b, u, operation };
}

const execute = async ({ id, planHash }: OperationRecord, expectPlan = planHash ?? ''): Promise<OperationRecord> =>
  world.settle(await world.manager.execute(CALLER, { id, expectPlan, strategy: 'IMMEDIATE' }));

const heldBy = async (key: string) => (await world.content())[`n:${key}`]?.properties.p;

describe('executing a preview', () => {
  test('writes what it listed, under the same plan hash', async () => {
    const { a, operation } = await preview();
    expect(operation).toMatchObject({ status: 'COMPLETED', outcome: 'PREVIEWED' });
    expect(await heldBy(a)).toBe(1);
    const executed = await execute(operation);
    expect(executed).toMatchObject({ outcome: 'APPLIED', planHash: operation.planHash, rehearsalOfId: operation.id });
    expect(executed.counts.applied).toBe(2n);
    expect(await heldBy(a)).toBe(0);
    const listed = (await world.planRows(operation.id)).map(({ state, ...row }) => row);
    const written = (await world.planRows(executed.id)).map(({ state, ...row }) => row);
    expect(written).toEqual(listed);
  });

  test('goes on when others changed something else', async () => {
    const { a, operation } = await preview();
    await world.write('other', [node(`else${round}`)]);
    expect((await execute(operation)).outcome).toBe('APPLIED');
    expect(await heldBy(a)).toBe(0);
  });

  test('leaves out what others have settled meanwhile', async () => {
    const { a, b, operation } = await preview();
    await world.write('other', [node(a, { p: 0 })]);
    const executed = await execute(operation);
    expect(executed).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(executed.counts.applied).toBe(1n);
    expect([await heldBy(a), await heldBy(b)]).toEqual([0, 0]);
  });

  test('is refused when others changed what it would write', async () => {
    const { a, operation } = await preview();
    await world.write('other', [node(a, { p: 7 })]);
    await expect(execute(operation)).rejects.toThrow(PlanChangedError);
    expect(await heldBy(a)).toBe(7);
  });

  test('skips what others changed when the policy skips', async () => {
    const { a, b, operation } = await preview('SKIP');
    await world.write('other', [node(a, { p: 7 })]);
    expect(await execute(operation)).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
    expect([await heldBy(a), await heldBy(b)]).toEqual([7, 0]);
  });

  test('is refused when others hung something on what would vanish', async () => {
    const start = await world.write('start', [node('hang-b')]);
    await world.write('hang-u', [node('hang-a')]);
    const operation = await world.rollback({
      undo: { by: { actor: 'hang-u' }, from: { seq: start } },
      dryRun: true,
      policy: { default: 'OVERWRITE' },
    });
    await world.write('other', [relationship('hang-r', 'hang-a', 'hang-b')]);
    await expect(execute(operation)).rejects.toThrow(PlanChangedError);
  });

  test('is refused with another plan hash, and for what is no finished dry run', async () => {
    const { operation } = await preview();
    await expect(execute(operation, 'f'.repeat(64))).rejects.toThrow(PlanChangedError);
    const executed = await execute(operation);
    await expect(execute(executed)).rejects.toThrow(StateError);
  });
});

describe('undo and redo', () => {
  test('give the graph before the rollback, and the rolled-back graph again', async () => {
    const start = await world.write('start', [
      node('ur-a', { p: 0 }, ['L']),
      node('ur-b'),
      relationship('ur-r', 'ur-a', 'ur-b'),
    ]);
    await world.write('ur-u', [goneRelationship('ur-r'), node('ur-a', { p: 1, q: 2 }, ['M'])]);
    await world.write('ur-u', [goneNode('ur-b'), node('ur-c')]);
    const messy = await world.content();
    const rolledBack = await world.rollback({ undo: { by: { actor: 'ur-u' }, from: { seq: start } } });
    expect(rolledBack.outcome).toBe('APPLIED');
    const clean = await world.content();
    expect(clean).not.toEqual(messy);
    let last = rolledBack.id;
    for (let again = 0; again < 3; again += 1) {
      const undone = await world.settle(await world.manager.undo(CALLER, { id: last, policy: { default: 'ABORT' } }));
      expect(undone).toMatchObject({ type: 'UNDO', outcome: 'APPLIED' });
      expect(await world.content()).toEqual(again % 2 === 0 ? messy : clean);
      last = undone.id;
    }
  });

  test('a rollback that wrote nothing cannot be undone', async () => {
    const { operation } = await preview();
    await expect(world.manager.undo(CALLER, { id: operation.id, policy: { default: 'ABORT' } })).rejects.toThrow(
      StateError,
    );
  });
});

test('a safety point lies right before the first write of every rollback', async () => {
  const { operation } = await preview();
  const before = await world.content();
  const executed = await execute(operation);
  const point = await world.points.get(executed.safetyPointId ?? '');
  expect(point).toMatchObject({ origin: 'SAFETY' });
  const back = await world.rollback({ to: { point: executed.safetyPointId ?? '' } });
  expect(back.outcome).toBe('APPLIED');
  expect(await world.content()).toEqual(before);
});

test('events are gapless and progress never goes back', async () => {
  const { operation } = await preview();
  const { id } = await execute(operation);
  const events = await world.events(id);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => BigInt(at + 1)));
  const progress = events.map((event) => event.progress);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  expect(events.at(0)).toMatchObject({ type: 'STARTED', status: 'ROLLBACK_INITIATED' });
  expect(events.at(-1)).toMatchObject({ type: 'COMPLETED', status: 'COMPLETED', progress: 100 });
});
