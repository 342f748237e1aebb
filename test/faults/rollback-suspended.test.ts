import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { node } from '../support/graph-writes.ts';
import { borrowSharedNeo4j } from '../support/neo4j.ts';
import { wipe } from '../support/neo4j-graphs.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startProcess } from '../support/processes.ts';
import { openWorld, type World } from '../support/rollback-world.ts';

const child = fileURLToPath(new URL('./rollback-child.ts', import.meta.url));

type Stop = readonly [moment: string, method: string, count: number];

/** Around the marker and the batches: where an instance can have seen that it holds the lease and write after it has lost it. */
const stops: readonly Stop[] = [
  ['before', 'transaction', 1],
  ['after', 'transaction', 1],
  ['before', 'transaction', 2],
  ['before', 'transaction', 3],
  ['after', 'transaction', 3],
  ['before', 'advance', 8],
];

/** There the step after a batch is begun before the commit, so that the suspended instance holds rows of the plan. */
const neo4jStops: readonly Stop[] = [
  ['before', 'transaction', 3],
  ['after', 'transaction', 2],
  ['before', 'finish', 1],
];

/** Where the graph is, if it is not embedded. */
async function neo4j() {
  const { url, giveBack } = await borrowSharedNeo4j();
  const connection = new Connection({ url });
  await wipe(connection);
  await connection.close();
  return { url, giveBack };
}

const embedded = async () => ({ url: undefined, giveBack() {} });

/** A process of its own that takes up the operation. */
function startInstance(...args: string[]) {
  const running = startProcess(process.execPath, [child, ...args]);
  const { pid } = running;
  if (pid === undefined) throw new Error('the instance could not start');
  let output = '';
  for (const stream of [running.stdout, running.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    running.on('close', (code) => resolve({ code, output })),
  );
  return {
    ended,
    isStopped: () => / \(.*\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')),
    resume: () => process.kill(pid, 'SIGCONT'),
  };
}

describe.each([
  ['the embedded graph', embedded, stops],
  ['Neo4j', neo4j, neo4jStops],
] as const)('an instance that is suspended past its lease, on %s', (_, borrow, struck) => {
  let graph: Awaited<ReturnType<typeof borrow>>;
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let world: World;
  beforeAll(async () => {
    database = await createTestDatabase({ migrated: true, poolSize: 5 });
    graph = await borrow();
    world = await openWorld(database.database, { neo4j: graph.url, queue: 'none', sweepMs: 3_600_000 });
  }, 120_000);
  afterAll(async () => {
    await world.close();
    graph.giveBack();
    await database[Symbol.asyncDispose]();
  });

  let round = 0;
  const keysOf = (): string[] => Array.from({ length: 30 }, (_, n) => `z${round}-${n}`);
  const held = async () => {
    const content = await world.content();
    return keysOf().map((key) => content[`n:${key}`]?.properties.p);
  };

  test.each(struck)(
    'stopped %s %s %i, writes nothing more once another has finished, even where everything is again as it had planned for',
    async (moment, method, count) => {
      round += 1;
      const u = `u${round}`;
      const start = await world.write(
        'start',
        keysOf().map((key) => node(key, { p: 0 })),
      );
      await world.write(
        u,
        keysOf().map((key) => node(key, { p: 1 })),
      );
      const id = await world.request({
        undo: { by: { actor: u }, from: { seq: start } },
        strategy: 'GRADUAL',
        batchSize: 10,
      });
      const where = [database.url, graph.url].filter((url) => url !== undefined).join(' ');
      const suspended = startInstance(where, id, moment, method, `${count}`, 'SIGSTOP');
      await world.until(async () => suspended.isStopped());
      const other = startInstance(where, id);
      // It may have had to wait for locks that the suspended one was holding, and says so.
      expect(await other.ended).toEqual({ code: 0, output: expect.stringMatching(/^COMPLETED/) });
      // Others put everything back to what the suspended instance means to overwrite.
      await world.write(
        'other',
        keysOf().map((key) => node(key, { p: 1 })),
      );
      suspended.resume();
      const { code, output } = await suspended.ended;
      expect([code, output]).toEqual([0, expect.stringMatching(/^COMPLETED .*(LeaseLostError|StaleTokenError)/)]);
      expect(await held()).toEqual(keysOf().map(() => 1));
      const { items } = await world.history.transactions(world.graphId, { operationId: id }, { limit: 10 });
      expect(items.map(({ changeCount }) => changeCount)).toEqual([10n, 10n, 10n]);
      expect((await world.events(id)).filter(({ type }) => type === 'COMPLETED')).toHaveLength(1);
    },
    60_000,
  );
});
