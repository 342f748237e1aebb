import { beforeEach, describe, expect, test } from '@jest/globals';
import { StateError } from '../../src/core/errors.ts';
import { graphEngines } from '../support/graph-engines.ts';
import { node } from '../support/graph-writes.ts';
import { interruptedWorld } from '../support/interrupted-world.ts';
import { CALLER, type World } from '../support/rollback-world.ts';

const gradual = { strategy: 'GRADUAL', batchSize: 10 } as const;

describe.each(graphEngines)('operations under the hands of people, on %s', (_, open) => {
  let world: World;
  const { interruptions, current, reopen, history, held } = interruptedWorld(open);
  beforeEach(() => {
    world = current();
  });

  describe('a gradual operation that is paused', () => {
    async function paused() {
      const { keys, undo } = await history(30);
      let id = '';
      interruptions.before = async (transaction) => {
        if (transaction === 3) await world.manager.pause(CALLER, { id });
      };
      id = await world.request({ undo, ...gradual });
      await world.until(async () => (await world.read(id)).counts.applied === 20n);
      await world.until(async () => (await world.lease(id)) === null);
      return { id, keys };
    }

    test('ends the batch in hand, holds no lease, and goes on when it is continued', async () => {
      const { id, keys } = await paused();
      await world.runner.sweep();
      expect(await world.read(id)).toMatchObject({ status: 'EXECUTING', paused: true, counts: { applied: 20n } });
      expect(await world.lease(id)).toBeNull();
      await expect(world.manager.pause(CALLER, { id })).rejects.toThrow(StateError);
      await world.manager.continue(CALLER, { id });
      expect(await world.settle(id)).toMatchObject({ outcome: 'APPLIED', paused: false, counts: { applied: 30n } });
      expect(await held(keys)).toEqual(keys.map(() => 0));
      await expect(world.manager.continue(CALLER, { id })).rejects.toThrow(StateError);
      const events = (await world.events(id)).map(({ type, message }) => `${type} ${message ?? ''}`);
      expect(events).toEqual(expect.arrayContaining(['WAITING Paused by tester', 'RESUMED Continued by tester']));
      expect(events.filter((event) => event.startsWith('PROGRESS batch'))).toHaveLength(3);
      expect(await world.audit(id)).toEqual(expect.arrayContaining(['OPERATION_PAUSED', 'OPERATION_CONTINUED']));
    });

    test('stays so across a restart, and can be aborted', async () => {
      const { id, keys } = await paused();
      world = await reopen();
      await world.runner.sweep();
      expect(await world.read(id)).toMatchObject({ status: 'EXECUTING', paused: true });
      await world.manager.abort(CALLER, { id });
      expect(await world.settle(id)).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'ABORTED' });
      expect(await held([keys[0] ?? '', keys[29] ?? ''])).toEqual([0, 1]);
    });

    test('cannot be one that writes in one transaction', async () => {
      const { undo } = await history(1);
      const id = await world.request({ undo });
      await expect(world.manager.pause(CALLER, { id })).rejects.toThrow(StateError);
      await world.settle(id);
    });
  });

  test('a key makes each request happen once', async () => {
    const { undo } = await history(30);
    const idempotencyKey = `once ${undo.by.actor}`;
    interruptions.before = async (transaction) => {
      if (transaction === 3) throw new Error('the disk is full');
    };
    const id = await world.request({ undo, ...gradual, maxChangesPerSecond: 50 });
    for (const change of ['pause', 'continue'] as const) {
      const twice = [1, 2].map(() => world.manager[change](CALLER, { id, idempotencyKey }));
      expect(await Promise.all(twice)).toEqual([id, id]);
    }
    await world.settle(id);
    interruptions.before = undefined;
    const resumed = [1, 2].map(() => world.manager.resume(CALLER, { id, policy: null, idempotencyKey }));
    const [first, second] = await Promise.all(resumed);
    expect(first).toBe(second);
    expect(await world.settle(first ?? '')).toMatchObject({ outcome: 'APPLIED' });
    expect((await world.audit(id)).filter((type) => /PAUSED|CONTINUED/.test(type))).toHaveLength(2);
  });

  test('undo and redo go as deep as one likes', async () => {
    const { keys, undo } = await history(3);
    const messy = await world.content();
    let last = (await world.rollback({ undo })).id;
    const clean = await world.content();
    expect(await held(keys)).toEqual([0, 0, 0]);
    for (let depth = 1; depth <= 5; depth += 1) {
      last = await world.manager.undo(CALLER, { id: last, policy: { default: 'ABORT' } });
      expect(await world.settle(last)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 3n } });
      expect(await world.content()).toEqual(depth % 2 === 1 ? messy : clean);
    }
  });

  describe('two operations at once', () => {
    test('run side by side where they write other entities', async () => {
      const [a, b] = [await history(30), await history(30)];
      interruptions.recount();
      const ids = await Promise.all([
        world.request({ undo: a.undo, ...gradual }),
        world.request({ undo: b.undo, ...gradual }),
      ]);
      for (const id of ids)
        expect(await world.settle(id)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 30n } });
      expect(await held([...a.keys, ...b.keys])).toEqual([...a.keys, ...b.keys].map(() => 0));
    });

    test('that write the same entities see each other as others: what one has done is no work for the other', async () => {
      const { keys, undo } = await history(20);
      const ids = await Promise.all(
        [1, 2].map(() => world.request({ undo, ...gradual, policy: { default: 'ABORT' } })),
      );
      const ended = [];
      for (const id of ids) ended.push(await world.settle(id));
      expect(ended.map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED']);
      expect(ended.reduce((sum, { counts }) => sum + counts.applied, 0n)).toBe(20n);
      expect(await held(keys)).toEqual(keys.map(() => 0));
    });

    test('that want different things of one entity conflict', async () => {
      const { keys, undo } = await history(1);
      await world.write('v', [node(keys[0] ?? '', { p: 2 })]);
      const before = await world.moments.live(world.graphId);
      let other = '';
      interruptions.before = async (transaction) => {
        if (transaction !== 2) return;
        other = await world.request({ undo: { by: { actor: 'v' }, from: { seq: before.seq - 1n } } });
        await world.settle(other);
      };
      // Overwriting takes p to 0; meanwhile the undo of v takes it to 1.
      const id = await world.request({ undo, policy: { default: 'ABORT', value: 'OVERWRITE' } });
      expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED' });
      expect((await world.read(other)).outcome).toBe('APPLIED');
      expect(await held(keys)).toEqual([0]);
      const recorded = await world.history.transactions(world.graphId, { operationId: id }, { limit: 10 });
      expect(recorded.items).toHaveLength(1);
    });
  });

  test('strategies combine: a gradual undo of one actor in one window among the nodes of one label', async () => {
    const labelled = (n: number, p: number, label: string) => node(`s${n}`, { p }, [label]);
    const label = (n: number) => (n % 2 === 0 ? 'Doc' : 'Other');
    const nodes = (p: number) => Array.from({ length: 30 }, (_unused, n) => labelled(n, p, label(n)));
    await world.write('start', nodes(0));
    const early = await world.write('agent', nodes(1).slice(0, 4));
    const from = await world.write('start', [node('s-clock', { t: 1 })]);
    await world.write('agent', nodes(2));
    await world.write('friend', [node('s-friend', { p: 1 }, ['Doc'])]);
    const operation = await world.rollback({
      undo: { by: { actor: 'agent' }, from: { seq: from } },
      scope: { labels: ['Doc'] },
      strategy: 'GRADUAL',
      batchSize: 4,
      maxChangesPerSecond: 1000,
    });
    expect(early).toBeLessThan(from);
    expect(operation).toMatchObject({ outcome: 'APPLIED', counts: { applied: 15n } });
    const expected = nodes(0).map((_unused, n) => (n % 2 === 1 ? 2 : n < 4 ? 1 : 0));
    expect(await held(nodes(0).map(({ key }) => key))).toEqual(expected);
    const recorded = await world.history.transactions(world.graphId, { operationId: operation.id }, { limit: 10 });
    expect(recorded.items.map(({ changeCount }) => changeCount)).toEqual([4n, 4n, 4n, 3n]);
  });
});
