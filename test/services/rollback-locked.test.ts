import { expect, test } from '@jest/globals';
import pg from 'pg';
import { EmbeddedGraph } from '../../src/adapters/embedded-graph/embedded-graph.ts';
import { node } from '../support/graph-writes.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { openWorld } from '../support/rollback-world.ts';

test('a writer who keeps an entity locked for longer than a rollback waits holds it up, and does not end it', async () => {
  await using created = await createTestDatabase({ migrated: true });
  const { database, url } = created;
  const impatient = new EmbeddedGraph(database, 'demo', { lockTimeoutMs: 100 });
  const world = await openWorld(database, { wrapGraph: () => impatient, sweepMs: 50 });
  const nodes = ['a', 'b', 'c'].map((key) => node(key, { p: 0 }));
  const start = await world.write('start', nodes);
  await world.write(
    'u',
    nodes.map(({ key }) => node(key, { p: 1 })),
  );
  const writer = new pg.Client({ connectionString: url });
  writer.on('error', () => {});
  await writer.connect();
  await writer.query(`BEGIN; SELECT FROM graph_demo.nodes WHERE key = 'c' FOR UPDATE`);
  const undo = { by: { actor: 'u' }, from: { seq: start } };
  const id = await world.request({ undo, strategy: 'GRADUAL', batchSize: 1 });
  await world.until(async () => world.errors.length >= 3);
  expect(await world.read(id)).toMatchObject({ status: 'EXECUTING', counts: { applied: 2n } });
  await writer.query('COMMIT');
  await writer.end();
  expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED', counts: { applied: 3n } });
  expect(await world.content()).toEqual(Object.fromEntries(nodes.map((state) => [`n:${state.key}`, state])));
  await world.close();
});
