import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Neo4jService } from '../../support/neo4j-service.ts';
import { Neo4jService as Service } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';

jest.setTimeout(300_000);

/** As users have it: whatever is written is stamped, counted up, and told by nobody's parameters. */
const STAMPER = `UNWIND $createdNodes + [x IN apoc.coll.flatten([k IN keys($assignedNodeProperties) WHERE k <> 'updatedAt' | $assignedNodeProperties[k]]) | x.node] AS n
  WITH DISTINCT n WHERE n:Doc SET n.updatedAt = timestamp(), n.revision = coalesce(n.revision, 0) + 1`;

let shared: SharedNeo4jService;
let service: Neo4jService;

async function trigger(text: string): Promise<void> {
  const session = service.driver.session({ database: 'system' });
  await session.run(text, { statement: STAMPER });
  await session.close();
}

beforeAll(async () => {
  shared = await serviceOnSharedNeo4j({ derivedProperties: ['updatedAt', 'revision'] });
  service = shared.service;
  await trigger(`CALL apoc.trigger.install('neo4j', 'stamper', $statement, {phase: 'before'})`);
  for (let stamped = 0n; stamped === 0n; await sleep(50)) {
    await service.cypher('MERGE (d:Doc {probe: true}) SET d.x = coalesce(d.x, 0) + 1');
    const [row] = await service.cypher('MATCH (d:Doc) RETURN count(d.revision) AS n');
    stamped = row?.get('n');
  }
  await service.cypher('MATCH (d:Doc) DETACH DELETE d');
});
afterAll(async () => {
  if (shared === undefined) return;
  await trigger(`CALL apoc.trigger.drop('neo4j', 'stamper')`);
  await shared.close();
});

test('another trigger that writes before the commit has to be told of', async () => {
  const untold = await Service.open(shared.url, {});
  expect(await untold.attach()).toMatchObject({
    __typename: 'CaptureError',
    message: expect.stringMatching(/stamper.*derivedProperties/),
  });
  await untold.close();
});

test('what it stamps is no part of any state: no gap, no difference, and undo works on top of it', async () => {
  await service.attach();
  await service.until('CONTINUOUS');
  await service.cypher("UNWIND range(1, 30) AS n CREATE (:Doc {n: n, text: 'good'})");
  const point = await service.point('good');
  await service.cypher("MATCH (d:Doc) WHERE d.n <= 10 SET d.text = 'bad'", {}, { actor: 'robot' });
  await service.cypher('MATCH (d:Doc {n: 11}) DELETE d', {}, { actor: 'robot' });
  await service.cypher('MATCH (d:Doc {n: 1}) SET d.more = 1', {}, { actor: 'ada' });
  expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });

  const undone = await service.rollback({ undo: { by: { actor: 'robot' }, from: { point: point.id } } });
  expect(undone).toMatchObject({ status: 'COMPLETED', proof: { matches: true }, counts: { applied: '11' } });
  const rows = await service.cypher(
    "MATCH (d:Doc) RETURN count(d) AS docs, count(CASE d.text WHEN 'good' THEN 1 END) AS good, count(d.more) AS more, min(d.revision) AS least, max(d.revision) AS most",
  );
  // The other trigger has stamped what the rollback wrote, as it stamps everybody's writes.
  expect(rows[0]?.toObject()).toEqual({ docs: 30n, good: 30n, more: 1n, least: 1n, most: 4n });

  const { graph } = await service.client.data(
    '{ graph(name: "g") { nodes(label: "Doc", first: 30) { nodes { properties { name } } } capture { error reconciled } } }',
  );
  const names = graph.nodes.nodes.flatMap((doc: { properties: { name: string }[] }) => doc.properties);
  expect(new Set(names.map(({ name }: { name: string }) => name))).toEqual(new Set(['more', 'n', 'text']));
  expect(graph.capture).toEqual({ error: null, reconciled: '0' });
  expect(await service.rollback({ to: { point: point.id } })).toMatchObject({
    status: 'COMPLETED',
    proof: { matches: true, method: 'CONTINUOUS_CHECKSUM' },
  });
});
