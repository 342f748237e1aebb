import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { InvalidInputError, LimitError, StateError } from '../../src/core/errors.ts';
import { conflictsIn, decision } from '../support/conflicted.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';
import { node } from '../support/graph-writes.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

const OTHER = { ...CALLER, actor: 'second' };

describe.each(engines)('the queue of conflicts that wait for a person, on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: World;
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database);
  });
  afterAll(async () => {
    await world.close();
    await engine.close();
  });

  const { conflicted, conflictsOf, resolve, heldBy } = conflictsIn(() => world);
  const problemOf = async (work: Promise<unknown>): Promise<string> => {
    const error = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof InvalidInputError)) throw new Error(`not refused as invalid: ${error}`);
    return error.fields.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ');
  };

  test('nothing is written while one is open, and nobody holds the operation', async () => {
    const { id, innocent, operation } = await conflicted();
    expect(operation).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { conflicted: 2n, planned: 1n } });
    expect(await heldBy(innocent)).toBe(1);
    const events = await world.events(id);
    expect(events.at(-1)).toMatchObject({ type: 'WAITING', status: 'CONFLICT_RESOLUTION' });
    await world.runner.sweep();
    expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    await world.manager.abort(CALLER, { id });
    await world.settle(id);
  });

  test('when the last one is decided the operation goes on by itself, each conflict as it was decided', async () => {
    const { id, keys, innocent } = await conflicted(5);
    const [a, b, c, d, e] = await conflictsOf(id);
    if (!a || !b || !c || !d || !e) throw new Error('too few conflicts');
    await resolve(id, decision(a, { side: 'LIVE' }), decision(b, { side: 'TARGET' }));
    expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    await resolve(id, decision(c, { side: 'BASE' }), decision(d, { value: 42 }), decision(e, { absent: true }));
    expect(await world.settle(id)).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
    expect(await Promise.all([...keys, innocent].map(heldBy))).toEqual([2, 0, 1, 42, undefined, 0]);
    expect((await world.details(id))?.proof).toMatchObject({ matches: true });
    const resolutions = (await conflictsOf(id)).map(({ resolution, resolvedBy }) => [resolution, resolvedBy]);
    expect(resolutions).toEqual([
      ['SKIP', 'tester'],
      ['OVERWRITE', 'tester'],
      ['MANUAL', 'tester'],
      ['MANUAL', 'tester'],
      ['MANUAL', 'tester'],
    ]);
    const types = (await world.events(id)).map(({ type }) => type);
    expect(types.filter((type) => type === 'CONFLICT_RESOLVED')).toHaveLength(5);
    expect(types.indexOf('RESUMED')).toBeGreaterThan(types.lastIndexOf('CONFLICT_RESOLVED'));
    expect(await world.audit(id)).toEqual([
      'OPERATION_REQUESTED',
      'OPERATION_ANALYZING',
      'OPERATION_CONFLICT_DETECTION',
      'OPERATION_CONFLICT_RESOLUTION',
      'CONFLICTS_RESOLVED',
      'CONFLICTS_RESOLVED',
      'OPERATION_EXECUTING',
      'OPERATION_PARTIALLY_COMPLETED',
    ]);
  });

  test('a decision that does not fit is refused, names its field, and decides nothing', async () => {
    const { id } = await conflicted();
    const [a, b] = await conflictsOf(id);
    if (!a || !b) throw new Error('too few conflicts');
    expect(await problemOf(resolve(id, decision(a, { side: 'LIVE' }), decision(b, { value: 'text' })))).toBe(
      'resolutions.1.choose.value must be of type INTEGER, not STRING',
    );
    expect(await problemOf(resolve(id, decision(a, { side: 'MERGED' })))).toMatch(/^resolutions\.0\.choose MERGED/);
    expect(await problemOf(resolve(id, { ...decision(a, { side: 'LIVE' }), expectLive: 'other' }))).toMatch(
      /^resolutions\.0\.expectLive live is [0-9a-f]{64} by now/,
    );
    expect(await problemOf(resolve(id, decision(a, { value: 3 }, true)))).toMatch(/^resolutions\.0\.remember only/);
    expect(await problemOf(resolve(id, decision(a, { side: 'LIVE' }), decision(a, { side: 'LIVE' })))).toBe(
      'resolutions.1.conflict is listed twice',
    );
    expect(await problemOf(resolve(id, { ...decision(a, { side: 'LIVE' }), conflict: world.keys.next() }))).toBe(
      'resolutions.0.conflict is not a conflict of this operation',
    );
    expect(await problemOf(resolve(id))).toBe('resolutions give exactly one of resolutions and all');
    const many = Array.from({ length: 1001 }, () => decision(a, { side: 'LIVE' }));
    await expect(resolve(id, ...many)).rejects.toThrow(LimitError);
    expect((await conflictsOf(id)).map(({ status, version }) => [status, version])).toEqual([
      ['OPEN', 1],
      ['OPEN', 1],
    ]);
    await world.manager.abort(CALLER, { id });
    expect(await world.settle(id)).toMatchObject({ status: 'ABORTED', outcome: 'ABORTED' });
    await expect(resolve(id, decision(a, { side: 'LIVE' }))).rejects.toThrow(StateError);
  });

  test('of two people who decide at once one is told that the other was first', async () => {
    const { id, keys } = await conflicted(1);
    const [a] = await conflictsOf(id);
    if (!a) throw new Error('no conflict');
    const both = await Promise.allSettled([
      world.manager.resolve(CALLER, { operation: id, resolutions: [decision(a, { value: 10 })] }),
      world.manager.resolve(OTHER, { operation: id, resolutions: [decision(a, { value: 20 })] }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await world.settle(id);
    const winner = both[0].status === 'fulfilled' ? ['tester', 10] : ['second', 20];
    const [{ resolvedBy } = { resolvedBy: null }] = await conflictsOf(id);
    expect([resolvedBy, await heldBy(keys[0])]).toEqual(winner);
  });

  test('all that match are decided at once, if there are as many as was said', async () => {
    const { id, keys } = await conflicted(3);
    const all = (expectCount: bigint) => ({
      operation: id,
      resolutions: [],
      all: { where: { status: 'OPEN', type: 'VALUE' } as const, choice: { side: 'TARGET' } as const, expectCount },
    });
    expect(await problemOf(world.manager.resolve(CALLER, all(2n)))).toBe('all.expectCount is 2, but 3 conflicts match');
    await world.manager.resolve(CALLER, all(3n));
    expect(await world.settle(id)).toMatchObject({ outcome: 'APPLIED' });
    expect(await Promise.all(keys.map(heldBy))).toEqual([0, 0, 0]);
  });

  test('a request under a key decides once', async () => {
    const { id } = await conflicted(2);
    const [a, b] = await conflictsOf(id);
    if (!a || !b) throw new Error('too few conflicts');
    const input = { operation: id, resolutions: [decision(a, { side: 'LIVE' })], idempotencyKey: `k${id}` };
    expect(await world.manager.resolve(CALLER, input)).toBe(id);
    expect(await world.manager.resolve(CALLER, input)).toBe(id);
    expect((await conflictsOf(id)).map(({ version }) => version)).toEqual([2, 1]);
    await world.manager.abort(CALLER, { id });
    await world.settle(id);
  });

  describe('while the graph moves on', () => {
    test('a decision holds when something else of its entity changes, and is open again when its own matter does', async () => {
      const { id, keys } = await conflicted(2);
      const [a, b] = await conflictsOf(id);
      if (!a || !b) throw new Error('too few conflicts');
      await resolve(id, decision(a, { side: 'TARGET' }));
      await world.write('other', [node(keys[0] ?? '', { p: 2, q: 'new' }, ['Doc'])]);
      await world.runner.sweep();
      await world.until(async () => (await conflictsOf(id))[0]?.liveHash !== a.liveHash);
      expect((await conflictsOf(id))[0]).toMatchObject({ status: 'RESOLVED', version: 2, choice: 'TARGET' });
      await world.write('other', [node(keys[0] ?? '', { p: 3, q: 'new' }, ['Doc'])]);
      await world.runner.sweep();
      await world.until(async () => (await conflictsOf(id))[0]?.version === 3);
      const [again] = await conflictsOf(id);
      expect(again).toMatchObject({ id: a.id, status: 'OPEN', live: 3, choice: null });
      expect((await conflictsOf(id))[1]).toMatchObject({ id: b.id, status: 'OPEN', version: 1 });
      const events = await world.events(id);
      expect(events.filter(({ message }) => message?.startsWith('Open again'))).toHaveLength(1);
      if (!again) throw new Error('no conflict');
      await world.rest(id);
      await resolve(id, decision(again, { side: 'TARGET' }), decision(b, { side: 'LIVE' }));
      await world.settle(id);
      expect((await world.content())[`n:${keys[0]}`]?.properties).toEqual({ p: 0, q: 'new' });
    });

    test('a change right before the last decision is seen before anything is written', async () => {
      const { id, keys, innocent } = await conflicted(1);
      const [a] = await conflictsOf(id);
      if (!a) throw new Error('no conflict');
      await world.write('other', [node(keys[0] ?? '', { p: 9 }, ['Doc'])]);
      await resolve(id, decision(a, { side: 'TARGET' }));
      await world.until(async () => (await conflictsOf(id))[0]?.version === 3);
      expect(await world.rest(id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
      expect([await heldBy(keys[0]), await heldBy(innocent)]).toEqual([9, 1]);
      await world.manager.abort(CALLER, { id });
      await world.settle(id);
    });

    test('what others settle themselves needs no decision any more', async () => {
      const { id, keys, innocent } = await conflicted(1);
      await world.write('other', [node(keys[0] ?? '', { p: 0 }, ['Doc'])]);
      await world.runner.sweep();
      expect(await world.settle(id)).toMatchObject({ outcome: 'APPLIED', counts: { applied: 1n } });
      expect([await heldBy(keys[0]), await heldBy(innocent)]).toEqual([0, 0]);
      expect((await conflictsOf(id))[0]).toMatchObject({ status: 'RESOLVED', choice: null });
    });
  });

  test('another instance finds it after a restart, and goes on with what was decided', async () => {
    const { id, keys } = await conflicted(1);
    const [a] = await conflictsOf(id);
    if (!a) throw new Error('no conflict');
    await world.close();
    const idle = await openWorld(engine.database, { queue: 'none' });
    await idle.manager.resolve(CALLER, { operation: id, resolutions: [decision(a, { side: 'TARGET' })] });
    await idle.close();
    world = await openWorld(engine.database);
    await world.settle(id);
    expect(await heldBy(keys[0])).toBe(0);
  });

  describe('remembered', () => {
    test('decides the same conflict of a later operation, which says so', async () => {
      const { id } = await conflicted(1);
      const [a] = await conflictsOf(id);
      if (!a) throw new Error('no conflict');
      await resolve(id, decision(a, { side: 'TARGET' }, true));
      await world.settle(id);
      expect(await world.conflictStore.rules(world.graphId)).toMatchObject([
        { kind: 'NODE', labels: ['Doc'], property: 'p', conflictType: 'VALUE', side: 'TARGET', createdBy: 'tester' },
      ]);
      const later = await conflicted(2);
      expect(later.operation).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
      expect(await Promise.all(later.keys.map(heldBy))).toEqual([0, 0]);
      expect(await conflictsOf(later.id)).toMatchObject([
        { remembered: true, resolvedBy: 'tester', choice: 'TARGET' },
        { remembered: true },
      ]);
      const events = await world.events(later.id);
      expect(events.filter(({ type }) => type === 'CONFLICT_RESOLVED')).toMatchObject([
        { message: expect.stringMatching(/^Decided as tester had done before/) },
        {},
      ]);
      const [rule] = await world.conflictStore.rules(world.graphId);
      await world.manager.forgetRule(CALLER, { id: rule?.id ?? '' });
      const last = await conflicted(1);
      expect(last.operation.status).toBe('CONFLICT_RESOLUTION');
      await world.manager.abort(CALLER, { id: last.id });
      await world.settle(last.id);
    });
  });
});
