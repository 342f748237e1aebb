import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Neo4jGraph, type Neo4jGraphOptions } from '../../../src/adapters/neo4j/neo4j-graph.ts';
import { triggerCapture } from '../../../src/adapters/neo4j/trigger/trigger-capture.ts';
import { PostgresAttachmentStore } from '../../../src/adapters/postgres/attachment-store.ts';
import { PostgresSchemaReadings } from '../../../src/adapters/postgres/schema-readings.ts';
import { PostgresVerificationStore } from '../../../src/adapters/postgres/verification-store.ts';
import type { KnowledgeGraph } from '../../../src/ports/knowledge-graph.ts';
import { auditFact } from '../../../src/services/audit-facts.ts';
import { Recorder } from '../../../src/services/recorder/recorder.ts';
import { VerificationRun } from '../../../src/services/verification-run.ts';
import type { Neo4jRecording } from '../../support/neo4j-recording.ts';
import { neo4jRecordings } from '../../support/neo4j-recordings.ts';
import { overriding } from '../../support/recording-world.ts';

jest.setTimeout(300_000);

const recordings = neo4jRecordings();
/** Longer than a test: what is noted is noted by nobody's regular look. */
const NEVER_MS = 3_600_000;

interface Served {
  readonly graph: KnowledgeGraph;
  readonly recorder: Recorder;
}

/** One instance that looks at capture with every fence, and the next, which does not. */
let first: Neo4jRecording;
let next: Served & { readonly graph: Neo4jGraph };
let attachments: PostgresAttachmentStore;

async function open(options: Neo4jGraphOptions = {}): Promise<void> {
  attachments = new PostgresAttachmentStore(recordings.database);
  first = await recordings.open({ graph: options, deps: { attachments } });
  const { deps, secret } = first;
  if (deps.bindings === undefined) throw new Error('no bindings');
  const kept = { bindings: deps.bindings, secret };
  const graph = new Neo4jGraph('next', { url: recordings.url }, kept, triggerCapture(), options);
  await graph.attach();
  next = { graph, recorder: new Recorder({ ...deps, graph }, { inspectMs: NEVER_MS }) };
}

beforeEach(async () => open({ keyProperty: 'uuid' }));
afterEach(async () => {
  await next.recorder.stop();
  await next.graph.close();
});

async function captureError(): Promise<string | null> {
  return (await first.record()).captureError;
}

/** As if this store had been attached, and its baseline were over. */
async function rememberAttached(storeId: string): Promise<void> {
  const { database } = recordings;
  await database.query(`UPDATE graphs SET capture_mode = 'OFF' WHERE id = $1`, [first.graphId]);
  await attachments.begin(first.graphId, { storeId, total: 0n }, auditFact(null, 'GRAPH_ATTACHED', {}));
  await database.query(`UPDATE graph_attachments SET phase = 'DONE' WHERE graph_id = $1`, [first.graphId]);
  await database.query(`UPDATE graphs SET capture_mode = 'CONTINUOUS' WHERE id = $1`, [first.graphId]);
}

async function dropTrigger(): Promise<void> {
  await first.connection.command(`CALL apoc.trigger.drop('neo4j', '_palinode')`, {}, 'system');
  const running = 'CALL apoc.trigger.list() YIELD name RETURN name';
  while ((await first.connection.read(running)).length > 0) await sleep(20);
}

/** A comparison that the next instance makes. */
async function verify(served: Served = next, id = first.deps.keys.next()): Promise<void> {
  const verifications = new PostgresVerificationStore(recordings.database);
  const schemas = new PostgresSchemaReadings(recordings.database);
  await verifications.create(id, first.graphId, auditFact(null, 'VERIFICATION_STARTED', {}));
  const verification = await verifications.get(id);
  if (verification === null) throw new Error('no verification');
  const deps = { ...first.deps, attachments, verifications, schemas, holder: 'next' };
  await verifications.acquire(id, deps.holder, VerificationRun.leaseMs);
  await new VerificationRun(deps, served, verification, new AbortController().signal).complete();
}

test('a key that was changed is a gap that an instance which dies leaves to the next one', async () => {
  await first.write("CREATE (:Doc {uuid: 'a'})");
  await next.recorder.fence();
  await first.write("MATCH (d:Doc) SET d.uuid = 'b'");
  // It reads the feed, and that is the last of it.
  for await (const slice of first.graph.feed(100)) expect(slice).toEqual([]);
  expect(first.graph.notices.all()).toHaveLength(1);
  expect(await first.graph.pending()).toMatchObject({ transactions: 1n });
  expect(await captureError()).toBeNull();
  await next.recorder.fence();
  expect(await captureError()).toContain('the key property uuid was changed');
  await next.recorder.fence();
  expect(await next.graph.pending()).toMatchObject({ transactions: 0n });
});

test('a key that was changed is over with a comparison, whichever instance makes it', async () => {
  await first.write("CREATE (:Doc {uuid: 'a'})");
  await first.write("MATCH (d:Doc) SET d.uuid = 'b'");
  await first.recorder.fence();
  expect(await captureError()).toContain('the key property uuid was changed');
  await first.recorder.stop();
  await verify();
  expect(await captureError()).toBeNull();
  await next.recorder.stop();
  const again = new Recorder(first.deps, { inspectMs: 0 });
  try {
    await again.certainFence();
    expect(await captureError()).toBeNull();
    // The next change is a gap again.
    await first.write("MATCH (d:Doc) SET d.uuid = 'c'");
    await again.fence();
    expect(await captureError()).toContain('the key property uuid was changed');
  } finally {
    await again.stop();
  }
});

