import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { EntityState } from '../../src/core/entities.ts';
import type { ConflictStrategy } from '../../src/core/policy.ts';
import type { Properties } from '../../src/core/values.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

let database: PgliteDatabase;
let world: World;
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
  world = await openWorld(database);
});
afterAll(async () => {
  await world.close();
  await database.close();
});

let round = 0;
/** A history with one conflict about undoing actor `u`, and an innocent change of the same actor beside it. */
interface Case {
  readonly prepare: (id: string, u: string) => Promise<bigint>;
  /** What is left of the case's own entities, by what was decided. */
  readonly skipped: (id: string) => EntityState[];
  readonly overwritten: (id: string) => EntityState[];
}

const cases: Record<string, Case> = {
  VALUE: {
    prepare: async (id, u) => {
      const start = await world.write('start', [node(`${id}a`, { p: 0 })]);
      await world.write(u, [node(`${id}a`, { p: 1 })]);
      await world.write('other', [node(`${id}a`, { p: 2 })]);
      return start;
    },
    skipped: (id) => [node(`${id}a`, { p: 2 })],
    overwritten: (id) => [node(`${id}a`, { p: 0 })],
  },
  TYPE: {
    prepare: async (id, u) => {
      const start = await world.write('start', [node(`${id}a`, { p: 0 })]);
      await world.write(u, [node(`${id}a`, { p: 1 })]);
      await world.write('other', [node(`${id}a`, { p: 'two' })]);
      return start;
    },
    skipped: (id) => [node(`${id}a`, { p: 'two' })],
    overwritten: (id) => [node(`${id}a`, { p: 0 })],
  },
  STRUCTURE: {
    prepare: async (id, u) => {
      const start = (await world.moments.live(world.graphId)).seq;
      await world.write(u, [node(`${id}a`)]);
      await world.write('other', [node(`${id}a`, { q: 1 })]);
      return start;
    },
    skipped: (id) => [node(`${id}a`, { q: 1 })],
    overwritten: () => [],
  },
  DEPENDENCY: {
    prepare: async (id, u) => {
      const start = await world.write('start', [node(`${id}b`)]);
      await world.write(u, [node(`${id}a`)]);
      await world.write('other', [relationship(`${id}r`, `${id}a`, `${id}b`)]);
      return start;
    },
    skipped: (id) => [node(`${id}a`), node(`${id}b`), relationship(`${id}r`, `${id}a`, `${id}b`)],
    overwritten: (id) => [node(`${id}b`)],
  },
};

async function run(name: string, strategy: ConflictStrategy, dryRun = false) {
  round += 1;
  const id = `c${round}`;
  const u = `u${round}`;
  const start = await cases[name]?.prepare(id, u);
  await world.write(u, [node(`${id}innocent`, { p: 1 })]);
  const operation = await world.rollback({
    undo: { by: { actor: u }, from: { seq: start ?? 0n } },
    policy: { default: strategy },
    dryRun,
  });
  const left = Object.values(await world.content()).filter(({ key }) => key.startsWith(id) && !/\d$/.test(key));
  return { id, operation, left, conflicts: await world.conflicts(operation.id) };
}

const byKey = (states: readonly EntityState[]): EntityState[] => [...states].sort((a, b) => (a.key < b.key ? -1 : 1));

describe.each(Object.entries(cases))('a %s conflict', (name, expected) => {
  test('with ABORT ends the operation before it writes', async () => {
    const { id, operation, left, conflicts } = await run(name, 'ABORT');
    expect(operation).toMatchObject({ status: 'ABORTED', outcome: 'ABORTED' });
    expect(byKey(left)).toEqual(byKey([...expected.skipped(id), node(`${id}innocent`, { p: 1 })]));
    expect(conflicts).toMatchObject([{ type: name, status: 'RESOLVED', resolution: 'ABORT' }]);
  });

  test('with SKIP keeps live and undoes the rest', async () => {
    const { id, operation, left, conflicts } = await run(name, 'SKIP');
    expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
    expect(byKey(left)).toEqual(byKey(expected.skipped(id)));
    expect(conflicts).toMatchObject([{ type: name, status: 'RESOLVED', resolution: 'SKIP' }]);
    expect((await world.details(operation.id))?.proof).toMatchObject({ matches: true });
  });

  test('with OVERWRITE takes the target', async () => {
    const { id, operation, left, conflicts } = await run(name, 'OVERWRITE');
    expect(operation).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(byKey(left)).toEqual(byKey(expected.overwritten(id)));
    expect(conflicts).toMatchObject([{ type: name, status: 'RESOLVED', resolution: 'OVERWRITE' }]);
  });

  test('is open in a dry run that leaves it to a person', async () => {
    const { operation, conflicts } = await run(name, 'MANUAL', true);
    expect(operation).toMatchObject({ status: 'COMPLETED', outcome: 'PREVIEWED' });
    expect(operation.counts.conflicted).toBe(1n);
    expect(conflicts).toMatchObject([{ type: name, status: 'OPEN', resolution: null }]);
  });
});

