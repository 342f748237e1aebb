import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { CaptureError } from '../../src/core/errors.ts';
import { FeedChangedError } from '../../src/ports/knowledge-graph.ts';
import { nodeOf, nodeRef, put } from '../support/captured.ts';
import { engines } from '../support/engines.ts';
import { expectExact, recordingWorlds } from '../support/recording-suite.ts';
import { overriding, type RecordingWorld } from '../support/recording-world.ts';

const AB = `INSERT INTO nodes VALUES ('a', '{Thing}', '{"x":1}'), ('b', '{Thing}', '{}')`;
const R = `INSERT INTO relationships VALUES ('r', 'KNOWS', 'a', 'b')`;
const many = (from: number, to: number) =>
  `INSERT INTO nodes SELECT 'n' || lpad(i::text, 3, '0'), '{Many}' FROM generate_series(${from}, ${to}) AS i`;

describe.each(engines)('the recorder on %s', (_, open) => {
  let world: RecordingWorld;
  const current = recordingWorlds(open);
  beforeEach(() => {
    world = current();
  });

  test('after a fence, history is the graph', async () => {
    const recorder = world.recorder();
    await world.sql(AB, R);
    await world.sql(`UPDATE nodes SET properties = '{"x":2}' WHERE key = 'a'`);
    await recorder.fence();
    await world.sql('DELETE FROM relationships', `DELETE FROM nodes WHERE key = 'b'`);
    await recorder.fence();
    await expectExact(world);
    const transactions = await world.transactions();
    expect(transactions.map(({ changeCount, source }) => [changeCount, source])).toEqual([
      [3n, 'SQL'],
      [1n, 'SQL'],
      [2n, 'SQL'],
    ]);
    // The end of a scan is always a cut. Inside one, a server may have to say no: a transaction that is open in any of its databases
    // leaves the instant before the next commit undecided. The only connection of PGlite decides every one.
    expect(transactions.slice(1).map(({ cut }) => cut)).toEqual([true, true]);
    if (world.database.engine === 'pglite') expect(transactions[0]?.cut).toBe(true);
    expect((await world.record()).captureError).toBeNull();
  });

  test('what waits is left alone while more is being written, until somebody asks or the time is over', async () => {
    let time = Date.now();
    let looks = 0;
    const graph = overriding(world.graph, {
      inspectCapture: async () => {
        looks += 1;
        return world.graph.inspectCapture();
      },
    });
    const recorder = world.recorder({ clock: { now: () => new Date(time) }, graph }, { busyMs: 1, idleMs: 1 });
    const waiting = async () => (await world.graph.pending()).transactions;
    const until = async (holds: () => Promise<boolean>) => {
      while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    recorder.holdOff(1000);
    recorder.start();
    await world.sql(AB);
    const before = looks;
    await until(async () => looks > before + 3);
    expect(await waiting()).toBe(1n);
    await recorder.fence();
    expect(await waiting()).toBe(0n);
    await world.sql(R);
    const after = looks;
    await until(async () => looks > after + 3);
    expect(await waiting()).toBe(1n);
    recorder.poke();
    await until(async () => (await waiting()) === 0n);
    recorder.holdOff(1000);
    await world.sql('DELETE FROM relationships');
    time += 1000;
    await until(async () => (await waiting()) === 0n);
    await expectExact(world);
  });

  test('writers at the same time are recorded in an order that fits, and every fence sees what came before it', async () => {
    const recorder = world.recorder({}, { maxChanges: 7 });
    recorder.start();
    await put(
      world.graph,
      [0, 1, 2].map((shared) => nodeOf(`shared${shared}`)),
    );
    const writers = Array.from({ length: 6 }, async (__, writer) => {
      for (let round = 0; round < 8; round += 1) {
        const states = [nodeOf(`own${writer}`, { round }), nodeOf(`shared${round % 3}`, { writer, round })];
        await put(world.graph, states);
        await recorder.fence();
        const { head } = await world.record();
        const found = await world.history.statesAt(world.graphId, head.seq, [nodeRef(`own${writer}`)]);
        expect([...found.values()]).toEqual([states[0]]);
      }
    });
    await Promise.all(writers);
    await expectExact(world);
    expect(await world.transactions()).toHaveLength(49);
    expect((await world.record()).captureError).toBeNull();
  });

  test('who wrote is kept, the session as the resolver knows it', async () => {
    const recorder = world.recorder();
    const context = { id: randomUUID(), source: 'API' as const, actor: 'ada', session: 'import', operation: null };
    await put(world.graph, [nodeOf('a')], context);
    await recorder.fence();
    const byId = await world.history.transactionsByFeedId(world.graphId, [context.id]);
    expect(byId.get(context.id)).toMatchObject({ actor: 'ada', sessionId: 'id of import', source: 'API' });
  });

  test('values that a rollback put back keep their origins', async () => {
    const operation = randomUUID();
    const asked: unknown[] = [];
    const originsFor = async (...args: unknown[]) => {
      asked.push(args);
      return new Map([['n:a', { 'p:x': '1' }]]);
    };
    const recorder = world.recorder({ putBack: { originsFor } });
    await put(world.graph, [nodeOf('a', { x: 1 })]);
    await put(world.graph, [nodeOf('a', { x: 2 })]);
    const context = { id: randomUUID(), source: 'ROLLBACK' as const, actor: null, session: null, operation };
    await put(world.graph, [nodeOf('a', { x: 1 })], context);
    await recorder.fence();
    expect(asked).toEqual([[operation, [nodeRef('a')]]]);
    const versions = await world.history.windowVersions(world.graphId, [nodeRef('a')], 0n, 3n);
    expect(versions.get('n:a')?.at(-1)?.origins).toMatchObject({ 'p:x': '1' });
  });

  test('a recorder that dies after storing and before acknowledging stores nothing twice', async () => {
    const acknowledge = async () => {
      throw new Error('killed');
    };
    const dying = world.recorder({ graph: overriding(world.graph, { acknowledge }) });
    await world.sql(AB);
    await world.sql(R);
    await expect(dying.fence()).rejects.toThrow('killed');
    expect(await world.transactions()).toHaveLength(2);
    await dying.stop();
    await world.sql(`UPDATE nodes SET properties = '{"x":3}' WHERE key = 'a'`);
    await world.recorder().fence();
    expect(await world.transactions()).toHaveLength(3);
    await expectExact(world);
  });

  test('a recorder that dies in the middle of a large transaction leaves nothing of it', async () => {
    let appends = 0;
    const append: typeof world.history.append = async (lease, entries) => {
      appends += 1;
      if (appends === 4) throw new Error('killed');
      return world.history.append(lease, entries);
    };
    const dying = world.recorder({ history: overriding(world.history, { append }) }, { maxChanges: 10 });
    await world.sql(AB);
    await world.sql(many(1, 50), `UPDATE nodes SET properties = '{"x":9}' WHERE key = 'a'`);
    await expect(dying.fence()).rejects.toThrow('killed');
    expect((await world.record()).head.seq).toBe(1n);
    await dying.fence();
    await expectExact(world);
    expect(await world.transactions()).toMatchObject([{ changeCount: 2n }, { changeCount: 51n }]);
    expect((await world.record()).captureError).toBeNull();
  });

  test('fences at the same time share a scan, and one with nothing to wait for costs two statements', async () => {
    let scans = 0;
    const feed: typeof world.graph.feed = (size) => {
      scans += 1;
      return world.graph.feed(size);
    };
    const recorder = world.recorder({ graph: overriding(world.graph, { feed }) }, { inspectMs: 60_000 });
    await world.sql(AB);
    await Promise.all(Array.from({ length: 20 }, () => recorder.fence()));
    // The first fence begins one; the others may come too late for it.
    expect(scans).toBeLessThanOrEqual(2);
    const statements: string[] = [];
    const end = world.database.onStatement((text) => statements.push(text));
    await recorder.fence();
    end();
    expect(statements.length).toBeLessThanOrEqual(2);
  });

  test('an instance that does not record waits for the one that does, and takes over when it stops', async () => {
    const [first, second] = [world.recorder(), world.recorder()];
    first.start();
    await world.sql(AB);
    await first.fence();
    await world.sql(R);
    await second.fence();
    await expectExact(world);
    await first.stop();
    await world.sql(`UPDATE nodes SET properties = '{"x":5}' WHERE key = 'a'`);
    await second.fence();
    await expectExact(world);
    await expect(first.fence()).rejects.toThrow(CaptureError);
  });

  test('an instance that died loses its lease, one that lives and does not keep up makes fences fail', async () => {
    const dead = await world.history.acquireLease(world.graphId, 'dead', 2_000);
    expect(dead).not.toBeNull();
    await world.sql(AB);
    await expect(world.recorder({}, { fenceTimeoutMs: 50 }).fence()).rejects.toThrow(CaptureError);
    await world.recorder({}, { fenceTimeoutMs: 20_000 }).fence();
    await expectExact(world);
  });

  test('an instance keeps its lease while the graph says nothing for longer than that lasts', async () => {
    const feed: typeof world.graph.feed = async function* (size) {
      await sleep(1200);
      yield* world.graph.feed(size);
    };
    const silent = world.recorder({ graph: overriding(world.graph, { feed }) }, { leaseMs: 300 });
    await world.sql(AB);
    let isDone = false;
    const fence = silent.fence().finally(() => {
      isDone = true;
    });
    const taken: unknown[] = [];
    // At first nobody has it.
    await sleep(100);
    while (!isDone) {
      taken.push(await world.history.acquireLease(world.graphId, 'other', 10_000));
      await sleep(20);
    }
    await fence;
    expect(new Set(taken)).toEqual(new Set([null]));
    await expectExact(world);
  });

  test('a scan of what changed while it was read is made anew', async () => {
    let scans = 0;
    const feed: typeof world.graph.feed = async function* (size) {
      scans += 1;
      yield* world.graph.feed(size);
      if (scans < 3) throw new FeedChangedError('an entry is not where it was');
    };
    const recorder = world.recorder({ graph: overriding(world.graph, { feed }) });
    await world.sql(AB);
    await world.sql(many(1, 50));
    await recorder.fence();
    expect(scans).toBe(3);
    await expectExact(world);
    expect((await world.record()).captureError).toBeNull();
  });

  test('in the background, what is written arrives by itself and wakes those who wait', async () => {
    const recorder = world.recorder();
    recorder.start();
    const woken = new Promise<void>((resolve) => world.bus.subscribe(`graph:${world.graphId}`, resolve));
    await world.sql(AB);
    await woken;
    await expectExact(world);
    await recorder.stop();
    expect(await world.history.acquireLease(world.graphId, 'next', 1000)).not.toBeNull();
  });
});
