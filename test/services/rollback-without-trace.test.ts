import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { node } from '../support/graph-writes.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { openWorld, type World } from '../support/rollback-world.ts';

let database: PgliteDatabase;
let world: World;
let start: bigint;
let worlds = 0;
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
  world = await openWorld(database);
});
afterAll(async () => {
  await world.close();
  await database.close();
});

/** What decision 005 leaves open, and docs/SPEC.md says of invariant 2: each statement here is one of its sentences. */
describe('a rollback that finds its target there already, since others wrote it', () => {
  let key: string;
  beforeEach(async () => {
    worlds += 1;
    key = `n${worlds}`;
    start = await world.write('start', [node(key, { p: 0 })]);
    await world.write(`a${worlds}`, [node(key, { p: 1 })]);
    await world.write(`b${worlds}`, [node(key, { p: 0 })]);
  });
  const undo = (...actors: string[]) =>
    world.rollback({ undo: { by: { actor: actors[0] ?? '' }, from: { seq: start } }, policy: { default: 'ABORT' } });
  const p = async () => (await world.content())[`n:${key}`]?.properties.p;

  test('writes nothing and leaves no transaction', async () => {
    expect(await undo(`a${worlds}`)).toMatchObject({ status: 'COMPLETED', outcome: 'NOTHING_TO_DO' });
    expect((await world.moments.live(world.graphId)).seq).toBe(start + 2n);
    expect(await p()).toBe(0);
  });

  test('is as if it had not been when those others are undone later: the undone value comes back', async () => {
    await undo(`a${worlds}`);
    expect((await undo(`b${worlds}`)).outcome).toBe('APPLIED');
    expect(await p()).toBe(1);
  });

  test('and undone once more, the value goes: nothing is lost, and the second undo has its effect', async () => {
    await undo(`a${worlds}`);
    await undo(`b${worlds}`);
    expect((await undo(`a${worlds}`)).outcome).toBe('APPLIED');
    expect(await p()).toBe(0);
  });

  test('the undo of both in one set gives the graph in which neither wrote', async () => {
    const operation = await world.rollback({ undo: { by: { transactions: [start + 1n, start + 2n] } } });
    expect(operation.status).toBe('COMPLETED');
    expect(await p()).toBe(0);
  });

  test('a rollback that wrote the value itself stands when others are undone later', async () => {
    await world.write('other', [node(key, { p: 0, q: 1 })]);
    await world.write(`a${worlds}`, [node(key, { p: 2, q: 1 })]);
    expect((await undo(`a${worlds}`)).outcome).toBe('APPLIED');
    expect(await p()).toBe(0);
    await undo(`b${worlds}`);
    expect(await p()).toBe(0);
  });
});
