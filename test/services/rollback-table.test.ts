import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { sortedLabels } from '../../src/core/canonical.ts';
import type { NodeState } from '../../src/core/entities.ts';
import type { ConflictStrategy } from '../../src/core/policy.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { goneNode, openWorld, type World } from '../support/rollback-world.ts';

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

let keys = 0;
const freshKey = (): string => `k${++keys}`;
const actors = (): { u: string; other: string } => ({ u: `u${keys}`, other: `o${keys}` });
const valued = (key: string, p: number): NodeState => node(key, { p });

async function undo(actor: string, from: bigint, policy: ConflictStrategy = 'MANUAL') {
  return world.rollback({ undo: { by: { actor }, from: { seq: from } }, policy: { default: policy } });
}

/** Writes p = v0, then what each writer sets it to, then undoes U. */
async function history(...writes: readonly (readonly ['u' | 'other', number])[]) {
  const key = freshKey();
  const who = actors();
  const start = await world.write('start', [valued(key, 0)]);
  for (const [writer, value] of writes) await world.write(who[writer], [valued(key, value)]);
  return { key, start, u: who.u, now: async () => (await world.content())[`n:${key}`]?.properties.p };
}

describe('undoing the writes of one actor to one property', () => {
  test('U v1: back to v0', async () => {
    const { u, start, now } = await history(['u', 1]);
    expect((await undo(u, start)).outcome).toBe('APPLIED');
    expect(await now()).toBe(0);
  });

  test('U v1, other v2, U v3: back to v2', async () => {
    const { u, start, now } = await history(['u', 1], ['other', 2], ['u', 3]);
    expect((await undo(u, start)).outcome).toBe('APPLIED');
    expect(await now()).toBe(2);
  });

  test('other v1, U v2: back to v1', async () => {
    const { u, start, now } = await history(['other', 1], ['u', 2]);
    expect((await undo(u, start)).outcome).toBe('APPLIED');
    expect(await now()).toBe(1);
  });

  test('U v1, other v2: a VALUE conflict, and nothing is written', async () => {
    const { u, start, now, key } = await history(['u', 1], ['other', 2]);
    const operation = await undo(u, start);
    expect(operation.status).toBe('CONFLICT_RESOLUTION');
    expect(await world.conflicts(operation.id)).toMatchObject([
      { key, type: 'VALUE', aspect: 'PROPERTY', property: 'p', status: 'OPEN' },
    ]);
    expect((await world.events(operation.id)).at(-1)?.message).toMatch(/^1 conflict needs a decision/);
    expect(await now()).toBe(2);
  });

  test('U v1, other v0: nothing to do', async () => {
    const { u, start, now } = await history(['u', 1], ['other', 0]);
    expect(await undo(u, start)).toMatchObject({ status: 'COMPLETED', outcome: 'NOTHING_TO_DO' });
    expect(await now()).toBe(0);
  });

  test('U v1, other v2, other v1: v1 stays, another writer chose it', async () => {
    const { u, start, now } = await history(['u', 1], ['other', 2], ['other', 1]);
    expect(await undo(u, start)).toMatchObject({ status: 'COMPLETED', outcome: 'NOTHING_TO_DO' });
    expect(await now()).toBe(1);
  });

  test('S v1, undo S, undo that: undoing S again gives v0', async () => {
    const { u, start, now } = await history(['u', 1]);
    const first = await undo(u, start);
    const second = await world.settle(
      await world.manager.undo(
        { actor: 't', ip: null, userAgent: null },
        { id: first.id, policy: { default: 'ABORT' } },
      ),
    );
    expect(second.outcome).toBe('APPLIED');
    expect(await now()).toBe(1);
    expect((await undo(u, start)).outcome).toBe('APPLIED');
    expect(await now()).toBe(0);
  });
});

describe('undoing the writes of one actor to structure', () => {
  test('labels changed on both sides: a STRUCTURE conflict', async () => {
    const key = freshKey();
    const { u, other } = actors();
    const labelled = (label: string): NodeState => node(key, {}, sortedLabels([label]));
    const start = await world.write('start', [labelled('Draft')]);
    await world.write(u, [labelled('Published')]);
    await world.write(other, [labelled('Archived')]);
    const operation = await undo(u, start);
    expect(await world.conflicts(operation.id)).toMatchObject([{ key, type: 'STRUCTURE', aspect: 'LABEL' }]);
  });

  test('others wrote into what U created: a STRUCTURE conflict', async () => {
    const key = freshKey();
    const { u, other } = actors();
    const start = (await world.moments.live(world.graphId)).seq;
    await world.write(u, [node(key)]);
    await world.write(other, [node(key, { q: 1 })]);
    await world.write(u, [node(key, { q: 1, p: 1 })]);
    const operation = await undo(u, start);
    expect(await world.conflicts(operation.id)).toMatchObject([{ key, type: 'STRUCTURE', aspect: 'EXISTENCE' }]);
  });

  test('others connected to what U created: a DEPENDENCY conflict', async () => {
    const [key, end, r] = [freshKey(), freshKey(), freshKey()];
    const { u, other } = actors();
    const start = await world.write('start', [node(end)]);
    await world.write(u, [node(key)]);
    await world.write(other, [relationship(r, end, key)]);
    const operation = await undo(u, start);
    expect(await world.conflicts(operation.id)).toMatchObject([{ key, type: 'DEPENDENCY', aspect: 'EXISTENCE' }]);
  });

  test('what U deleted comes back with its key and content', async () => {
    const key = freshKey();
    const { u } = actors();
    const start = await world.write('start', [node(key, { p: 1 }, ['Kept'])]);
    await world.write(u, [goneNode(key)]);
    expect((await undo(u, start)).outcome).toBe('APPLIED');
    expect((await world.content())[`n:${key}`]).toEqual(node(key, { p: 1 }, ['Kept']));
  });

  test('restoring everyone since a moment is never a conflict by itself', async () => {
    const [a, b, r] = [freshKey(), freshKey(), freshKey()];
    const { u, other } = actors();
    const start = await world.write('start', [valued(a, 0)]);
    const before = await world.content();
    await world.write(u, [valued(a, 1), node(b)]);
    await world.write(other, [valued(a, 2), relationship(r, a, b)]);
    const operation = await world.rollback({ to: { seq: start } });
    expect(operation).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(await world.content()).toEqual(before);
    expect((await world.details(operation.id))?.proof).toMatchObject({ method: 'CONTINUOUS_CHECKSUM', matches: true });
  });
});
