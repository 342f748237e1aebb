import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import neo4j, { type Driver } from 'neo4j-driver';
import { MemoryEventBus } from '../../src/adapters/memory/event-bus.ts';
import { Neo4jGraph } from '../../src/adapters/neo4j/neo4j-graph.ts';
import { triggerCapture } from '../../src/adapters/neo4j/trigger/trigger-capture.ts';
import { PostgresAttachmentStore } from '../../src/adapters/postgres/attachment-store.ts';
import { PostgresBindings } from '../../src/adapters/postgres/bindings.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import type { Database } from '../../src/ports/database.ts';
import { auditFact } from '../../src/services/audit-facts.ts';
import { GraphHost } from '../../src/services/graph-host.ts';
import { GraphRegistry } from '../../src/services/graph-registry.ts';
import { looseSecret } from '../support/capture-secret.ts';
import { leftOfOurs, untilNothingIsLeft } from '../support/left-of-ours.ts';
import { Mortal } from '../support/mortal.ts';
import { borrowSharedNeo4j } from '../support/neo4j.ts';
import { Neo4jRecording } from '../support/neo4j-recording.ts';
import { createPgliteDatabase } from '../support/postgres.ts';

jest.setTimeout(300_000);

let database: Database;
let server: Awaited<ReturnType<typeof borrowSharedNeo4j>>;
let driver: Driver;
let recording: Neo4jRecording;
let attachments: PostgresAttachmentStore;
const hosts: GraphHost[] = [];
let named = 0;

beforeAll(async () => {
  server = await borrowSharedNeo4j();
  driver = neo4j.driver(server.url, undefined, { useBigInt: true });
  database = await createPgliteDatabase({ migrated: true });
  attachments = new PostgresAttachmentStore(database);
});
beforeEach(async () => {
  named += 1;
  recording = await Neo4jRecording.open(database, server.url, `g${named}`);
});
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop().catch(() => {});
  await recording?.close();
});
afterAll(async () => {
  await driver?.close();
  await database?.close();
  server?.giveBack();
});

/** An instance that serves the graph unless it is detached. */
function instance(mortal = new Mortal(null)): GraphHost {
  const deps = {
    history: recording.history,
    attachments: mortal.wrap(attachments),
    registry: new GraphRegistry(),
    schemas: { note: async () => {} },
    bus: new MemoryEventBus(),
    clock: systemClock,
    onError: () => {},
  };
  const graph = mortal.wrap(recording.graph);
  const { graphId: id, recorder } = recording;
  const host = new GraphHost(deps, [{ id, name: 'g', graph, attachAtStart: false, recorder: () => recorder }]);
  hosts.push(host);
  return host;
}

const detached = auditFact(null, 'GRAPH_DETACHED', {}, {});

/** Detached, as far as PostgreSQL knows, by an instance that was killed before it touched the graph. Entries wait. */
async function halfDetached(removeKeys = false): Promise<void> {
  const host = instance(new Mortal({ call: 1, moment: 'before', of: new Set(['detach']) }));
  await host.start();
  await recording.recorder.stop();
  await recording.write('CREATE (:Item {n: 1})');
  await expect(host.detach(recording.graphId, removeKeys, detached)).rejects.toThrow();
  expect(await recording.history.graph(recording.graphId)).toMatchObject({ captureMode: 'OFF' });
  await recording.write('CREATE (:Item {n: 2})');
  expect((await leftOfOurs(driver)).triggers).toBe(1n);
}

const keys = async (): Promise<unknown> => {
  const { records } = await driver.executeQuery('MATCH (n) WHERE n.palinodeKey IS NOT NULL RETURN count(n) AS n');
  return records[0]?.get('n');
};

test('what a detaching left that was killed half-way is removed by whoever starts next', async () => {
  await halfDetached();
  await instance().start();
  await untilNothingIsLeft(driver);
  expect(await keys()).toBe(2n);
  await recording.write('CREATE (:Item {n: 3})');
  expect(await leftOfOurs(driver)).toEqual({ nodes: 0n, triggers: 0n });
});

test('with the keys, if they were to be removed', async () => {
  await halfDetached(true);
  await instance().start();
  await untilNothingIsLeft(driver);
  for (let looks = 0; looks < 200 && (await keys()) !== 0n; looks += 1) await new Promise((go) => setTimeout(go, 50));
  expect(await keys()).toBe(0n);
});

test('of another service that has attached the same database since, nothing is', async () => {
  await halfDetached();
  const kept = { bindings: new PostgresBindings(database, recording.graphId), secret: looseSecret() };
  const others = new Neo4jGraph('others', { url: server.url }, kept, triggerCapture());
  try {
    await others.attach();
    await others.stamp.write('theirs');
    await recording.write('CREATE (:Item {n: 4})');
    const before = await leftOfOurs(driver);
    await instance().start();
    expect(await leftOfOurs(driver)).toEqual(before);
    expect(await others.inspectCapture()).toEqual([]);
  } finally {
    await others.detach({ removeKeys: false });
    await others.close();
  }
});

test('a stamp that an instance wrote which had not heard of it goes, and one that another service wrote stays', async () => {
  const secretHash = hash('sha256', (await recording.secret.get()) ?? '');
  await attachments.end(recording.graphId, detached);
  await recording.graph.detach({ removeKeys: false });
  await recording.graph.stamp.write('late');
  const ended = { secretHash, isCapturedAgain: false, removeKeys: false };
  expect(await recording.graph.removeLeft({ ...ended, stamps: ['earlier'] })).toBe(true);
  expect(await recording.graph.stamp.read()).toBe('late');
  expect(await recording.graph.removeLeft({ ...ended, stamps: ['earlier', 'late'] })).toBe(true);
  expect(await leftOfOurs(driver)).toEqual({ nodes: 0n, triggers: 0n });
});

test('is looked for until nobody can write any more, and forgotten then', async () => {
  await attachments.end(recording.graphId, detached, true);
  const first = await attachments.ended(recording.graphId);
  expect(first).toMatchObject({ secretHash: expect.stringMatching(/^[0-9a-f]{64}$/), removeKeys: true, stamps: [] });
  await instance().start();
  await untilNothingIsLeft(driver);
  expect(await attachments.ended(recording.graphId)).not.toBeNull();
  await database.query(`UPDATE ended_captures SET ended_at = ended_at - interval '1 minute'`);
  await recording.graph.stamp.write('late');
  await database.query(
    `INSERT INTO graph_attachments (graph_id, store_id, source, phase, next_stamp) VALUES ($1, 's', 'BASELINE', 'DONE', 'late')`,
    [recording.graphId],
  );
  await instance().start();
  await untilNothingIsLeft(driver);
  for (let looks = 0; looks < 200 && (await attachments.ended(recording.graphId)) !== null; looks += 1) {
    await new Promise((go) => setTimeout(go, 50));
  }
  expect(await attachments.ended(recording.graphId)).toBeNull();
});
