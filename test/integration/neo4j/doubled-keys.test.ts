import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Neo4jService } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
let service: Neo4jService;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j({ keyProperty: 'uuid', attach: true });
  service = shared.service;
  await service.until('CONTINUOUS');
});
afterAll(() => shared?.close());

const problems = async (): Promise<unknown[]> => (await service.graph()).capture.problems.nodes;

test('what is done to a copy that has the key of another is no change of that', async () => {
  await service.cypher("CREATE (:Doc {uuid: 'kept', n: 1})-[:LINK {uuid: 'tie'}]->(:Doc {uuid: 'end', n: 2})");
  const { seq, nodeCount } = await service.point('before the copies');
  const copies = 'MATCH (d:Doc {uuid: "kept"}) WHERE NOT (d)--()';
  // Nothing but its place tells the last of them from the one that is recorded.
  for (const statement of [
    'MATCH (d:Doc {uuid: "kept"})--() CREATE (c:Doc) SET c = properties(d)',
    `${copies} SET d.n = 5`,
    `${copies} SET d.n = 1`,
    `${copies} DELETE d`,
    'MATCH (a:Doc {uuid: "kept"}), (b:Doc {uuid: "end"}) CREATE (b)-[:LINK {uuid: "tie"}]->(a)',
    'MATCH (:Doc {uuid: "end"})-[r:LINK {uuid: "tie"}]->() DELETE r',
    'MATCH (d:Doc {uuid: "kept"})--() CREATE (c:Doc) SET c = properties(d) SET d.n = 4',
    `${copies} DELETE d`,
  ]) {
    await service.cypher(statement);
    expect(await service.point(statement)).toMatchObject({ nodeCount });
  }
  const query = `query ($from: BigInt!) { graph(name: "g") { capture { error } diff(from: { seq: $from }) { changes { nodes { action key properties { name before { json } after { json } } } } } } }`;
  const { capture, diff } = (await service.client.data(query, { from: seq })).graph;
  expect(capture.error).toBeNull();
  expect(diff.changes.nodes).toEqual([
    { action: 'UPDATED', key: 'kept', properties: [{ name: 'n', before: { json: 1 }, after: { json: 4 } }] },
  ]);
  const doubled = (key: string) => ({ kind: 'KEY_DOUBLED', message: expect.stringContaining('uuid'), key });
  expect(await problems()).toEqual(expect.arrayContaining([doubled('kept'), doubled('tie')]));
  expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
  await service.cypher('MATCH (d:Doc) WHERE d.uuid IN ["kept", "end"] DETACH DELETE d');
});

test('of several that are created with one key, one is recorded', async () => {
  const twins = `UNWIND [1, 2, 3] AS n CREATE (d:Doc {uuid: 'twin', n: n}) WITH collect(d) AS docs
    FOREACH (d IN docs | CREATE (d)-[:LINK {uuid: 'twin tie'}]->(d))`;
  const all = "MATCH (d:Doc {uuid: 'twin'})";
  const { nodeCount } = await service.point('before the twins');
  const oneMore = `${Number(nodeCount) + 1}`;
  const another = "CREATE (:Doc {uuid: 'twin', n: 4})";
  for (const [statements, count] of [
    [[twins], oneMore],
    [[`${all} SET d.n = d.n + 1`], oneMore],
    [[`${all} DETACH DELETE d`], nodeCount],
    [[another, another, `${all} SET d.n = 5`], oneMore],
    [[`${all} DETACH DELETE d WITH count(*) AS gone ${twins}`], oneMore],
    [[`${all} DETACH DELETE d`, another], oneMore],
    [[another, `${all} DELETE d`], nodeCount],
  ] as const) {
    for (const statement of statements) await service.cypher(statement);
    expect(await service.point(statements.join('; '))).toMatchObject({ nodeCount: count });
    expect((await service.graph()).capture.error).toBeNull();
  }
  const doubled = { kind: 'KEY_DOUBLED', message: expect.stringContaining('uuid'), key: 'twin' };
  expect(await problems()).toContainEqual(doubled);
  expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
});