test('what a scan found that somebody else goes on with is theirs to tell', async () => {
  await first.write("CREATE (:Doc {uuid: 'a'})");
  await first.write("MATCH (d:Doc) SET d.uuid = 'b'");
  await first.write("CREATE (:Doc {uuid: 'c'})");
  // Given up at the first slice, by when what follows is known.
  for await (const slice of first.graph.feed(1)) {
    expect(slice).toHaveLength(1);
    expect(first.graph.notices.all()).toHaveLength(1);
    break;
  }
  expect(first.graph.notices.all()).toEqual([]);
  await next.recorder.fence();
  expect(await captureError()).toContain('the key property uuid was changed');
  await verify();
  await next.recorder.stop();
  await first.recorder.certainFence();
  expect(await captureError()).toBeNull();
});

test('a trigger that is found missing is a gap before it is installed again, whatever becomes of who installs it', async () => {
  await next.recorder.fence();
  await rememberAttached(await next.graph.storeId());
  await first.recorder.stop();
  await dropTrigger();
  await first.write("CREATE (:Doc {uuid: 'unseen'})");
  expect(await captureError()).toBeNull();
  const graph = overriding<KnowledgeGraph>(next.graph, {
    attach: async (before) => {
      await next.graph.attach(before);
      throw new Error('killed');
    },
  });
  await expect(verify({ ...next, graph })).rejects.toThrow('killed');
  expect(await next.graph.inspectCapture()).toEqual([]);
  expect(await captureError()).toContain('had to be installed again');
  const { items } = await first.deps.history.captureProblems(first.graphId, { limit: 10 });
  expect(items.map(({ kind }) => kind)).toEqual(['CAPTURE_MISSING']);
});

test('counts that differ because of a gap that is shown are no gap of their own, which a comparison would not lift', async () => {
  await next.recorder.stop();
  await next.graph.close();
  // With keys that are given, the graph's own counts are compared.
  await open();
  await first.recorder.fence();
  await rememberAttached(await next.graph.storeId());
  await dropTrigger();
  await first.write('CREATE (:Doc)-[:OF]->(:Doc)');
  await first.recorder.fence();
  expect(await captureError()).toContain('not installed');
  const graph = overriding<KnowledgeGraph>(first.graph, {
    scan: async function* (kind, size) {
      for (const _ of [1, 2, 3]) await first.recorder.certainFence().catch(() => {});
      yield* first.graph.scan(kind, size);
    },
  });
  await verify({ graph, recorder: first.recorder });
  expect(await captureError()).toBeNull();
  const { items } = await first.deps.history.captureProblems(first.graphId, { limit: 10 });
  expect(items.map(({ kind }) => kind)).toEqual(['TRIGGER_MISSING']);
  await first.recorder.certainFence();
});

test('a comparison that was cut off after it had recorded what it found records what differs when it is made again', async () => {
  await first.write("CREATE (:Doc {uuid: 'a'}), (:Doc {uuid: 'b'})");
  await next.recorder.fence();
  await first.recorder.stop();
  await rememberAttached(await next.graph.storeId());
  const unseen = async (text: string) => {
    await dropTrigger();
    await first.write(text);
  };
  await unseen("MATCH (d:Doc {uuid: 'a'}) SET d.x = 1");
  const graph = overriding<KnowledgeGraph>(next.graph, {
    settleIncidents: () => Promise.reject(new Error('killed')),
  });
  const id = first.deps.keys.next();
  await expect(verify({ ...next, graph }, id)).rejects.toThrow('killed');
  await unseen("MATCH (d:Doc {uuid: 'b'}) SET d.x = 2");
  await verify(next, id);
  expect(await captureError()).toBeNull();
  expect(await first.recorded()).toEqual(await first.live());
  const ended = await new PostgresVerificationStore(recordings.database).get(id);
  expect(ended).toMatchObject({ status: 'DONE', matches: false });
  const sources = (await first.transactions()).map(({ source }) => source);
  expect(sources).toEqual(['BOLT', 'RECONCILE', 'RECONCILE']);
});

test('another store behind the graph is a gap once, whichever instance looks', async () => {
  await first.recorder.fence();
  await rememberAttached('the one that was attached');
  await next.recorder.certainFence().catch(() => {});
  expect(await captureError()).toContain('another store');
  await verify();
  expect(await captureError()).toBeNull();
  for (const recorder of [first.recorder, next.recorder]) await recorder.certainFence();
  expect(await attachments.get(first.graphId)).toMatchObject({ storeId: await next.graph.storeId() });
  // And once more, to an instance that has not looked since: a comparison under way must not lift it.
  await attachments.noteStore(first.graphId, 'the one before');
  await next.recorder.certainFence().catch(() => {});
  await attachments.noteStore(first.graphId, 'yet another');
  const { gaps } = await first.record();
  await next.recorder.certainFence().catch(() => {});
  expect(await first.record()).toMatchObject({
    gaps: gaps + 1n,
    captureError: expect.stringContaining('another store'),
  });
});
