import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { EntityState } from '../../src/core/entities.ts';
import type { ConflictStrategy } from '../../src/core/policy.ts';
import type { Properties } from '../../src/core/values.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { CALLER, goneNode, goneRelationship, openWorld, type World } from '../support/rollback-world.ts';

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

test('a node that stays keeps what the plan hangs on it, and says so', async () => {
  const start = await world.write('start', [node('s-b')]);
  await world.write('s-u', [node('s-a'), relationship('s-own', 's-a', 's-b')]);
  await world.write('other', [relationship('s-r', 's-a', 's-b')]);
  const operation = await world.rollback({
    undo: { by: { actor: 's-u' }, from: { seq: start } },
    policy: { default: 'SKIP' },
  });
  const rows = await world.planRows(operation.id);
  expect(rows).toMatchObject([
    { key: 's-a', state: 'SKIPPED' },
    { key: 's-own', state: 'SKIPPED', reason: 'skipped because node s-a stays' },
  ]);
});

test('what hangs on what hangs on a node that stays is kept as well, each for its own reason', async () => {
  const start = await world.write('start', [node('k-z')]);
  await world.write('k-u', [
    ...['k-a', 'k-b', 'k-c', 'k-lone'].map((key) => node(key)),
    relationship('k-ab', 'k-a', 'k-b'),
    relationship('k-bc', 'k-b', 'k-c'),
  ]);
  await world.write('other', [node('k-a', { q: 1 })]);
  const operation = await world.rollback({
    undo: { by: { actor: 'k-u' }, from: { seq: start } },
    policy: { default: 'SKIP' },
  });
  const rows = (await world.planRows(operation.id)).map(({ key, state, reason }) => [key, state, reason]);
  expect(rows).toEqual([
    ['k-a', 'SKIPPED', 'kept as it is by policy: existence'],
    ['k-b', 'SKIPPED', 'skipped because relationship k-ab stays'],
    ['k-c', 'SKIPPED', 'skipped because relationship k-bc stays'],
    ['k-lone', 'APPLIED', null],
    ['k-ab', 'SKIPPED', 'skipped because node k-a stays'],
    ['k-bc', 'SKIPPED', 'skipped because node k-b stays'],
  ]);
  expect((await world.conflicts(operation.id)).map(({ key }) => key)).toEqual(['k-a']);
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

test('overwriting lists the relationships that vanish with a node as cascade', async () => {
  const start = await world.write('start', [node('v-b')]);
  await world.write('v-u', [node('v-a')]);
  await world.write('other', [relationship('v-r', 'v-a', 'v-b')]);
  const operation = await world.rollback({
    undo: { by: { actor: 'v-u' }, from: { seq: start } },
    policy: { default: 'OVERWRITE' },
  });
  expect(await world.planRows(operation.id)).toMatchObject([
    { key: 'v-a', state: 'APPLIED', cascade: false },
    { key: 'v-r', state: 'APPLIED', cascade: true },
  ]);
  expect((await world.details(operation.id))?.account).toMatchObject({ deleted: '2', cascaded: '1' });
});

test('a relationship comes back with the end that others deleted, when that is overwritten', async () => {
  const start = await world.write('start', [node('e-a', { x: 1 }), node('e-b'), relationship('e-r', 'e-a', 'e-b')]);
  await world.write('e-u', [goneRelationship('e-r')]);
  await world.write('other', [goneNode('e-a')]);
  const undo = { by: { actor: 'e-u' }, from: { seq: start } };
  const skipped = await world.rollback({ undo, policy: { default: 'SKIP' } });
  expect(skipped.outcome).toBe('SKIPPED');
  const operation = await world.rollback({ undo, policy: { default: 'OVERWRITE' } });
  expect(operation.outcome).toBe('APPLIED');
  expect(await world.content()).toMatchObject({
    'n:e-a': node('e-a', { x: 1 }),
    'r:e-r': relationship('e-r', 'e-a', 'e-b'),
  });
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

test('what hangs on what vanishes, and what comes back without its ends, is read in pages, none of it twice', async () => {
  const keys = [0, 1, 2, 3, 4].map((n) => `paged${n}`);
  const back = keys.map((key) => relationship(`back-${key}`, key, 'paged-end'));
  const start = await world.write('start', [...keys.map((key) => node(key)), node('paged-end'), ...back]);
  await world.write('paged', [
    ...back.map(({ key }) => goneRelationship(key)),
    ...keys.map((key) => node(`${key}-new`)),
  ]);
  const undo = { by: { actor: 'paged' }, from: { seq: start } };
  const { id } = await world.rollback({ undo, dryRun: true });
  const seq = await world.write('other', [
    goneNode('paged-end'),
    ...keys.flatMap((key) => [
      relationship(`${key}-one`, `${key}-new`, key),
      relationship(`${key}-two`, key, `${key}-new`),
    ]),
  ]);
  const reads = { operationId: id, graphId: world.graphId, seq, pageSize: 2 };
  const hanging: string[][] = [];
  for await (const page of world.plans.hangingRelationships(reads)) {
    hanging.push(page.map(({ node: { key }, relationship: { key: hangs } }) => `${key} ${hangs}`).sort());
  }
  expect(hanging.map((page) => page.length)).toEqual([4, 4, 2]);
  const all = keys.flatMap((key) => [`${key}-new ${key}-one`, `${key}-new ${key}-two`]);
  expect(hanging.flat()).toEqual(all);
  const missing: string[][] = [];
  for await (const page of world.plans.missingEnds(reads)) {
    missing.push(page.map(({ relationship: { key }, end }) => `${key} ${end}`));
  }
  expect(missing).toEqual([
    ['back-paged0 paged-end', 'back-paged1 paged-end'],
    ['back-paged2 paged-end', 'back-paged3 paged-end'],
    ['back-paged4 paged-end'],
  ]);
});

describe('what overwriting would take along', () => {
  /** A node that `u` made and others connected, in an operation that waits for a decision about it. */
  async function waiting(name: string) {
    const start = await world.write('start', [node(`${name}-b`)]);
    await world.write(`${name}-u`, [node(`${name}-a`)]);
    const connect = (key: string) => world.write('other', [relationship(`${name}-${key}`, `${name}-a`, `${name}-b`)]);
    await connect('r');
    await connect('s');
    const undo = { by: { actor: `${name}-u` }, from: { seq: start } };
    const operation = await world.rest(await world.request({ undo, policy: { default: 'MANUAL' } }));
    const conflict = async () => {
      const [found] = await world.conflictStore.select(operation.id, {}, 0n, 10);
      if (found === undefined) throw new Error('no conflict');
      return found;
    };
    const listed = async () =>
      (await world.planRows(operation.id)).filter(({ cascade, state }) => cascade && state !== 'ALREADY_SO');
    const overwrite = async () => {
      const { id, version: expectVersion } = await conflict();
      const resolutions = [{ conflict: id, choice: { side: 'TARGET' as const }, expectVersion, remember: false }];
      await world.manager.resolve(CALLER, { operation: operation.id, resolutions });
    };
    return { operation, connect, conflict, listed, overwrite };
  }

  test('is listed before anything is decided, and then written', async () => {
    const { operation, listed, overwrite } = await waiting('l1');
    expect(operation).toMatchObject({ status: 'CONFLICT_RESOLUTION', counts: { conflicted: 1n, planned: 0n } });
    const rows = [{ key: 'l1-r' }, { key: 'l1-s' }].map((row) => ({ ...row, action: 'DELETED' }));
    expect(await listed()).toMatchObject(rows.map((row) => ({ ...row, state: 'CONFLICTED' })));
    await overwrite();
    expect(await world.settle(operation.id)).toMatchObject({ status: 'COMPLETED', counts: { applied: 3n } });
    expect(await listed()).toMatchObject(rows.map((row) => ({ ...row, state: 'APPLIED' })));
  });

  test('is never exceeded: what is connected meanwhile asks again', async () => {
    const { operation, connect, conflict, listed, overwrite } = await waiting('l2');
    // As many as before, and the same one first: only the list itself tells.
    await world.write('other', [goneRelationship('l2-s')]);
    await connect('t');
    await overwrite();
    while ((await conflict()).status !== 'OPEN') await setTimeout(5);
    expect(await world.rest(operation.id)).toMatchObject({ status: 'CONFLICT_RESOLUTION' });
    expect(await listed()).toMatchObject([{ key: 'l2-r' }, { key: 'l2-t' }]);
    expect(await world.content()).toHaveProperty('n:l2-a');
    await overwrite();
    expect(await world.settle(operation.id)).toMatchObject({ status: 'COMPLETED', counts: { applied: 3n } });
  });
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
