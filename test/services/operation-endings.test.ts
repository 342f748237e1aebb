import { beforeEach, describe, expect, test } from '@jest/globals';
import { StateError } from '../../src/core/errors.ts';
import { GraphError } from '../../src/ports/graph-error.ts';
import { graphEngines } from '../support/graph-engines.ts';
import { node } from '../support/graph-writes.ts';
import { interruptedWorld } from '../support/interrupted-world.ts';
import { CALLER, type World } from '../support/rollback-world.ts';

const gradual = { strategy: 'GRADUAL', batchSize: 10 } as const;

describe.each(graphEngines)('operations that end before they are done, on %s', (_, open) => {
  let world: World;
  const { interruptions, current, history, held } = interruptedWorld(open);
  beforeEach(() => {
    world = current();
  });

  test.each([
    ['aborted', true],
    ['FAILED', false],
  ])('one that ends %s before anybody has noted what it wrote has it in its account', async (_name, isAborted) => {
    const { keys, undo } = await history(5);
    let id = '';
    interruptions.after = async (transaction) => {
      if (transaction !== 2) return;
      if (isAborted) await world.manager.abort(CALLER, { id });
      throw isAborted ? new GraphError('the answer was lost', 'Lost', true) : new Error('the memory is gone');
    };
    id = await world.request({ undo });
    await world.until(async () => (await world.lease(id)) === null);
    await world.runner.sweep();
    expect(await world.settle(id)).toMatchObject({
      status: isAborted ? 'PARTIALLY_COMPLETED' : 'FAILED',
      outcome: isAborted ? 'ABORTED' : 'FAILED',
      counts: { applied: 5n },
    });
    expect((await world.details(id))?.account).toMatchObject({ overwritten: '5', left: '0' });
    expect(await held(keys)).toEqual(keys.map(() => 0));
    const undone = await world.manager.undo(CALLER, { id, policy: { default: 'ABORT' } });
    expect(await world.settle(undone)).toMatchObject({ outcome: 'APPLIED' });
    expect(await held(keys)).toEqual(keys.map(() => 1));
  });

  describe('an operation that failed part way', () => {
    async function broken(more: { conflict?: boolean } = {}) {
      const { keys, undo } = await history(30);
      if (more.conflict === true) await world.write('other', [node(keys[25] ?? '', { p: 9 })]);
      interruptions.before = async (transaction) => {
        if (transaction === 3) throw new Error('the disk is full');
      };
      const id = await world.request({
        undo,
        ...gradual,
        policy: { default: more.conflict === true ? 'MANUAL' : 'ABORT' },
      });
      return { id, keys };
    }

    test('is resumed by a new one that does what is left, once', async () => {
      const { id, keys } = await broken();
      expect(await world.settle(id)).toMatchObject({ status: 'FAILED', counts: { applied: 10n } });
      expect((await world.details(id))?.account).toMatchObject({ overwritten: '10', left: '20' });
      interruptions.before = undefined;
      const both = [1, 2].map(() => world.manager.resume(CALLER, { id, policy: null }));
      const [resumed = ''] = (await Promise.allSettled(both)).flatMap((one) =>
        one.status === 'fulfilled' ? one.value : [],
      );
      expect((await Promise.allSettled(both)).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await expect(world.manager.resume(CALLER, { id, policy: null })).rejects.toThrow(StateError);
      expect(await world.settle(resumed)).toMatchObject({
        type: 'UNDO',
        outcome: 'APPLIED',
        resumesId: id,
        counts: { planned: 20n, applied: 20n },
      });
      expect(await held(keys)).toEqual(keys.map(() => 0));
      expect((await world.details(resumed))?.proof).toMatchObject({ matches: true });
      await expect(world.manager.resume(CALLER, { id: resumed, policy: null })).rejects.toThrow(StateError);
    });

    test('of a whole graph is resumed, and the checksum accounts for both and for what others did meanwhile', async () => {
      const { keys, undo } = await history(30);
      interruptions.before = async (transaction) => {
        if (transaction === 3) throw new Error('the disk is full');
      };
      const to = { seq: undo.from.seq };
      const id = await world.request({ to, ...gradual, policy: { default: 'MANUAL' } });
      expect(await world.settle(id)).toMatchObject({ status: 'FAILED', counts: { applied: 10n } });
      interruptions.before = undefined;
      await world.write('other', [node(keys[29] ?? '', { p: 1, q: 'kept' }), node(`${keys[0]}-new`)]);
      await world.write('other', [node(keys[2] ?? '', { p: 0, q: 'too' })]);
      const resumed = await world.manager.resume(CALLER, { id, policy: null });
      expect(await world.settle(resumed)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 20n } });
      expect(await held(keys)).toEqual(keys.map(() => 0));
      const { proof } = (await world.details(resumed)) ?? {};
      expect(proof).toMatchObject({ method: 'CONTINUOUS_CHECKSUM', matches: true });
    });

    test('is reverted by its undo, of what it wrote', async () => {
      const { id, keys } = await broken();
      await world.settle(id);
      interruptions.before = undefined;
      const undone = await world.manager.undo(CALLER, { id, policy: { default: 'ABORT' } });
      expect(await world.settle(undone)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 10n } });
      expect(await held(keys)).toEqual(keys.map(() => 1));
    });

    test('carries its decisions over', async () => {
      const { id, keys } = await broken({ conflict: true });
      expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
      const [conflict] = await world.conflictStore.select(id, {}, 0n, 10);
      interruptions.recount();
      const resolution = { conflict: conflict?.id ?? '', choice: { value: 5 }, expectVersion: 1, remember: false };
      await world.manager.resolve(CALLER, { operation: id, resolutions: [resolution] });
      expect(await world.settle(id)).toMatchObject({ status: 'FAILED', counts: { applied: 10n } });
      interruptions.before = undefined;
      const resumed = await world.manager.resume(CALLER, { id, policy: null });
      expect(await world.settle(resumed)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 20n } });
      expect(await held(keys)).toEqual(keys.map((_unused, at) => (at === 25 ? 5 : 0)));
    });
  });
});
