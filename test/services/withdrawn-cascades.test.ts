import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { ConflictPolicy } from '../../src/core/policy.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { Interruptions } from '../support/interruptions.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { CALLER, goneNode, goneRelationship, openWorld, type World } from '../support/rollback-world.ts';

let database: PgliteDatabase;
let world: World;
const interruptions = new Interruptions();
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
  world = await openWorld(database, { wrapGraph: interruptions.wrap });
});
afterAll(async () => {
  await world.close();
  await database.close();
});
beforeEach(() => interruptions.reset());

let round = 0;
const fresh = (): string => {
  round += 1;
  return `h${round}-`;
};

const policy: ConflictPolicy = { default: 'SKIP', dependency: 'OVERWRITE' };

/** `n` is what u made, and `r` what another hung on it and u wrote to: undoing u deletes both, or sets p of `r` back. */
async function hung() {
  const at = fresh();
  const start = await world.write('start', [node(`${at}a`), node(`${at}v`, { p: 0 })]);
  const write = (p: number) => [relationship(`${at}r`, `${at}a`, `${at}n`, { p })];
  await world.write(`${at}u`, [node(`${at}n`)]);
  await world.write('other', write(0));
  await world.write(`${at}u`, write(1));
  return { at, undo: { by: { actor: `${at}u` }, from: { seq: start } } };
}

/** Whoever does this to `n` makes it theirs, too: it is not to vanish any more. */
const take = (at: string) => world.write('other', [node(`${at}n`, { q: 1 })]);

async function expectTakenBack(id: string, at: string): Promise<void> {
  const content = await world.content();
  expect(content[`n:${at}n`]).toEqual(node(`${at}n`, { q: 1 }));
  expect(content[`r:${at}r`]).toEqual(relationship(`${at}r`, `${at}a`, `${at}n`, { p: 0 }));
  const rows = (await world.planRows(id)).filter(({ key }) => key === `${at}n` || key === `${at}r`);
  expect(rows).toMatchObject([
    { key: `${at}n`, state: 'SKIPPED', cascade: false },
    { key: `${at}r`, state: 'APPLIED', action: 'UPDATED', cascade: false },
  ]);
  const { proof, account } = (await world.details(id)) ?? {};
  expect(proof).toMatchObject({ matches: true });
  expect(account).toMatchObject({ overwritten: '1', deleted: '0', skipped: '1', left: '0', cascaded: '0' });
}

async function decide(operation: string, sides: Record<string, 'LIVE' | 'TARGET'>): Promise<void> {
  const conflicts = await world.conflictStore.select(operation, { status: 'OPEN' }, 0n, 10);
  const resolutions = conflicts.flatMap(({ id: conflict, key, version: expectVersion }) => {
    const side = sides[key];
    return side === undefined ? [] : [{ conflict, choice: { side }, expectVersion, remember: false }];
  });
  expect(resolutions).toHaveLength(Object.keys(sides).length);
  await world.manager.resolve(CALLER, { operation, resolutions });
}

