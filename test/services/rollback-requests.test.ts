import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { HistoryDroppedError, InvalidInputError, NotFoundError, StateError } from '../../src/core/errors.ts';
import type { RollbackRequest } from '../../src/services/contract.ts';
import { node } from '../support/graph-writes.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

const nowhere = '00000000-0000-4000-8000-000000000000';
let database: PgliteDatabase;
let world: World;
let start = 0n;
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
  world = await openWorld(database);
  start = await world.write('ada', [node('a', { p: 0 })]);
});
afterAll(async () => {
  await world.close();
  await database.close();
});

async function refusal(input: Partial<RollbackRequest>): Promise<unknown> {
  return world.request(input).then(
    () => 'accepted',
    (error: unknown) => (error instanceof InvalidInputError ? error.fields.map(({ path }) => path.join('.')) : error),
  );
}

describe('a request is refused, naming the field', () => {
  const to = { keyword: 'EARLIEST' } as const;
  const undo = { by: { actor: 'ada' } };
  test.each<[string, Partial<RollbackRequest>, string]>([
    ['without target and undo', {}, 'to'],
    ['with both', { to, undo }, 'undo'],
    ['by actor without from', { undo }, 'undo.from'],
    ['of everyone without from', { undo: { by: { everyone: true } } }, 'undo.from'],
    ['with until before from', { undo: { by: { actor: 'ada' }, from: { seq: 1n }, until: { seq: 0n } } }, 'undo.until'],
    ['of a moment to come', { to: { seq: 999n } }, 'to.seq'],
    ['of an unknown transaction', { undo: { by: { transactions: [1n, 999n] } } }, 'undo.by.transactions.1'],
    ['of no transactions', { undo: { by: { transactions: [] } } }, 'undo.by.transactions'],
    ['with schema in one transaction', { to, includeSchema: true }, 'includeSchema'],
    ['with schema on an embedded graph', { to, includeSchema: true, strategy: 'GRADUAL' }, 'includeSchema'],
    ['with an empty batch', { to, strategy: 'GRADUAL', batchSize: 0 }, 'batchSize'],
    ['with no pace', { to, strategy: 'GRADUAL', maxChangesPerSecond: 0 }, 'maxChangesPerSecond'],
  ])('%s', async (_, input, field) => {
    expect(await refusal(input)).toEqual([field]);
  });
});

test('what a request names must exist', async () => {
  expect(await refusal({ graph: 'none', to: { keyword: 'EARLIEST' } })).toBeInstanceOf(NotFoundError);
  expect(await refusal({ to: { point: nowhere } })).toBeInstanceOf(NotFoundError);
  expect(await refusal({ undo: { by: { session: nowhere } } })).toBeInstanceOf(NotFoundError);
  expect(await refusal({ undo: { by: { operation: nowhere } } })).toBeInstanceOf(NotFoundError);
  expect(await refusal({ undo: { by: { operation: 'no id' } } })).toBeInstanceOf(NotFoundError);
});

test('nothing reaches before the recording began', async () => {
  expect(await refusal({ undo: { by: { transactions: [0n] } } })).toBeInstanceOf(HistoryDroppedError);
  expect(await refusal({ to: { time: new Date(0) } })).toBeInstanceOf(HistoryDroppedError);
});

test('the undo of a session takes back its writes only, and one without writes has nothing to do', async () => {
  const [wrote, silent] = [world.keys.next(), world.keys.next()];
  for (const [id, name] of [
    [wrote, 'wrote'],
    [silent, 'silent'],
  ] as const) {
    await world.sessions.open(
      { id, graphId: world.graphId, name, actor: 'ada', label: null, openedAt: new Date() },
      null,
    );
  }
  await world.write('ada', [node('s1', { p: 1 })], wrote);
  await world.write('ada', [node('s2', { p: 1 })]);
  expect(await world.rollback({ undo: { by: { session: silent } } })).toMatchObject({
    status: 'COMPLETED',
    outcome: 'NOTHING_TO_DO',
  });
  expect((await world.rollback({ undo: { by: { session: wrote } } })).outcome).toBe('APPLIED');
  expect(Object.keys(await world.content())).toEqual(expect.arrayContaining(['n:a', 'n:s2']));
  expect(await world.content()).not.toHaveProperty(['n:s1']);
});

test('everyone in a window, and listed transactions', async () => {
  const from = await world.write('ada', [node('w', { p: 0, q: 0 })]);
  const first = await world.write('bob', [node('w', { p: 1, q: 0 })]);
  const second = await world.write('eve', [node('w', { p: 1, q: 1 })]);
  const window = { by: { everyone: true } as const, from: { seq: from }, until: { seq: first } };
  expect((await world.rollback({ undo: window })).outcome).toBe('APPLIED');
  expect((await world.content())['n:w']?.properties).toEqual({ p: 0, q: 1 });
  expect((await world.rollback({ undo: { by: { transactions: [second] } } })).outcome).toBe('APPLIED');
  expect((await world.content())['n:w']?.properties).toEqual({ p: 0, q: 0 });
});

test('a scope that covers nothing leaves nothing to do; one of properties leaves existence alone', async () => {
  const from = await world.write('ada', [node('sc', { p: 0, q: 0 }, ['In'])]);
  await world.write('sc-u', [node('sc', { p: 1, q: 1 }, ['In']), node('sc-new', { p: 1 }, ['In'])]);
  const undo = { by: { actor: 'sc-u' }, from: { seq: from } };
  expect((await world.rollback({ undo, scope: { labels: ['Elsewhere'] } })).outcome).toBe('NOTHING_TO_DO');
  expect((await world.rollback({ undo, scope: { properties: ['p'] } })).outcome).toBe('APPLIED');
  expect(await world.content()).toMatchObject({
    'n:sc': node('sc', { p: 0, q: 1 }, ['In']),
    'n:sc-new': { properties: {} },
  });
  expect((await world.rollback({ undo, scope: { labels: ['In'] } })).outcome).toBe('APPLIED');
  expect(await world.content()).not.toHaveProperty(['n:sc-new']);
});

test('the same key gives the same operation; a finished one cannot be stopped', async () => {
  const input = { to: { seq: start }, dryRun: true, idempotencyKey: 'k1' } as const;
  const [one, two] = await Promise.all([world.request(input), world.request(input)]);
  expect(one).toBe(two);
  await world.settle(one);
  await expect(world.manager.abort(CALLER, { id: one })).rejects.toThrow(StateError);
  await expect(world.manager.abort(CALLER, { id: nowhere })).rejects.toThrow(NotFoundError);
});

test('a second restore of the same part of the graph is refused while the first is under way; undos and previews are not', async () => {
  await world.write('ada', [node('held', { p: 0 })]);
  const start = await world.write('ada', [node('held', { p: 1 })]);
  const later = await openWorld(database, { queue: 'none' });
  const to = { seq: start - 1n };
  const first = await later.request({ to, scope: { keys: ['held'] } });
  await expect(later.request({ to })).rejects.toThrow(`restore ${first} of the same part of the graph is under way`);
  await expect(later.request({ to, scope: { keys: ['other', 'held'] } })).rejects.toThrow(StateError);
  const others = [
    await later.request({ to, scope: { keys: ['other'] } }),
    await later.request({ to, dryRun: true }),
    await later.request({ undo: { by: { actor: 'nobody' }, from: { seq: start } } }),
  ];
  await later.close();
  await world.runner.sweep();
  for (const id of [first, ...others]) expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED' });
  expect(await world.rollback({ to })).toMatchObject({ status: 'COMPLETED' });
});
