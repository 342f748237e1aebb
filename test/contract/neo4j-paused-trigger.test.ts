import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import neo4j from 'neo4j-driver';
import type { Database } from '../../src/ports/database.ts';
import { borrowSharedNeo4j } from '../support/neo4j.ts';
import { Neo4jRecording } from '../support/neo4j-recording.ts';
import { createPgliteDatabase } from '../support/postgres.ts';

jest.setTimeout(300_000);

let database: Database;
let server: Awaited<ReturnType<typeof borrowSharedNeo4j>>;
let recording: Neo4jRecording;
beforeAll(async () => {
  server = await borrowSharedNeo4j();
  database = await createPgliteDatabase({ migrated: true });
  recording = await Neo4jRecording.open(database, server.url, 'paused');
});
afterAll(async () => {
  await recording?.close();
  await database?.close();
  await server?.giveBack();
});

async function pause(): Promise<void> {
  const { connection } = recording;
  await connection.command(`CALL apoc.trigger.stop('neo4j', '_palinode')`, {}, 'system');
  const isPaused = async (): Promise<boolean> =>
    (await connection.read('CALL apoc.trigger.list() YIELD paused RETURN paused')).some(
      ({ paused }) => paused === true,
    );
  while (!(await isPaused())) await sleep(20);
}

test('a trigger that somebody paused runs again by the time that attaching returns', async () => {
  const { graph, recorder } = recording;
  await pause();
  expect((await graph.inspectCapture()).map(({ kind }) => kind)).toEqual(['TRIGGER_PAUSED']);
  expect(await graph.attach()).toMatchObject({ isNew: true });
  await recording.write('CREATE (:A {x: 1})');
  await recorder.fence();
  expect(await recording.recorded()).toEqual(await recording.live());
  expect(await graph.inspectCapture()).toEqual([]);
});

test('what attaching finds is told before anything is installed, and nothing is when it cannot be stored', async () => {
  const { graph } = recording;
  await pause();
  const told: unknown[] = [];
  const failing = graph.attach(async (found) => {
    told.push(
      found,
      (await graph.inspectCapture()).map(({ kind }) => kind),
    );
    throw new Error('PostgreSQL is away');
  });
  await expect(failing).rejects.toThrow('PostgreSQL is away');
  expect(told).toMatchObject([{ mode: 'CONTINUOUS', isNew: true }, ['TRIGGER_PAUSED']]);
  expect((await graph.inspectCapture()).map(({ kind }) => kind)).toEqual(['TRIGGER_PAUSED']);
  await graph.attach();
  expect(await graph.inspectCapture()).toEqual([]);
});

test('a transaction that was open when the trigger began to run is over when attaching returns', async () => {
  const { graph, connection } = recording;
  await pause();
  const driver = neo4j.driver(server.url);
  const session = driver.session();
  const open = session.beginTransaction();
  await open.run('CREATE (:Early)');
  let isAttached = false;
  const attaching = graph.attach().then(() => {
    isAttached = true;
  });
  while ((await graph.inspectCapture()).length > 0) await sleep(20);
  // Long enough for all that attaching does besides.
  for (let looks = 0; looks < 40; looks += 1) {
    await connection.read('RETURN 1');
    await sleep(50);
  }
  expect(isAttached).toBe(false);
  await open.commit();
  await attaching;
  await session.close();
  await driver.close();
});
