import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { StateError } from '../../src/core/errors.ts';
import { GraphError } from '../../src/ports/graph-error.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { graphEngines, type OpenedGraphEngine } from '../support/graph-engines.ts';
import { node } from '../support/graph-writes.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

/** Called before each graph transaction of a rollback, with its number; the first takes the marker, the second writes batch 1. */
let intrude: ((transaction: number) => Promise<unknown>) | undefined;
let transactions = 0;
/** Called after each, when it has been committed. */
let afterwards: ((transaction: number) => Promise<unknown>) | undefined;

function interruptible(graph: KnowledgeGraph): KnowledgeGraph {
  const transaction: KnowledgeGraph['transaction'] = async (context, work) => {
    transactions += 1;
    await intrude?.(transactions);
    const number = transactions;
    const result = await graph.transaction(context, work);
    await afterwards?.(number);
    return result;
  };
  return new Proxy(graph, {
    get(target, name) {
      if (name === 'transaction') return transaction;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

describe.each(graphEngines)('operations under the hands of people, on %s', (_, open) => {
  let engine: OpenedGraphEngine;
  let world: World;
  const opened = () => openWorld(engine.database, { neo4j: engine.neo4j, wrapGraph: interruptible });
  beforeAll(async () => {
    engine = await open();
    world = await opened();
  }, 300_000);
  afterAll(async () => {
    await world.close();
    await engine.close();
  });
  afterEach(() => {
    intrude = undefined;
    afterwards = undefined;
  });

  let round = 0;
  /** Nodes whose property p went from 0 to 1 by `u`. */
  async function history(count: number, actor = `u${round + 1}`) {
    round += 1;
    transactions = 0;
    const keys = Array.from({ length: count }, (_unused, n) => `m${round}-${`${n}`.padStart(3, '0')}`);
    const start = await world.write(
      'start',
      keys.map((key) => node(key, { p: 0 })),
    );
    await world.write(
      actor,
      keys.map((key) => node(key, { p: 1 })),
    );
    return { keys, undo: { by: { actor }, from: { seq: start } } };
  }
  const held = async (keys: readonly string[]): Promise<unknown[]> => {
    const content = await world.content();
    return keys.map((key) => content[`n:${key}`]?.properties.p);
  };
  const gradual = { strategy: 'GRADUAL', batchSize: 10 } as const;

  describe('a gradual operation that is paused', () => {
    async function paused() {
      const { keys, undo } = await history(30);
      let id = '';
      intrude = async (transaction) => {
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
      await world.close();
      world = await opened();
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

  test.each([
    ['aborted', true],
    ['FAILED', false],
  ])('one that ends %s before anybody has noted what it wrote has it in its account', async (_name, isAborted) => {
    const { keys, undo } = await history(5);
    let id = '';
    afterwards = async (transaction) => {
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
      intrude = async (transaction) => {
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
      intrude = undefined;
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
      intrude = async (transaction) => {
        if (transaction === 3) throw new Error('the disk is full');
      };
      const to = { seq: undo.from.seq };
      const id = await world.request({ to, ...gradual, policy: { default: 'MANUAL' } });
      expect(await world.settle(id)).toMatchObject({ status: 'FAILED', counts: { applied: 10n } });
      intrude = undefined;
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
      intrude = undefined;
      const undone = await world.manager.undo(CALLER, { id, policy: { default: 'ABORT' } });
      expect(await world.settle(undone)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 10n } });
      expect(await held(keys)).toEqual(keys.map(() => 1));
    });

    test('carries its decisions over', async () => {
      const { id, keys } = await broken({ conflict: true });
      expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
      const [conflict] = await world.conflictStore.select(id, {}, 0n, 10);
      transactions = 0;
      const resolution = { conflict: conflict?.id ?? '', choice: { value: 5 }, expectVersion: 1, remember: false };
      await world.manager.resolve(CALLER, { operation: id, resolutions: [resolution] });
      expect(await world.settle(id)).toMatchObject({ status: 'FAILED', counts: { applied: 10n } });
      intrude = undefined;
      const resumed = await world.manager.resume(CALLER, { id, policy: null });
      expect(await world.settle(resumed)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 20n } });
      expect(await held(keys)).toEqual(keys.map((_unused, at) => (at === 25 ? 5 : 0)));
    });
  });

  test('a key makes each request happen once', async () => {
    const { undo } = await history(30);
    const idempotencyKey = `once-${round}`;
    intrude = async (transaction) => {
      if (transaction === 3) throw new Error('the disk is full');
    };
    const id = await world.request({ undo, ...gradual, maxChangesPerSecond: 50 });
    for (const change of ['pause', 'continue'] as const) {
      const twice = [1, 2].map(() => world.manager[change](CALLER, { id, idempotencyKey }));
      expect(await Promise.all(twice)).toEqual([id, id]);
    }
    await world.settle(id);
    intrude = undefined;
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
      transactions = 0;
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
      intrude = async (transaction) => {
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
