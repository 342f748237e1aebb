import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { graphKinds, type OpenedGraphEngine } from '../support/graph-engines.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { goneNode, openWorld, type World } from '../support/rollback-world.ts';

jest.setTimeout(300_000);

describe.each(graphKinds)('a relationship that was given other ends, on %s', (_, open) => {
  let engine: OpenedGraphEngine;
  let world: World;
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database, { neo4j: engine.neo4j });
  });
  afterAll(async () => {
    await world?.close();
    await engine?.close();
  });

  /** From a to b, then by u from a to c, which takes the place of b. */
  const begin = async (prefix: string) => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => `${prefix}${name}`) as [string, string, string]; // Three of three.
    await world.write('start', [node(a), node(b), relationship(`${prefix}r`, a, b)]);
    const from = await world.moments.live(world.graphId);
    const before = await world.content();
    await world.write('u', [node(c), relationship(`${prefix}r`, a, c), goneNode(b)]);
    return { a, b, c, before, undo: { by: { actor: 'u' }, from: { seq: from.seq } } };
  };

  test('gets back those that it had, with the nodes that come and go', async () => {
    const { before, undo } = await begin('1');
    const operation = await world.rollback({ undo, policy: { default: 'ABORT' } });
    expect([operation.status, operation.outcome]).toEqual(['COMPLETED', 'APPLIED']);
    expect(await world.content()).toEqual(before);
  });

  test('keeps those that it has where somebody else is at them', async () => {
    const { c, before, undo } = await begin('2');
    await world.write('v', [node('2d'), relationship('2s', '2d', c)]);
    const among = await world.content();
    const aborted = await world.rollback({ undo, policy: { default: 'ABORT' } });
    expect(aborted.status).toBe('ABORTED');
    expect(await world.content()).toEqual(among);
    const skipped = await world.rollback({ undo, policy: { default: 'SKIP' } });
    expect(['COMPLETED', 'PARTIALLY_COMPLETED']).toContain(skipped.status);
    const after = await world.content();
    expect(after[`n:${c}`]).toEqual(among[`n:${c}`]);
    expect(after['r:2s']).toEqual(among['r:2s']);
    const overwritten = await world.rollback({ undo, policy: { default: 'OVERWRITE' } });
    expect(overwritten.status).toBe('COMPLETED');
    const { 'n:2d': _d, ...rest } = await world.content();
    expect(rest).toEqual(before);
  });
});
