import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RollbackRequest } from '../../src/services/contract.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';
import { node } from '../support/graph-writes.ts';
import type { Death } from '../support/mortal.ts';
import { runMortal } from '../support/mortal-instance.ts';
import { CALLER, goneNode, openWorld, type Wanted, type World } from '../support/rollback-world.ts';

/** With the rows of the plan stored, and nothing after that. */
const AFTER_ROWS: Death = { of: new Set(['put']), call: 1, moment: 'after' };

describe.each(engines)('a restore whose planning is taken up by another instance, on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: World;
  let round = 0;
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database, { queue: 'none' });
  });
  afterAll(async () => {
    await world.close();
    await engine.close();
  });

  const thing = (name: string, properties = {}) => node(`${name}${round}`, properties);

  /** U changed a and b and created c. The first instance that plans their restore dies at a call. */
  async function dying(death: Death, more: Partial<RollbackRequest> = {}) {
    round += 1;
    const to = { seq: await world.write('start', [thing('a', { p: 0 }), thing('b', { p: 0 })]) };
    await world.write('u', [thing('a', { p: 1 }), thing('b', { p: 1 }), thing('c', { p: 1 })]);
    const id = await world.request({ to, ...more });
    return { id, died: await runMortal(world, id, death) };
  }

  async function ended(id: string) {
    await world.runner.run(id);
    return { operation: await world.read(id), proof: (await world.details(id))?.proof };
  }

  const now = async () => {
    const content = await world.content();
    const held = ['a', 'b', 'c', 'x'].map((name) => [name, content[`n:${name}${round}`]?.properties]);
    return Object.fromEntries(held.filter(([, properties]) => properties !== undefined));
  };

  test.each<[string, () => Wanted[], Record<string, unknown>, bigint]>([
    ['something else', () => [thing('x')], { a: { p: 0 }, b: { p: 0 }, x: {} }, 3n],
    ['another property of what goes back', () => [thing('a', { p: 1, q: 5 })], { a: { p: 0, q: 5 }, b: { p: 0 } }, 3n],
    ['what goes back, to just that', () => [thing('a', { p: 0 })], { a: { p: 0 }, b: { p: 0 } }, 2n],
    ['what would vanish away', () => [goneNode(`c${round}`)], { a: { p: 0 }, b: { p: 0 } }, 2n],
  ])('accounts for others who wrote %s meanwhile', async (_name, wanted, left, applied) => {
    const { id, died } = await dying(AFTER_ROWS);
    expect([died, (await world.read(id)).status]).toEqual([true, 'ANALYZING']);
    await world.write('other', wanted());
    const { operation, proof } = await ended(id);
    expect(operation).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts: { applied } });
    expect(proof).toMatchObject({ method: 'CONTINUOUS_CHECKSUM', matches: true });
    expect(await now()).toEqual(left);
  });

  test('asks about what others wrote on top meanwhile', async () => {
    const { id } = await dying(AFTER_ROWS);
    await world.write('other', [thing('a', { p: 7 })]);
    await world.runner.run(id);
    expect(await world.read(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { conflicted: 1n } });
    const [conflict] = await world.conflictStore.select(id, {}, 0n, 10);
    if (conflict === undefined) throw new Error('nothing is asked');
    const decided = { conflict: conflict.id, choice: { side: 'TARGET' }, expectVersion: 1, remember: false } as const;
    await world.manager.resolve(CALLER, { operation: id, resolutions: [decided] });
    const { operation, proof } = await ended(id);
    expect(operation).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(proof).toMatchObject({ method: 'CONTINUOUS_CHECKSUM', matches: true });
    expect(await now()).toEqual({ a: { p: 0 }, b: { p: 0 } });
  });

  test('is previewed as of the head that was frozen first, and executed', async () => {
    const { id } = await dying(AFTER_ROWS, { dryRun: true });
    const { headSeq: frozen } = await world.read(id);
    await world.write('other', [thing('x')]);
    const { operation } = await ended(id);
    expect(operation).toMatchObject({ outcome: 'PREVIEWED', headSeq: frozen, undo: { until: frozen } });
    const expectPlan = operation.planHash ?? '';
    const execution = await world.manager.execute(CALLER, { id, expectPlan, strategy: 'IMMEDIATE' });
    const executed = await ended(execution);
    expect(executed.operation).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(executed.proof).toMatchObject({ method: 'CONTINUOUS_CHECKSUM', matches: true });
    expect(await now()).toEqual({ a: { p: 0 }, b: { p: 0 }, x: {} });
  });

  test('comes to a proof that holds wherever the first instance dies while it plans', async () => {
    let deaths = 0;
    for (let call = 1; ; call += 1) {
      const { id, died } = await dying({ call, moment: call % 2 === 0 ? 'before' : 'after' });
      const { status } = await world.read(id);
      if (!['ROLLBACK_INITIATED', 'ANALYZING', 'CONFLICT_DETECTION'].includes(status)) break;
      expect(died).toBe(true);
      deaths += 1;
      await world.write('other', [thing('x'), thing('b', { p: 1, q: call })]);
      const { operation, proof } = await ended(id);
      expect([call, operation.status, proof?.method, proof?.matches]).toEqual([
        call,
        'COMPLETED',
        'CONTINUOUS_CHECKSUM',
        true,
      ]);
    }
    expect(deaths).toBeGreaterThan(10);
  }, 120_000);
});
