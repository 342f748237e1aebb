import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { assemble } from '../../src/main/assemble.ts';
import { loadSample } from '../../src/main/sample.ts';
import { type Place, places } from '../support/places.ts';
import { runFolder, startProcess } from '../support/processes.ts';
import { SMALL_SAMPLE } from '../support/small-sample.ts';

const child = fileURLToPath(new URL('./sample-child.ts', import.meta.url));

/** Loads until it has read so many entities and dies there. */
async function killed(place: Place, after: number): Promise<void> {
  const running = startProcess(process.execPath, ['--no-warnings', child, place.where, `${after}`]);
  let output = '';
  for (const stream of [running.stdout, running.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
  const signal = await new Promise((resolve) => running.on('exit', (_code, by) => resolve(by)));
  if (signal !== 'SIGKILL') throw new Error(output);
}

/** The service on the place, for as long as `work` takes. */
async function served<Result>(
  place: Place,
  work: (assembly: Awaited<ReturnType<typeof assemble>>) => Promise<Result>,
): Promise<Result> {
  const database = await place.open();
  const assembly = await assemble(database, {
    graphs: [{ name: 'demo', kind: 'embedded' }],
    redisUrls: [],
    dataFolder: runFolder(),
  });
  try {
    return await work(assembly);
  } finally {
    await assembly.stop(1000);
    await database.close();
  }
}

describe.each(places)('a sample whose load was cut off, on %s', (_, make) => {
  test('goes on where it stopped at the next start, under the same session, nothing twice', async () => {
    const place = await make();
    try {
      // Between two batches, among the relationships, and when all but the end is done.
      for (const after of [10_001, 17_000, SMALL_SAMPLE.size]) await killed(place, after);
      await served(place, async (assembly) => {
        const [graph] = assembly.graphs;
        if (graph === undefined) throw new Error('no graph');
        await loadSample(assembly, graph, SMALL_SAMPLE);
        const record = await assembly.services.graphs.byId(graph.id);
        expect(record).toMatchObject({ nodeCount: 12_000n, relationshipCount: 12_000n, captureError: null });
        const { items } = await assembly.history.transactions(graph.id, { since: 0n }, { limit: 100 });
        expect(items.map(({ changeCount }) => changeCount)).toEqual([5000n, 5000n, 5000n, 5000n, 4000n]);
        expect(new Set(items.map(({ sessionId }) => sessionId)).size).toBe(1);
        expect(await assembly.sessions.newest(graph.id, 'wordnet', 'palinode')).toMatchObject({
          id: items[0]?.sessionId,
          closedAt: expect.any(Date),
        });
        // Once it has ended it is not begun again.
        await loadSample(assembly, graph, SMALL_SAMPLE);
        expect((await assembly.services.graphs.byId(graph.id)).head.seq).toBe(5n);
      });
    } finally {
      await place.dispose();
    }
  }, 240_000);

  test('is left alone once somebody has taken some of it away', async () => {
    const place = await make();
    try {
      await killed(place, 7000);
      await served(place, async (assembly) => {
        const [graph] = assembly.graphs;
        if (graph === undefined) throw new Error('no graph');
        const caller = { actor: 'ada', ip: null, userAgent: null };
        const changes = [{ deleteNode: { key: 'n1', cascade: true } }];
        await assembly.services.writer.write(caller, { graph: 'demo', changes });
        await loadSample(assembly, graph, SMALL_SAMPLE);
        expect(await assembly.services.graphs.byId(graph.id)).toMatchObject({
          nodeCount: 4999n,
          relationshipCount: 0n,
        });
      });
    } finally {
      await place.dispose();
    }
  }, 120_000);
});
