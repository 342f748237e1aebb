import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { PostgresAttachmentStore } from '../../../src/adapters/postgres/attachment-store.ts';
import type { KnowledgeGraph } from '../../../src/ports/knowledge-graph.ts';
import { auditFact } from '../../../src/services/audit-facts.ts';
import { Recorder } from '../../../src/services/recorder/recorder.ts';
import { borrowSharedNeo4j } from '../../support/neo4j.ts';
import { Neo4jRecording } from '../../support/neo4j-recording.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

jest.setTimeout(120_000);

let created: TestDatabase;
let neo4j: Awaited<ReturnType<typeof borrowSharedNeo4j>>;
beforeAll(async () => {
  created = await createTestDatabase({ migrated: true });
  neo4j = await borrowSharedNeo4j();
});
afterAll(async () => {
  await created?.[Symbol.asyncDispose]();
  await neo4j?.giveBack();
});

/** A graph of which something else happens to the whole, once, after the first page of its baseline was read. */
function disturbed(graph: KnowledgeGraph, disturb: () => Promise<void>): KnowledgeGraph {
  let done = false;
  const baseline: KnowledgeGraph['baseline'] = async function* (cursor, limit) {
    for await (const page of graph.baseline(cursor, limit)) {
      yield page;
      if (!done) await disturb();
      done = true;
    }
  };
  return new Proxy(graph, {
    get: (target, name) => {
      if (name === 'baseline') return baseline;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

test('a graph that is put back while its baseline is recorded is read again, though it holds as much as before', async () => {
  const { database } = created;
  const attachments = new PostgresAttachmentStore(database);
  const recording = await Neo4jRecording.open(database, neo4j.url, 'put-back', { deps: { attachments } });
  const { history, graphId, deps } = recording;
  await recording.unseen('UNWIND range(1, 6000) AS n CREATE (:Item {n: n})-[:HAS]->(:Part {n: n})');
  // What a restored dump does: no trigger sees it, and what we had written into the graph is not there.
  const putBack = async (): Promise<void> => {
    await recording.unseen('MATCH (m:_PalinodeMarker) DELETE m');
    await recording.unseen('MATCH (n:Item) WHERE n.n <= 3000 WITH n LIMIT 3000 DETACH DELETE n');
    await recording.unseen('UNWIND range(1, 3000) AS n CREATE (:Item {old: n})');
    await recording.unseen('MATCH (i:Item) WHERE i.old IS NOT NULL MATCH (p:Part {n: i.old}) CREATE (i)-[:HAD]->(p)');
  };
  await database.query(`UPDATE graphs SET capture_mode = 'OFF' WHERE id = $1`, [graphId]);
  const attachment = { storeId: 'store', total: 18_000n };
  await attachments.begin(graphId, attachment, auditFact(null, 'GRAPH_ATTACHED', {}));
  const recorder = new Recorder({ ...deps, graph: disturbed(recording.graph, putBack) }, { inspectMs: 0 });
  recorder.start();
  try {
    while ((await recording.record()).captureMode !== 'CONTINUOUS') await sleep(20);
    const { epoch, nodeCount, relationshipCount } = await recording.record();
    expect({ epoch, nodeCount, relationshipCount }).toEqual({ epoch: 2, nodeCount: 12_000n, relationshipCount: 6000n });
    expect(await recording.recorded()).toEqual(await recording.live());
    const problems = await history.captureProblems(graphId, { limit: 10 });
    expect(problems.items).toMatchObject([{ kind: 'STORE_RESTORED', message: expect.stringContaining('read again') }]);
  } finally {
    await recorder.stop();
    await recording.close();
  }
});
