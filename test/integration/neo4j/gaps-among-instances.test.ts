import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Neo4jGraph, type Neo4jGraphOptions } from '../../../src/adapters/neo4j/neo4j-graph.ts';
import { triggerCapture } from '../../../src/adapters/neo4j/trigger/trigger-capture.ts';
import { PostgresAttachmentStore } from '../../../src/adapters/postgres/attachment-store.ts';
import { PostgresSchemaReadings } from '../../../src/adapters/postgres/schema-readings.ts';
import { PostgresVerificationStore } from '../../../src/adapters/postgres/verification-store.ts';
import { auditFact } from '../../../src/services/audit-facts.ts';
import { Recorder } from '../../../src/services/recorder/recorder.ts';
import { VerificationRun } from '../../../src/services/verification-run.ts';
import type { Neo4jRecording } from '../../support/neo4j-recording.ts';
import { neo4jRecordings } from '../../support/neo4j-recordings.ts';

jest.setTimeout(300_000);

const recordings = neo4jRecordings();
/** Longer than a test: what is noted is noted by nobody's regular look. */
const NEVER_MS = 3_600_000;

/** One instance that looks at capture with every fence, and the next, which does not. */
let first: Neo4jRecording;
let next: { readonly graph: Neo4jGraph; readonly recorder: Recorder };
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

/** A comparison that the next instance makes. */
async function verify(): Promise<void> {
  const verifications = new PostgresVerificationStore(recordings.database);
  const schemas = new PostgresSchemaReadings(recordings.database);
  const id = first.deps.keys.next();
  await verifications.create(id, first.graphId, auditFact(null, 'VERIFICATION_STARTED', {}));
  const verification = await verifications.get(id);
  if (verification === null) throw new Error('no verification');
  const deps = { ...first.deps, verifications, schemas, holder: 'next' };
  await verifications.acquire(id, deps.holder, VerificationRun.leaseMs);
  await new VerificationRun(deps, next, verification, new AbortController().signal).complete();
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

test('another store behind the graph is a gap once, whichever instance looks', async () => {
  await first.recorder.fence();
  await recordings.database.query(`UPDATE graphs SET capture_mode = 'OFF' WHERE id = $1`, [first.graphId]);
  const attachment = { storeId: 'the one that was attached', total: 0n };
  await attachments.begin(first.graphId, attachment, auditFact(null, 'GRAPH_ATTACHED', {}));
  await recordings.database.query(`UPDATE graph_attachments SET phase = 'DONE' WHERE graph_id = $1`, [first.graphId]);
  await recordings.database.query(`UPDATE graphs SET capture_mode = 'CONTINUOUS' WHERE id = $1`, [first.graphId]);
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
