import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
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
