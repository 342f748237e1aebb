import { afterEach, describe, expect, test } from '@jest/globals';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { engines } from '../support/engines.ts';
import { node } from '../support/graph-writes.ts';
import { runMortal } from '../support/mortal-instance.ts';
import { overriding } from '../support/recording-world.ts';
import { openWorld, type WorldOptions } from '../support/rollback-world.ts';

/** Breaks in before reads of a graph, as long as it is told to. */
class BeforeReads {
  #intrude: (() => Promise<unknown>) | null = null;
  #left = 0;

  next(times: number, intrude: () => Promise<unknown>): void {
    this.#intrude = intrude;
    this.#left = times;
  }

  readonly wrap = (graph: KnowledgeGraph): KnowledgeGraph =>
    overriding(graph, {
      read: async (refs) => {
        if (this.#left > 0) {
          this.#left -= 1;
          await this.#intrude?.();
        }
        return graph.read(refs);
      },
    });
}

describe.each(engines)('a proof, on %s', (_, open) => {
  let end = async (): Promise<void> => {};
  afterEach(() => end());
  async function opened(more: WorldOptions = {}) {
    const { database, close } = await open();
    const reads = new BeforeReads();
    const world = await openWorld(database, { wrapGraph: reads.wrap, ...more });
    end = async () => {
      await world.close();
      await close();
    };
    return { database, reads, world };
  }

  test.each([1, 2, 3])('tells writes of others apart that come while it reads, %i times', async (times) => {
    const { reads, world } = await opened();
    const start = await world.write('start', [node('a', { p: 0 }), node('b', { p: 0 })]);
    await world.write('u', [node('a', { p: 1 }), node('b', { p: 1 })]);
    let seen = 0;
    reads.next(times, () => {
      seen += 1;
      return world.write('other', [node('a', { p: 0, seen })]);
    });
    const id = await world.request({
      undo: { by: { actor: 'u' }, from: { seq: start } },
      policy: { default: 'ABORT' },
    });
    const operation = await world.settle(id);
    expect(seen).toBe(times);
    expect(operation.status).toBe('COMPLETED');
    expect(await world.details(id)).toMatchObject({ proof: { matches: true } });
    expect((await world.content())['n:a']?.properties).toEqual({ p: 0, seen: times });
  });

  test.each([
    ['lists what it finds itself', { p: 0, seen: 2 }, [[1n, 'a', { p: 0, seen: 2 }]]],
    ['lists nothing when the graph is as it should be by then', { p: 0 }, []],
  ])('of an operation whose first proof died with its instance %s', async (_name, by, listed) => {
    const { reads, world } = await opened({ queue: 'none' });
    const start = await world.write('start', [node('a', { p: 0 }), node('b', { p: 0 })]);
    await world.write('u', [node('a', { p: 1 }), node('b', { p: 1 })]);
    const id = await world.request({ to: { seq: start } });
    reads.next(1, () => world.write('other', [node('a', { p: 0, seen: 1 })]));
    expect(await runMortal(world, id, { of: new Set(['account']), call: 1, moment: 'before' })).toBe(true);
    expect(await world.differences(id)).toMatchObject([{ key: 'a', explained: true }]);
    await world.write('other', [node('a', by)]);
    await world.runner.run(id);
    expect(await world.read(id)).toMatchObject({ status: 'COMPLETED', counts: { applied: 2n } });
    expect(await world.details(id)).toMatchObject({ proof: { method: 'CONTINUOUS_CHECKSUM', matches: true } });
    expect((await world.differences(id)).map(({ no, key, actual }) => [no, key, actual?.properties])).toEqual(listed);
    expect((await world.content())['n:a']?.properties).toEqual(by);
  });

  test('claims what it has read and no more when capture has a gap by then', async () => {
    const { database, reads, world } = await opened();
    const start = await world.write('start', [node('a', { p: 0 })]);
    await world.write('u', [node('a', { p: 1 })]);
    reads.next(1, () => database.query('ALTER TABLE graph_demo.nodes DISABLE TRIGGER USER'));
    const id = await world.request({ to: { seq: start } });
    expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED', counts: { applied: 1n } });
    expect(await world.details(id)).toMatchObject({
      proof: { method: 'TOUCHED_ENTITIES', matches: true, expectedChecksum: null },
    });
  });
});
