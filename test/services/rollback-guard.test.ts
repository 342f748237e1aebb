import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConflictStrategy } from '../../src/core/policy.ts';
import { changedNodes } from '../support/changed-nodes.ts';
import { graphKinds, type OpenedGraphEngine } from '../support/graph-engines.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { Interruptions } from '../support/interruptions.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

let engine: OpenedGraphEngine;
let world: World;
const interruptions = new Interruptions();
beforeEach(() => interruptions.reset());

const history = (count = 2) => changedNodes(world, count, String);
/** Does it before the n-th graph transaction. */
const interrupt = (number: number, work: () => Promise<unknown>): void => {
  interruptions.before = async (transaction) => {
    if (transaction === number) await work();
  };
};

const heldBy = async (key: string | undefined) => (await world.content())[`n:${key}`]?.properties;

describe.each(graphKinds)('on %s', (_, open) => {
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database, { neo4j: engine.neo4j, wrapGraph: interruptions.wrap });
  }, 300_000);
  afterAll(async () => {
    await world.close();
    await engine.close();
  });

  describe('a writer between the plan and its execution', () => {
    const between = async (policy: ConflictStrategy, properties: Record<string, number>) => {
      const { keys, undo } = await history();
      interrupt(2, () => world.write('other', [node(keys[0] ?? '', properties)]));
      const operation = await world.rollback({ undo, policy: { default: policy } });
      return { operation, first: await heldBy(keys[0]), second: await heldBy(keys[1]) };
    };

    test('of another property keeps it, and the undo is written all the same', async () => {
      const { operation, first } = await between('ABORT', { p: 1, q: 5 });
      expect(operation.outcome).toBe('APPLIED');
      expect(first).toEqual({ p: 0, q: 5 });
    });

    test('of the same property ends it before it writes, under ABORT', async () => {
      const { operation, first, second } = await between('ABORT', { p: 5 });
      expect(operation).toMatchObject({ status: 'ABORTED', outcome: 'ABORTED' });
      expect([first, second]).toEqual([{ p: 5 }, { p: 1 }]);
    });

    test('of the same property makes it wait for a person, who decides, and then it goes on', async () => {
      const { operation, first, second } = await between('MANUAL', { p: 5 });
      expect(operation).toMatchObject({ status: 'CONFLICT_RESOLUTION', progress: 40 });
      expect([first, second]).toEqual([{ p: 5 }, { p: 1 }]);
      const [conflict] = await world.conflictStore.select(operation.id, {}, 0n, 10);
      const resolution = {
        conflict: conflict?.id ?? '',
        choice: { side: 'TARGET' },
        expectVersion: 1,
        remember: false,
      } as const;
      await world.manager.resolve(CALLER, { operation: operation.id, resolutions: [resolution] });
      expect(await world.settle(operation.id)).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
      expect(await heldBy(conflict?.key)).toEqual({ p: 0 });
      expect((await world.details(operation.id))?.proof).toMatchObject({ matches: true });
    });

    test('does not make it undo what was decided, once it has written by that', async () => {
      const { keys, undo } = await history(3);
      const [, second = '', third = ''] = keys;
      await world.write('other', [node(third, { p: 9 })]);
      const policy = { default: 'MANUAL' } as const;
      const { id } = await world.rollback({ undo, policy, strategy: 'GRADUAL', batchSize: 1 });
      const conflicts = () => world.conflictStore.select(id, {}, 0n, 10);
      const decide = async (key: string, side: 'LIVE' | 'TARGET') => {
        const { id: conflict = '', version = 0 } = (await conflicts()).find((each) => each.key === key) ?? {};
        const resolutions = [{ conflict, choice: { side }, expectVersion: version, remember: false }];
        await world.manager.resolve(CALLER, { operation: id, resolutions });
      };
      interruptions.recount();
      interrupt(3, () => world.write('other', [node(second, { p: 5 })]));
      await decide(third, 'LIVE');
      await world.until(async () => (await conflicts()).some(({ key }) => key === second));
      expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { applied: 1n } });
      await expect(decide(third, 'TARGET')).rejects.toMatchObject({
        fields: [{ path: ['resolutions', '0', 'conflict'], message: expect.stringContaining('began to write') }],
      });
      await decide(second, 'TARGET');
      expect(await world.settle(id)).toMatchObject({ outcome: 'SKIPPED', counts: { applied: 2n, skipped: 1n } });
      expect((await world.details(id))?.proof).toMatchObject({ matches: true });
      expect(await Promise.all(keys.map(heldBy))).toEqual([{ p: 0 }, { p: 0 }, { p: 9 }]);
    });

    test('of the same property stays, under SKIP', async () => {
      const { operation, first, second } = await between('SKIP', { p: 5 });
      expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
      expect([first, second]).toEqual([{ p: 5 }, { p: 0 }]);
      expect((await world.details(operation.id))?.proof).toMatchObject({ matches: true });
    });

    test('of the same property is overwritten knowingly, under OVERWRITE', async () => {
      const { operation, first } = await between('OVERWRITE', { p: 5 });
      expect(operation.outcome).toBe('APPLIED');
      expect(first).toEqual({ p: 0 });
      expect(await world.conflicts(operation.id)).toMatchObject([{ type: 'VALUE', resolution: 'OVERWRITE' }]);
    });

    test('who settles it himself leaves nothing to do there', async () => {
      const { operation, first, second } = await between('ABORT', { p: 0 });
      expect(operation.outcome).toBe('APPLIED');
      expect(operation.counts.applied).toBe(1n);
      expect([first, second]).toEqual([{ p: 0 }, { p: 0 }]);
    });

    test('who connects something to a node that is to vanish makes it a conflict', async () => {
      const start = await world.write('start', [node('w-b')]);
      await world.write('w-u', [node('w-a')]);
      interrupt(2, () => world.write('other', [relationship('w-r', 'w-a', 'w-b')]));
      const operation = await world.rollback({
        undo: { by: { actor: 'w-u' }, from: { seq: start } },
        policy: { default: 'SKIP' },
      });
      expect(operation.outcome).toBe('SKIPPED');
      expect(await world.conflicts(operation.id)).toMatchObject([
        { type: 'DEPENDENCY', key: 'w-a', resolution: 'SKIP' },
      ]);
      expect(await world.content()).toMatchObject({ 'n:w-a': node('w-a'), 'r:w-r': relationship('w-r', 'w-a', 'w-b') });
    });

    test('counts as another in a restore too, and the checksum accounts for it', async () => {
      const { keys, start } = await history();
      interrupt(2, () => world.write('other', [node(keys[0] ?? '', { p: 5 }), node(`${keys[0]}-new`)]));
      const operation = await world.rollback({ to: { seq: start }, policy: { default: 'SKIP' } });
      expect(operation.outcome).toBe('SKIPPED');
      expect([await heldBy(keys[0]), await heldBy(keys[1])]).toEqual([{ p: 5 }, { p: 0 }]);
      expect((await world.details(operation.id))?.proof).toMatchObject({
        method: 'CONTINUOUS_CHECKSUM',
        matches: true,
      });
    });

    const restless = async (policy: ConflictStrategy) => {
      const { keys, undo } = await history();
      const writer = { n: 10 };
      interruptions.before = async () => {
        writer.n += 1;
        await world.write('other', [node(keys[0] ?? '', { p: 1, n: writer.n })]);
      };
      return { keys, writer, operation: await world.rollback({ undo, policy: { default: policy } }) };
    };

    test('who never stops ends it under ABORT, and nothing is lost', async () => {
      const { keys, writer, operation } = await restless('ABORT');
      expect(operation).toMatchObject({ status: 'ABORTED' });
      expect((await world.details(operation.id))?.error_message).toMatch(/keep changing/);
      expect(await heldBy(keys[0])).toEqual({ p: 1, n: writer.n });
    });

    test('who never stops becomes a conflict: a person may try again, or leave it', async () => {
      const { keys, writer, operation } = await restless('MANUAL');
      expect(operation).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { conflicted: 1n } });
      const conflict = async () => (await world.conflictStore.select(operation.id, {}, 0n, 10))[0];
      const decide = async (side: 'TARGET' | 'LIVE') => {
        const { id = '', version = 0 } = (await conflict()) ?? {};
        const resolution = { conflict: id, choice: { side }, expectVersion: version, remember: false };
        await world.manager.resolve(CALLER, { operation: operation.id, resolutions: [resolution] });
      };
      expect(await conflict()).toMatchObject({ key: keys[0], type: 'DEPENDENCY', aspect: 'CONSTRAINT', version: 1 });
      await decide('TARGET');
      await world.until(async () => (await conflict())?.version === 3);
      expect(await world.rest(operation.id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
      expect((await conflict())?.explanation).toMatch(/Trying again did not help/);
      await decide('LIVE');
      expect(await world.settle(operation.id)).toMatchObject({
        outcome: 'SKIPPED',
        counts: { applied: 1n, skipped: 1n },
      });
      expect(await heldBy(keys[0])).toEqual({ p: 1, n: writer.n });
    });
  });

  describe('a gradual rollback', () => {
    test('writes in batches, each one graph transaction', async () => {
      const { keys, undo } = await history(25);
      const operation = await world.rollback({ undo, strategy: 'GRADUAL', batchSize: 10 });
      expect(operation.outcome).toBe('APPLIED');
      const recorded = await world.history.transactions(world.graphId, { operationId: operation.id }, { limit: 10 });
      expect(recorded.items.map(({ changeCount }) => changeCount)).toEqual([10n, 10n, 5n]);
      expect(await heldBy(keys[24])).toEqual({ p: 0 });
    });

    test('keeps to its rate', async () => {
      const { undo } = await history(30);
      const began = performance.now();
      await world.rollback({ undo, strategy: 'GRADUAL', batchSize: 10, maxChangesPerSecond: 30 });
      expect(performance.now() - began).toBeGreaterThan(600);
    });

    test('that is stopped after some batches is partly done, and can be undone', async () => {
      const { keys, undo } = await history(30);
      let operationId = '';
      interrupt(3, () => world.manager.abort(CALLER, { id: operationId, reason: 'enough' }));
      operationId = await world.request({ undo, strategy: 'GRADUAL', batchSize: 10 });
      const operation = await world.settle(operationId);
      expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'ABORTED' });
      expect(operation.counts.applied).toBe(20n);
      expect((await world.details(operationId))?.account).toMatchObject({ overwritten: '20', left: '10' });
      const undone = await world.settle(
        await world.manager.undo(CALLER, { id: operationId, policy: { default: 'ABORT' } }),
      );
      expect(undone.counts.applied).toBe(20n);
      expect(await heldBy(keys[0])).toEqual({ p: 1 });
    });

    test('that meets a conflict keeps its batches, waits, and goes on after them', async () => {
      const { keys, undo } = await history(30);
      interrupt(3, () => world.write('other', [node(keys[20] ?? '', { p: 9 })]));
      const operation = await world.rollback({ undo, strategy: 'GRADUAL', batchSize: 10 });
      expect(operation).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { applied: 10n, conflicted: 1n } });
      expect([await heldBy(keys[0]), await heldBy(keys[20]), await heldBy(keys[29])]).toEqual([
        { p: 0 },
        { p: 9 },
        { p: 1 },
      ]);
      const [conflict] = await world.conflictStore.select(operation.id, {}, 0n, 10);
      const resolution = {
        conflict: conflict?.id ?? '',
        choice: { side: 'LIVE' },
        expectVersion: 1,
        remember: false,
      } as const;
      await world.manager.resolve(CALLER, { operation: operation.id, resolutions: [resolution] });
      const ended = await world.settle(operation.id);
      expect(ended).toMatchObject({ outcome: 'SKIPPED', counts: { applied: 29n, skipped: 1n } });
      expect(await Promise.all(keys.map(heldBy))).toEqual(keys.map((_, at) => ({ p: at === 20 ? 9 : 0 })));
      const recorded = await world.history.transactions(world.graphId, { operationId: operation.id }, { limit: 10 });
      expect(recorded.items.map(({ changeCount }) => changeCount)).toEqual([10n, 10n, 9n]);
      const progress = (await world.events(operation.id)).map((event) => event.progress);
      expect(progress).toEqual([...progress].sort((a, b) => a - b));
    });

    test('that waits after some batches can be aborted, and is partly done', async () => {
      const { keys, undo } = await history(20);
      interrupt(3, () => world.write('other', [node(keys[19] ?? '', { p: 9 })]));
      const operation = await world.rollback({ undo, strategy: 'GRADUAL', batchSize: 10 });
      await world.manager.abort(CALLER, { id: operation.id });
      expect(await world.settle(operation.id)).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'ABORTED' });
      expect((await world.details(operation.id))?.account).toMatchObject({ overwritten: '10', left: '10' });
    });

    test('never separates a node from its relationships, and refuses what belongs together beyond a batch', async () => {
      const start = await world.write('start', [node('hub-z')]);
      const leaves = Array.from({ length: 5 }, (_, n) => `leaf${n}`);
      await world.write('hub-u', [
        ...leaves.map((key) => node(key)),
        ...leaves.map((key) => relationship(`r-${key}`, key, 'hub-z')),
      ]);
      const undo = { by: { actor: 'hub-u' }, from: { seq: start } };
      const refused = await world.rollback({ undo, strategy: 'GRADUAL', batchSize: 1 });
      expect(refused.status).toBe('FAILED');
      expect((await world.details(refused.id))?.error_message).toMatch(/^2 changes belong together/);
      const operation = await world.rollback({ undo, strategy: 'GRADUAL', batchSize: 3 });
      const recorded = await world.history.transactions(world.graphId, { operationId: operation.id }, { limit: 10 });
      expect(recorded.items.map(({ changeCount }) => changeCount)).toEqual([2n, 2n, 2n, 2n, 2n]);
    });
  });
});
