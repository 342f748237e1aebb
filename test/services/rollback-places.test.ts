import { describe, expect, test } from '@jest/globals';
import { changedNodes } from '../support/changed-nodes.ts';
import { engines } from '../support/engines.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

const SLOWLY = { strategy: 'GRADUAL', batchSize: 1, maxChangesPerSecond: 1 } as const;

describe.each(engines)('an instance that runs one operation at a time, on %s', (_, open) => {
  async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
    const engine = await open();
    const world = await openWorld(engine.database, { queue: 'pg-boss', concurrency: 1 });
    try {
      await work(world);
    } finally {
      await world.close();
      await engine.close();
    }
  }

  test('runs others while one waits for its rate, and that one goes on', () =>
    inWorld(async (world) => {
      const [slow, other] = [await changedNodes(world, 40), await changedNodes(world, 3)];
      const waiting = await world.request({ undo: slow.undo, ...SLOWLY });
      await world.until(async () => (await world.read(waiting)).counts.applied > 0n);
      const { applied } = (await world.read(waiting)).counts;
      expect(await world.rollback({ undo: other.undo })).toMatchObject({ outcome: 'APPLIED', counts: { applied: 3n } });
      expect(await world.read(waiting)).toMatchObject({ status: 'EXECUTING', outcome: null });
      await world.until(async () => (await world.read(waiting)).counts.applied > applied);
      await world.manager.abort(CALLER, { id: waiting });
      expect(await world.settle(waiting)).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'ABORTED' });
    }));

  test('lets one that waits for its rate end its batch when it is stopped', () =>
    inWorld(async (world) => {
      const { undo } = await changedNodes(world, 40);
      const id = await world.request({ undo, ...SLOWLY });
      await world.until(async () => (await world.read(id)).counts.applied > 0n);
      await world.runner.stop();
      expect(await world.lease(id)).toBeNull();
      expect(await world.read(id)).toMatchObject({ status: 'EXECUTING' });
    }));
});