describe('a relationship that was to vanish with a node, and does not since the node stays, is taken back for itself', () => {
  test('when its preview is executed', async () => {
    const { at, undo } = await hung();
    const preview = await world.rollback({ undo, policy, dryRun: true });
    expect(await world.planRows(preview.id)).toMatchObject([
      { key: `${at}n`, action: 'DELETED', state: 'PENDING' },
      { key: `${at}r`, action: 'DELETED', state: 'PENDING', cascade: true },
    ]);
    await take(at);
    const input = { id: preview.id, expectPlan: preview.planHash ?? '', strategy: 'IMMEDIATE' } as const;
    const executed = await world.settle(await world.manager.execute(CALLER, input));
    expect(executed).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
    await expectTakenBack(executed.id, at);
  });

  test('but not when its preview is executed and others have written to it since: nobody has seen what that would be', async () => {
    const { at, undo } = await hung();
    const preview = await world.rollback({ undo, policy, dryRun: true });
    await take(at);
    await world.write('other', [relationship(`${at}r`, `${at}a`, `${at}n`, { p: 1, z: 1 })]);
    const input = { id: preview.id, expectPlan: preview.planHash ?? '', strategy: 'IMMEDIATE' } as const;
    const executed = await world.settle(await world.manager.execute(CALLER, input));
    expect(executed).toMatchObject({ status: 'FAILED', counts: { applied: 0n } });
    expect((await world.details(executed.id))?.error_message).toContain('PLAN_CHANGED');
  });

  test.each(['IMMEDIATE', 'GRADUAL'] as const)('when the guard finds out, %s', async (strategy) => {
    const { at, undo } = await hung();
    interruptions.before = async (transaction) => {
      if (transaction === 2) await take(at);
    };
    const operation = await world.rollback({ undo, policy, strategy });
    expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
    await expectTakenBack(operation.id, at);
  });

  test('when the operation waits meanwhile', async () => {
    const { at, undo } = await hung();
    await world.write(`${at}u`, [node(`${at}v`, { p: 1 })]);
    await world.write('other', [node(`${at}v`, { p: 2 })]);
    const operation = await world.rollback({ undo, policy: { default: 'MANUAL', dependency: 'OVERWRITE' } });
    expect(operation.status).toBe('CONFLICT_RESOLUTION');
    await take(at);
    await world.runner.sweep();
    await world.until(async () => (await world.plans.openConflicts(operation.id)).count === 2n);
    await world.rest(operation.id);
    await decide(operation.id, { [`${at}n`]: 'LIVE', [`${at}v`]: 'TARGET' });
    const ended = await world.settle(operation.id);
    expect(ended).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
    const content = await world.content();
    expect(content[`r:${at}r`]?.properties).toEqual({ p: 0 });
    expect(content[`n:${at}v`]?.properties).toEqual({ p: 0 });
    expect((await world.details(operation.id))?.proof).toMatchObject({ matches: true });
  });

  test('when the node is kept for what else hangs on it', async () => {
    const { at, undo } = await hung();
    await world.write(`${at}u`, [node(`${at}m`), relationship(`${at}nm`, `${at}n`, `${at}m`)]);
    await world.write('other', [relationship(`${at}s`, `${at}a`, `${at}m`)]);
    const operation = await world.rollback({ undo, policy: { default: 'MANUAL' } });
    await decide(operation.id, { [`${at}n`]: 'TARGET', [`${at}m`]: 'LIVE' });
    expect(await world.settle(operation.id)).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
    const content = await world.content();
    expect(content).toHaveProperty(`n:${at}n`);
    expect(content[`r:${at}r`]?.properties).toEqual({ p: 0 });
    expect((await world.details(operation.id))?.proof).toMatchObject({ matches: true });
  });
});

describe('a node that u changed, and another deleted', () => {
  /** It comes back as an end of a relationship that u deleted. */
  async function ended() {
    const at = fresh();
    const parts = [node(`${at}a`, { p: 0 }), node(`${at}b`), relationship(`${at}r`, `${at}a`, `${at}b`)];
    const start = await world.write('start', parts);
    await world.write(`${at}u`, [node(`${at}a`, { p: 1 }), goneRelationship(`${at}r`)]);
    await world.write('other', [goneNode(`${at}a`)]);
    return { at, undo: { by: { actor: `${at}u` }, from: { seq: start } } };
  }

  test('and that was to stay away comes back as it last was, which leaves something out', async () => {
    const at = fresh();
    const start = await world.write('start', [
      ...[node(`${at}a`, { p: 0 }), node(`${at}b`), node(`${at}c`)],
      relationship(`${at}r`, `${at}a`, `${at}b`),
    ]);
    await world.write(`${at}u`, [node(`${at}a`, { p: 1 }), relationship(`${at}r`, `${at}c`, `${at}b`)]);
    await world.write('other', [goneNode(`${at}a`)]);
    const operation = await world.rollback({ undo: { by: { actor: `${at}u` }, from: { seq: start } }, policy });
    expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
    expect(operation.counts).toMatchObject({ applied: 2n, skipped: 1n });
    const content = await world.content();
    expect(content[`n:${at}a`]?.properties).toEqual({ p: 1 });
    expect(content[`r:${at}r`]).toMatchObject({ start: `${at}a` });
  });

  test('and about which a person decides comes back by that', async () => {
    const { at, undo } = await ended();
    const operation = await world.rollback({ undo, policy: { default: 'MANUAL', dependency: 'OVERWRITE' } });
    expect(operation.status).toBe('CONFLICT_RESOLUTION');
    await decide(operation.id, { [`${at}a`]: 'TARGET' });
    expect(await world.settle(operation.id)).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect((await world.content())[`n:${at}a`]?.properties).toEqual({ p: 0 });
  });
});
