import { describe, expect, test } from '@jest/globals';
import { StaleTokenError } from '../../src/ports/knowledge-graph.ts';
import { LeaseLostError } from '../../src/ports/operation-store.ts';
import { takeMarker, writeBatch } from '../../src/services/rollback/batch.ts';
import { OperationRun, UNWATCHED } from '../../src/services/rollback/operation-run.ts';
import { engines } from '../support/engines.ts';
import { node } from '../support/graph-writes.ts';
import { CALLER, openWorld } from '../support/rollback-world.ts';

describe.each(engines)('an instance whose lease was taken over, on %s', (_, open) => {
  test('can write neither to the operation nor to the graph', async () => {
    const { database, close } = await open();
    const world = await openWorld(database, { queue: 'none' });
    const start = await world.write('start', [node('a', { p: 0 })]);
    await world.write('u', [node('a', { p: 1 })]);
    const id = await world.manager.request(CALLER, {
      graph: 'demo',
      undo: { by: { actor: 'u' }, from: { seq: start } },
      dryRun: false,
      strategy: 'IMMEDIATE',
      policy: { default: 'ABORT' },
      includeSchema: false,
    });
    const { deps } = world;
    const first = await world.operations.acquire(id, 'first', 400);
    expect(await world.operations.acquire(id, 'other', 400)).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const second = await world.operations.acquire(id, 'second', 60_000);
    if (first === null || second === null) throw new Error('not acquired');
    expect(second.lease.token).toBeGreaterThan(first.lease.token);
    const [stale, current] = [new OperationRun(deps, first, UNWATCHED), new OperationRun(deps, second, UNWATCHED)];

    await takeMarker(current);
    await expect(stale.advance({ progress: 50 })).rejects.toThrow(LeaseLostError);
    const applied = { fromGroup: 0n, toGroup: 9n };
    const batch = { applied, progress: 50, events: [{ type: 'PROGRESS', message: 'batch 1 of 1 written' }] } as const;
    await expect(stale.advance(batch)).rejects.toThrow(LeaseLostError);
    await expect(world.plans.reset(first.lease)).rejects.toThrow(LeaseLostError);
    await expect(takeMarker(stale)).rejects.toThrow(StaleTokenError);
    const write = {
      kind: 'NODE',
      key: 'a',
      moved: false,
      releases: false,
      expectedHash: null,
      after: null,
    } as const;
    await expect(writeBatch(stale, 1n, [write])).rejects.toThrow(StaleTokenError);
    expect((await world.content())['n:a']).toEqual(node('a', { p: 1 }));
    await world.close();
    await close();
  });
});
