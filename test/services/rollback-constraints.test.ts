import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { ConflictChoice } from '../../src/core/conflict-choice.ts';
import type { ConflictStrategy } from '../../src/core/policy.ts';
import type { Value } from '../../src/core/values.ts';
import type { StoredConflict } from '../../src/ports/conflict-store.ts';
import { undoesWithinConstraints } from '../support/constrained-undos.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { CALLER, goneNode, openWorld, type World } from '../support/rollback-world.ts';

describe.each(engines)('a graph with constraints, on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: World;
  const made: string[] = [];
  let round = 0;
  let id = '';
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database);
  });
  afterAll(async () => {
    await world.close();
    await engine.close();
  });
  afterEach(async () => {
    for (const name of made.splice(0)) await engine.database.query('SELECT graph_demo.drop_constraint($1)', [name]);
  });

  /** On nodes labelled for this test alone. */
  async function constrain(kind: string, properties: string[], types: string[] = []): Promise<string> {
    round += 1;
    id = `k${round}-`;
    const label = `L${round}`;
    const name = `constraint_${round}`;
    made.push(name);
    const sql = 'SELECT graph_demo.add_constraint($1, $2, $3, $4, $5::text[], $6::text[])';
    await engine.database.query(sql, [name, kind, 'NODE', label, properties, types]);
    return label;
  }

  const thing = (key: string, properties: Record<string, Value>, labels = [`L${round}`]) =>
    node(`${id}${key}`, properties, labels);
  const undo = (start: bigint, policy: ConflictStrategy = 'MANUAL', more: Parameters<World['request']>[0] = {}) =>
    world
      .request({ undo: { by: { actor: `${id}u` }, from: { seq: start } }, policy: { default: policy }, ...more })
      .then((operation) => world.rest(operation));
  const write = (by: string, wanted: Parameters<World['write']>[1]) => world.write(by === 'u' ? `${id}u` : by, wanted);
  const heldBy = async (key: string, property = 'email') =>
    (await world.content())[`n:${id}${key}`]?.properties[property];
  const conflicts = (operation: string): Promise<readonly StoredConflict[]> =>
    world.conflictStore.select(operation, {}, 0n, 100);
  const decide = async (operation: string, key: string, choice: ConflictChoice) => {
    const conflict = (await conflicts(operation)).find(
      (found) => found.key === `${id}${key}` && found.status === 'OPEN',
    );
    if (conflict === undefined) throw new Error(`nothing is open about ${key}`);
    const { id: conflictId, version: expectVersion } = conflict;
    const resolutions = [{ conflict: conflictId, choice, expectVersion, remember: false }];
    await world.manager.resolve(CALLER, { operation, resolutions });
    // It goes on by itself, and ends or waits for another decision.
    for (;;) {
      const reached = await world.rest(operation);
      if (reached.status !== 'CONFLICT_RESOLUTION') return reached;
      if ((await world.conflictStore.select(operation, { status: 'OPEN' }, 0n, 1)).length > 0) return reached;
      await setTimeout(5);
    }
  };

  /** U took a's email away, and b has it since. */
  async function taken(): Promise<bigint> {
    await constrain('UNIQUE', ['email']);
    const start = await write('start', [thing('a', { name: 'Ada', email: 'x', p: 0 }), thing('b', { name: 'Bob' })]);
    await write('u', [thing('a', { name: 'Ada', email: 'old', p: 1 }), thing('other', { p: 1 })]);
    await write('other', [thing('b', { name: 'Bob', email: 'x' })]);
    return start;
  }

  describe('a unique value that another has now', () => {
    test.each<ConflictStrategy>(['OVERWRITE', 'MERGE', 'MANUAL'])('is nothing that %s can decide', async (policy) => {
      const operation = await undo(await taken(), policy);
      expect(operation).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { conflicted: 1n } });
      expect(await conflicts(operation.id)).toMatchObject([
        {
          key: `${id}a`,
          type: 'DEPENDENCY',
          aspect: 'CONSTRAINT',
          property: 'email',
          target: 'x',
          live: 'old',
          overwritable: false,
          explanation: `L${round} "Ada" (${id}a) cannot get email "x" back: L${round} "Bob" (${id}b) has it, and constraint constraint_${round} allows it once. Say what L${round} "Bob" (${id}b) gets instead.`,
        },
      ]);
      await expect(decide(operation.id, 'a', { side: 'TARGET' })).rejects.toThrow('TARGET cannot be written');
      await world.manager.abort(CALLER, { id: operation.id });
      await world.settle(operation.id);
    });

    test('is skipped: that value stays as it is, and the rest goes back', async () => {
      const operation = await undo(await taken(), 'SKIP');
      expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
      expect([await heldBy('a'), await heldBy('a', 'p'), await heldBy('b')]).toEqual(['old', 0, 'x']);
      expect(await world.content()).not.toHaveProperty(`n:${id}other`);
    });

    test.each<[string, ConflictChoice, Value | undefined]>([
      ['a value that a person names', { value: 'bob' }, 'bob'],
      ['none', { absent: true }, undefined],
    ])('goes back when the other gets %s', async (_name, choice, left) => {
      const { id: operation } = await undo(await taken());
      expect(await decide(operation, 'a', choice)).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
      expect([await heldBy('a'), await heldBy('b'), await heldBy('b', 'name')]).toEqual(['x', left, 'Bob']);
      expect(await world.planRows(operation)).toMatchObject([
        { key: `${id}a`, cascade: false },
        { key: `${id}b`, cascade: true, reason: 'gets another value, since its own goes back to where it was' },
        { key: `${id}other`, cascade: false },
      ]);
      expect((await world.details(operation))?.proof).toMatchObject({ matches: true });
      // Undoing the rollback gives both back what they had.
      const again = await world.rollback({ undo: { by: { operation } } });
      expect(again).toMatchObject({ status: 'COMPLETED' });
      expect([await heldBy('a'), await heldBy('b')]).toEqual(['old', 'x']);
    });

    test('asks again when what the other is to get is taken as well', async () => {
      const start = await taken();
      await write('other', [thing('c', { email: 'c' })]);
      const { id: operation } = await undo(start);
      expect(await decide(operation, 'a', { value: 'c' })).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
      expect(await heldBy('a')).toBe('old');
      expect(await decide(operation, 'b', { value: 'd' })).toMatchObject({ status: 'COMPLETED' });
      expect([await heldBy('a'), await heldBy('b'), await heldBy('c')]).toEqual(['x', 'c', 'd']);
    });

    test('is open again when the other keeps what it has after all', async () => {
      const start = await taken();
      await write('other', [thing('c', { email: 'c' })]);
      const { id: operation } = await undo(start);
      await decide(operation, 'a', { value: 'c' });
      expect(await decide(operation, 'b', { side: 'LIVE' })).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
      expect((await conflicts(operation)).filter(({ status }) => status === 'OPEN')).toMatchObject([{ key: `${id}a` }]);
      expect(await decide(operation, 'a', { value: 'd' })).toMatchObject({ status: 'COMPLETED' });
      expect([await heldBy('a'), await heldBy('b'), await heldBy('c')]).toEqual(['x', 'd', 'c']);
    });

    test('keeps an entity away that does not exist, and what hangs on it', async () => {
      await constrain('UNIQUE', ['email']);
      const a = thing('a', { email: 'x' });
      const r = relationship(`${id}r`, `${id}a`, `${id}end`);
      const start = await write('start', [a, thing('end', {}), r]);
      await write('u', [{ kind: 'RELATIONSHIP', key: r.key, gone: true }, goneNode(a.key)]);
      await write('other', [thing('b', { email: 'x' })]);
      const operation = await undo(start, 'SKIP');
      expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
      expect(await world.planRows(operation.id)).toMatchObject([
        { key: `${id}a`, state: 'SKIPPED' },
        { key: `${id}r`, state: 'SKIPPED', reason: expect.stringContaining('stays away') },
      ]);
    });
  });

  describe('unique values that change hands within the plan', () => {
    test.each(['IMMEDIATE', 'GRADUAL'] as const)(
      'are swapped, %s: given up before they are taken',
      async (strategy) => {
        await constrain('KEY', ['email', 'n']);
        const emails = (...of: string[]) => of.map((email, at) => thing(`${at}`, { email, n: 1, kept: at }));
        const start = await write('start', emails('a', 'b', 'c', 'd'));
        await write(
          'u',
          ['0', '1', '2', '3'].map((key) => goneNode(`${id}${key}`)),
        );
        await write('u', emails('b', 'c', 'a', 'e'));
        const operation = await undo(start, 'SKIP', { strategy, ...(strategy === 'GRADUAL' && { batchSize: 3 }) });
        expect(operation).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
        expect(await Promise.all(['0', '1', '2', '3'].map((key) => heldBy(key)))).toEqual(['a', 'b', 'c', 'd']);
      },
    );

    test('are a group that no batch cuts', async () => {
      await constrain('UNIQUE', ['email']);
      const start = await write(
        'start',
        ['0', '1', '2'].map((key) => thing(key, { email: key })),
      );
      await write(
        'u',
        ['0', '1', '2'].map((key) => goneNode(`${id}${key}`)),
      );
      await write(
        'u',
        ['0', '1', '2'].map((key) => thing(key, { email: `${(Number(key) + 1) % 3}` })),
      );
      const operation = await undo(start, 'SKIP', { strategy: 'GRADUAL', batchSize: 2 });
      expect(operation).toMatchObject({ status: 'FAILED' });
      expect(await heldBy('0')).toBe('1');
      expect((await world.details(operation.id))?.error_message).toContain('3 changes belong together');
    });

    test('and that are skipped on one side are open on the other', async () => {
      await constrain('UNIQUE', ['email']);
      const start = await write('start', [thing('a', { email: '1', p: 0 }), thing('b', { email: '2' })]);
      await write('u', [thing('a', { email: '-', p: 0 })]);
      await write('u', [thing('b', { email: '1' })]);
      await write('u', [thing('a', { email: '2', p: 0 })]);
      await write('other', [thing('b', { email: '3' })]);
      await write('other', [thing('b', { email: '4' })]);
      // b's email is in conflict and stays, so nothing stands in the way of a's.
      const operation = await undo(start, 'SKIP');
      expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED' });
      expect([await heldBy('a'), await heldBy('b')]).toEqual(['1', '4']);
    });
  });

  describe('what would fail by itself', () => {
    /** U gave the property that a constraint has asked for since. */
    async function demanded(): Promise<bigint> {
      round += 1;
      id = `k${round}-`;
      const start = await write('start', [thing('a', { p: 0 }, [`L${round + 1}`])]);
      const before = id;
      await write('u', [thing('a', { p: 1, email: 'x' }, [`L${round + 1}`])]);
      await constrain('EXISTENCE', ['email']);
      id = before;
      return start;
    }

    test('cannot be overwritten, and is left as it is when skipped', async () => {
      const start = await demanded();
      const operation = await undo(start, 'OVERWRITE');
      expect(operation).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { conflicted: 1n } });
      expect(await conflicts(operation.id)).toMatchObject([
        { aspect: 'CONSTRAINT', property: 'email', live: 'x', target: null },
      ]);
      expect(await decide(operation.id, 'a', { side: 'LIVE' })).toMatchObject({ outcome: 'SKIPPED' });
      expect([await heldBy('a'), await heldBy('a', 'p')]).toEqual(['x', 1]);
    });

    test('goes back with a value that a person names, which must do', async () => {
      const operation = await undo(await demanded());
      expect(await decide(operation.id, 'a', { absent: true })).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
      await expect(decide(operation.id, 'a', { value: 5 })).rejects.toThrow('must be of type STRING');
      expect(await decide(operation.id, 'a', { value: 'y' })).toMatchObject({
        status: 'COMPLETED',
        outcome: 'APPLIED',
      });
      expect([await heldBy('a'), await heldBy('a', 'p')]).toEqual(['y', 0]);
    });

    test('for two reasons is decided for each', async () => {
      const label = await constrain('UNIQUE', ['email']);
      const start = await write('start', [thing('a', { email: 'x' }), thing('b', {})]);
      await write('u', [thing('a', { email: 1 })]);
      await write('other', [thing('b', { email: 2 })]);
      made.push('typed');
      const sql = "SELECT graph_demo.add_constraint('typed', 'TYPE', 'NODE', $1, '{email}', '{INTEGER}')";
      await engine.database.query(sql, [label]);
      const { id: operation } = await undo(start);
      // Of the right type, and another's.
      expect(await decide(operation, 'a', { value: 2 })).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
      expect(await decide(operation, 'a', { value: 3 })).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
      expect([await heldBy('a'), await heldBy('b')]).toEqual([2, 3]);
    });
  });

  test('undoes random histories of entities that compete for unique values', () =>
    undoesWithinConstraints(world, engine.database, 6));
});
