import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { nodeOf } from '../support/captured.ts';
import { engines } from '../support/engines.ts';
import { expectExact, recordingWorlds } from '../support/recording-suite.ts';
import { overriding, type RecordingWorld } from '../support/recording-world.ts';

const AB = `INSERT INTO nodes VALUES ('a', '{Thing}', '{"x":1}'), ('b', '{Thing}', '{}')`;
const R = `INSERT INTO relationships VALUES ('r', 'KNOWS', 'a', 'b')`;
const many = (from: number, to: number) =>
  `INSERT INTO nodes SELECT 'n' || lpad(i::text, 3, '0'), '{Many}' FROM generate_series(${from}, ${to}) AS i`;

describe.each(engines)('missed writes on %s', (_, open) => {
  let world: RecordingWorld;
  const current = recordingWorlds(open);
  beforeEach(() => {
    world = current();
  });

  test('a write that capture did not see is shown, reconciled and ends the epoch', async () => {
    const recorder = world.recorder();
    await world.sql(AB, R);
    await recorder.fence();
    await world.unseen(`UPDATE nodes SET properties = '{"x":7}' WHERE key = 'a'`);
    await world.sql(`UPDATE nodes SET properties = '{"x":8}' WHERE key = 'a'`);
    await recorder.fence();
    expect((await world.transactions()).map(({ source, epoch, cut }) => [source, epoch, cut])).toEqual([
      ['SQL', 1, true],
      ['RECONCILE', 2, false],
      ['SQL', 2, true],
    ]);
    const { captureError, reconciled, epoch } = await world.record();
    expect({ reconciled, epoch }).toEqual({ reconciled: 1n, epoch: 2 });
    expect(captureError).toMatch(/trigger/);
    const problems = await world.history.captureProblems(world.graphId, { limit: 100 });
    expect(problems.items).toContainEqual(expect.objectContaining({ kind: 'MISSED_WRITE', key: 'a' }));
    await recorder.fence();
    expect((await world.history.captureProblems(world.graphId, { limit: 100 })).items).toHaveLength(
      problems.items.length,
    );
    await expectExact(world);
  });

  test('a gap that recording meets while capture is being looked at ends one epoch and says why', async () => {
    await world.sql(AB);
    const first = world.recorder();
    await first.fence();
    await first.stop();
    await world.unseen(`UPDATE nodes SET properties = '{"x":7}' WHERE key = 'a'`);
    await world.sql(`UPDATE nodes SET properties = '{"x":8}' WHERE key = 'a'`);
    const met = Promise.withResolvers<void>();
    const inspectCapture: typeof world.graph.inspectCapture = async () => {
      await Promise.race([met.promise, sleep(500)]);
      return world.graph.inspectCapture();
    };
    const beginGap: typeof world.history.beginGap = async (...gap) => {
      const began = await world.history.beginGap(...gap);
      met.resolve();
      return began;
    };
    const deps = {
      graph: overriding<KnowledgeGraph>(world.graph, { inspectCapture }),
      history: overriding(world.history, { beginGap }),
    };
    await world.recorder(deps).fence();
    expect(await world.record()).toMatchObject({ epoch: 2, captureError: expect.stringMatching(/trigger/) });
    await expectExact(world);
  });

  test('a fence is not over before the look at capture that was under way: what that finds is not found later', async () => {
    await world.sql(AB);
    const gate = Promise.withResolvers<void>();
    let isDisturbed = true;
    const inspectCapture: typeof world.graph.inspectCapture = async () => {
      if (!isDisturbed) return [];
      isDisturbed = false;
      await gate.promise;
      return [{ kind: 'TRIGGER_GONE', message: 'found by the slow look', key: null, gap: true }];
    };
    const recorder = world.recorder({ graph: overriding<KnowledgeGraph>(world.graph, { inspectCapture }) });
    const slow = recorder.fence();
    const order: string[] = [];
    const fences = [recorder.fence(), recorder.certainFence().catch(() => {})].map((fence) =>
      fence.then(() => order.push('fence')),
    );
    await sleep(300);
    order.push('the look ends');
    gate.resolve();
    await Promise.all([slow, ...fences]);
    expect(order).toEqual(['the look ends', 'fence', 'fence']);
    expect(await world.record()).toMatchObject({ captureError: 'found by the slow look', gaps: 1n });
  });

  test('fences that look at capture at the same time share a look that has not begun', async () => {
    await world.sql(AB);
    let looks = 0;
    const inspectCapture: typeof world.graph.inspectCapture = async () => {
      looks += 1;
      return world.graph.inspectCapture();
    };
    const recorder = world.recorder({ graph: overriding<KnowledgeGraph>(world.graph, { inspectCapture }) });
    await Promise.all(Array.from({ length: 20 }, () => recorder.certainFence()));
    expect(looks).toBeLessThan(4);
    await recorder.certainFence();
    expect(looks).toBeGreaterThan(1);
  });

  test('an end and a deletion that capture did not see are put in front of what needs them', async () => {
    const recorder = world.recorder();
    await world.sql(AB, R);
    await recorder.fence();
    await world.unseen(`INSERT INTO nodes VALUES ('c', '{New}', '{"y":1}')`, 'DELETE FROM relationships');
    await world.sql(`INSERT INTO relationships VALUES ('s', 'KNOWS', 'a', 'c')`);
    await world.sql(`DELETE FROM nodes WHERE key = 'b'`);
    await recorder.fence();
    await expectExact(world);
    expect((await world.transactions()).map(({ source }) => source)).toEqual([
      'SQL',
      'RECONCILE',
      'SQL',
      'RECONCILE',
      'SQL',
    ]);
  });

  test('a large transaction on top of writes that capture did not see is stored whole, after what was missed', async () => {
    const recorder = world.recorder({}, { maxChanges: 10 });
    await world.sql(many(1, 40));
    await recorder.fence();
    await world.unseen(`UPDATE nodes SET properties = '{"x":1}' WHERE key IN ('n015', 'n025', 'n038')`);
    await world.sql(`UPDATE nodes SET properties = properties || '{"y":2}'`);
    await world.sql(AB);
    await recorder.fence();
    await expectExact(world);
    const transactions = await world.transactions();
    expect(transactions.map(({ source }) => source)).toEqual([
      'SQL',
      'RECONCILE',
      'RECONCILE',
      'RECONCILE',
      'SQL',
      'SQL',
    ]);
    expect(transactions[4]).toMatchObject({ changeCount: 40n });
    expect(await world.record()).toMatchObject({ reconciled: 3n, epoch: 2 });
  });

  test('a full comparison is recorded as one transaction of a new epoch, once', async () => {
    const recorder = world.recorder();
    await world.sql(AB);
    await recorder.fence();
    await world.unseen(many(1, 6), `DELETE FROM nodes WHERE key = 'b'`);
    const { live, recorded } = await world.compared();
    const had = new Set(recorded.map(({ key }) => key));
    const gone = recorded.filter(({ key }) => !live.some((state) => state.key === key));
    const changes = [
      ...live
        .filter(({ key }) => !had.has(key))
        .map((after) => ({ kind: after.kind, key: after.key, before: null, after })),
      ...gone.map((before) => ({ kind: before.kind, key: before.key, before, after: null })),
      { kind: 'NODE' as const, key: 'a', before: nodeOf('a', { other: 1 }), after: null },
    ];
    async function* parts() {
      for (const change of changes) yield [change];
    }
    const first = await recorder.reconcile('comparison', parts());
    expect(first).toMatchObject({ source: 'RECONCILE', seq: 2n, epoch: 2, changeCount: 7n, cut: true });
    expect(await recorder.reconcile('comparison', parts())).toMatchObject({ seq: 2n });
    expect(await recorder.reconcile('again', parts())).toBeNull();
    await expectExact(world);
  });

  test('a full comparison is recorded by the instance that made it, while another one records', async () => {
    await world.sql(AB);
    const [first, second] = [world.recorder(), world.recorder()];
    first.start();
    await first.fence();
    second.start();
    async function* parts() {
      yield [{ kind: 'NODE' as const, key: 'a', before: nodeOf('a', { x: 1 }, ['Thing']), after: null }];
    }
    const writing = (async () => {
      for (let i = 1; i <= 20; i += 1) {
        await world.sql(many(i, i));
        await first.fence();
      }
    })();
    expect(await second.reconcile('comparison', parts())).toMatchObject({ source: 'RECONCILE', changeCount: 1n });
    await writing;
    await Promise.all([first.fence(), second.fence()]);
    const sources = (await world.transactions()).map(({ source }) => source);
    expect(sources.filter((source) => source === 'RECONCILE')).toHaveLength(1);
    expect(sources).toHaveLength(22);
  });
});