test('a conflict names who wrote on top, and when', async () => {
  const start = await world.write('start', [node('w-a', { name: 'Ada', p: 0 }, ['Person'])]);
  await world.write('w-u', [node('w-a', { name: 'Ada', p: 1 }, ['Person'])]);
  const seq = await world.write('grace', [node('w-a', { name: 'Ada', p: 2 }, ['Person'])]);
  await world.write('someone else', [node('w-a', { name: 'Ada', p: 2, q: 1 }, ['Person'])]);
  const operation = await world.rollback({
    undo: { by: { actor: 'w-u' }, from: { seq: start } },
    policy: { default: 'SKIP' },
  });
  const [conflict] = await world.conflictStore.select(operation.id, {}, 0n, 10);
  expect(conflict?.explanation).toMatch(
    /^Taking back p of Person "Ada" \(w-a\) from 1 to 0 would lose what others have made it since \(grace at 20\d\d-.* UTC\): 2\.$/,
  );
  const { rows } = await database.query<{ live_seq: bigint }>(
    'SELECT live_seq FROM operation_conflicts WHERE operation_id = $1',
    [operation.id],
  );
  expect(rows).toEqual([{ live_seq: seq }]);
});

test('a policy per type decides each type for itself', async () => {
  const start = await world.write('start', [node('t-a', { p: 0, n: 0 })]);
  await world.write('t-u', [node('t-a', { p: 1, n: 1 })]);
  await world.write('other', [node('t-a', { p: 2, n: 'x' })]);
  const operation = await world.rollback({
    undo: { by: { actor: 't-u' }, from: { seq: start } },
    policy: { default: 'ABORT', value: 'SKIP', type: 'OVERWRITE' },
  });
  expect(operation).toMatchObject({ status: 'PARTIALLY_COMPLETED', outcome: 'SKIPPED' });
  expect((await world.content())['n:t-a']?.properties).toEqual({ p: 2, n: 0 });
});

describe('with MERGE', () => {
  const list = (...values: string[]) => ({ $list: { of: 'STRING' as const, values } });
  async function merged(name: string, last: Properties) {
    const write = (by: string, properties: Properties, labels: string[]) =>
      world.write(by, [node(`${name}-a`, properties, labels)]);
    const start = await write('start', { text: 'one two three', tags: list('a', 'b'), n: 0 }, ['Doc']);
    await write(`${name}-u`, { text: 'ONE two three', tags: list('a', 'b', 'u'), n: 1 }, ['Doc', 'Bad']);
    await write('other', { text: 'ONE two THREE', tags: list('x', 'a', 'b', 'u'), ...last }, ['Doc', 'Bad', 'Good']);
    const undo = { by: { actor: `${name}-u` }, from: { seq: start } };
    return world.rest(await world.request({ undo, policy: { default: 'MERGE' } }));
  }
  const state = async (name: string) => (await world.content())[`n:${name}-a`];
  const both = { text: 'one two THREE', tags: list('x', 'a', 'b') };

  test('what others made on top is kept beside what goes back', async () => {
    expect(await merged('m1', { n: 1 })).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(await state('m1')).toEqual(node('m1-a', { ...both, n: 0 }, ['Doc', 'Good']));
  });

  test('what does not merge waits for a person, and nothing is written before', async () => {
    const operation = await merged('m2', { n: 2 });
    expect(operation).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    const conflicts = await world.conflictStore.select(operation.id, {}, 0n, 10);
    expect(
      conflicts.map(({ property, status, resolution, merged: shown }) => [property, status, resolution, shown]),
    ).toEqual([
      [null, 'RESOLVED', 'MERGE', list('Doc', 'Good')],
      ['n', 'OPEN', null, null],
      ['tags', 'RESOLVED', 'MERGE', both.tags],
      ['text', 'RESOLVED', 'MERGE', both.text],
    ]);
    const [, open] = conflicts;
    if (open === undefined) throw new Error('no conflict');
    const resolutions = [{ conflict: open.id, choice: { value: 7 }, expectVersion: open.version, remember: false }];
    await world.manager.resolve(CALLER, { operation: operation.id, resolutions });
    expect(await world.settle(operation.id)).toMatchObject({ status: 'COMPLETED' });
    expect(await state('m2')).toEqual(node('m2-a', { ...both, n: 7 }, ['Doc', 'Good']));
    // What a merge or a person has made is the rollback's own: undoing it gives back what was there.
    expect(await world.rollback({ undo: { by: { operation: operation.id } } })).toMatchObject({ status: 'COMPLETED' });
    expect(await state('m2')).toMatchObject({
      properties: { text: 'ONE two THREE', n: 2 },
      labels: ['Bad', 'Doc', 'Good'],
    });
  });
});
