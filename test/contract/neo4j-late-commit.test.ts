import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Database } from '../../src/ports/database.ts';
import { borrowSharedNeo4j } from '../support/neo4j.ts';
import { Neo4jRecording } from '../support/neo4j-recording.ts';
import { createPgliteDatabase } from '../support/postgres.ts';

jest.setTimeout(300_000);

/** APOC runs triggers by the place of their name in a hash table: this one after ours. */
const SLOW = 'sleeping';
const SLOW_MS = 5_000;

let database: Database;
let server: Awaited<ReturnType<typeof borrowSharedNeo4j>>;
let recording: Neo4jRecording;
beforeAll(async () => {
  server = await borrowSharedNeo4j();
  database = await createPgliteDatabase({ migrated: true });
  recording = await Neo4jRecording.open(database, server.url, 'late', { graph: { derivedProperties: ['none'] } });
});
afterAll(async () => {
  await recording?.close();
  await database?.close();
  server?.giveBack();
});

test('a commit that ran the trigger and ends after it was removed leaves nothing in the outbox', async () => {
  const { connection, graph } = recording;
  const statement = `WITH coalesce($metaData.slow, false) AS slow WHERE slow CALL apoc.util.sleep(${SLOW_MS}) RETURN slow`;
  await connection.command(
    `CALL apoc.trigger.install('neo4j', $name, $statement, {phase: 'before'}, {}) YIELD name RETURN name`,
    { name: SLOW, statement },
    'system',
  );
  const loaded = 'CALL apoc.trigger.list() YIELD name RETURN collect(name) AS names';
  for (let names = ''; !names.includes(SLOW); await sleep(20))
    names = String((await connection.read(loaded))[0]?.names);
  // Compiled before, so that the one that counts is asleep soon.
  await recording.write('CREATE (:Item {n: 0})');
  const late = recording.write('CREATE (:Item {n: 1})', {}, { slow: true });
  await sleep(1_500);
  await graph.detach({ removeKeys: false });
  await late;
  const [left] = await connection.read('MATCH (o:_PalinodeOutbox) RETURN count(o) AS n');
  expect(left?.n).toBe(0n);
});
