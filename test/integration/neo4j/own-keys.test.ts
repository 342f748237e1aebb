import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Neo4jService } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
let service: Neo4jService;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j({ keyProperty: 'uuid' });
  service = shared.service;
});
afterAll(() => shared?.close());

const wipe = () => service.cypher('MATCH (n) DETACH DELETE n');
const problems = async (): Promise<unknown[]> => (await service.graph()).capture.problems.nodes;

test.each([
  ['lack it', "CREATE (:Doc {uuid: 'a'}), (:Doc)", /not a text on every node.*\(Doc\) has none/],
  [
    'have another type of value',
    "CREATE (:Doc {uuid: 'a'}), (:Doc {uuid: 7})",
    /not a text on every node.*\(Doc\) has INTEGER/,
  ],
  ['share one', "UNWIND [1, 2] AS n CREATE (:Doc {uuid: 'same'})", /the same on several nodes: "same" on 2/],
  [
    'tie nodes without one',
    "CREATE (:Doc {uuid: 'a'})-[:LINK]->(:Doc {uuid: 'b'})",
    /every relationship.*\(LINK\) has none/,
  ],
])('attaching is refused, with examples, when entities %s', async (_, statement, message) => {
  await wipe();
  await service.cypher(statement);
  expect(await service.attach()).toMatchObject({ __typename: 'CaptureError', message: expect.stringMatching(message) });
  // Nothing was installed, and nothing written.
  expect(await service.cypher("CALL apoc.trigger.list() YIELD name WHERE name = '_palinode' RETURN name")).toEqual([]);
  expect(await service.cypher('MATCH (n) WHERE n.palinodeKey IS NOT NULL RETURN n')).toEqual([]);
});

test('entities are known by it, it is never written, and what is put back has it again', async () => {
  await wipe();
  await service.cypher(
    `UNWIND range(1, 10) AS n CREATE (d:Doc {uuid: 'd' + n, n: n}) WITH collect(d) AS docs
     UNWIND range(0, 8) AS i WITH docs[i] AS a, docs[i + 1] AS b CREATE (a)-[:LINK {uuid: a.uuid + '-' + b.uuid}]->(b)`,
  );
  expect(await service.attach()).toMatchObject({ __typename: 'Graph' });
  await service.until('CONTINUOUS');
  const point = await service.point('all ten');
  await service.cypher("MATCH (d:Doc {uuid: 'd3'}) SET d.n = 33");
  await service.cypher("MATCH (d:Doc {uuid: 'd5'}) DETACH DELETE d");
  await service.cypher("CREATE (:Doc {uuid: 'new', n: 0})");
  const restored = await service.rollback({ to: { point: point.id } });
  expect(restored).toMatchObject({ status: 'COMPLETED', proof: { matches: true }, counts: { applied: '5' } });
  const rows = await service.cypher(
    'MATCH (d:Doc) OPTIONAL MATCH (d)-[r:LINK]->() WITH d, r ORDER BY d.n RETURN collect(d.uuid) AS docs, collect(r.uuid) AS links',
  );
  const docs = Array.from({ length: 10 }, (__, n) => `d${n + 1}`);
  expect(rows[0]?.toObject()).toEqual({ docs, links: docs.slice(1).map((doc, at) => `${docs[at]}-${doc}`) });
  expect(await service.cypher('MATCH (n:Doc) WHERE n.palinodeKey IS NOT NULL RETURN n')).toEqual([]);
  expect(await problems()).toEqual([]);
});

test('later violations are shown as problems, and what has no key is left out', async () => {
  const point = await service.point('before the violations');
  await service.cypher('CREATE (:Doc {n: 98}), (:Doc {uuid: 5, n: 99})');
  await service.cypher("MATCH (d:Doc {uuid: 'd1'}) SET d.n = 11");
  expect(await service.point('with a node that nobody can tell')).toMatchObject({
    __typename: 'RollbackPoint',
    nodeCount: '10',
  });
  for (let shown = await problems(); ; shown = await problems()) {
    if (shown.length === 0) continue;
    expect(shown).toEqual([{ kind: 'KEY_MISSING', message: expect.stringContaining('uuid'), key: null }]);
    break;
  }
  // A changed key is another entity to us: capture cannot have seen how that came about.
  await service.cypher("MATCH (d:Doc {uuid: 'd2'}) SET d.uuid = 'other'");
  expect(await service.point('in the gap')).toMatchObject({ __typename: 'CaptureError' });
  expect(await problems()).toContainEqual({
    kind: 'KEY_CHANGED',
    message: expect.stringContaining('uuid'),
    key: expect.any(String),
  });
  expect(await service.verify()).toMatchObject({ status: 'DONE' });
  expect((await service.graph()).capture.error).toBeNull();
  // Which of two with one key is meant nobody can tell, and neither is given another.
  await service.cypher("CREATE (:Doc {uuid: 'd3', n: 97})");
  await service.verify();
  await service.point('with two of one key');
  expect(await problems()).toContainEqual({
    kind: 'KEY_DOUBLED',
    message: expect.stringContaining('uuid'),
    key: 'd3',
  });
  await service.cypher('MATCH (d:Doc {n: 97}) DELETE d');
  await service.cypher("MATCH (d:Doc {uuid: 'other'}) SET d.uuid = 'd2'");
  await service.point('settles');
  await service.verify();
  expect(await service.rollback({ to: { point: point.id } })).toMatchObject({
    status: 'COMPLETED',
    proof: { matches: true },
  });
  const [row] = await service.cypher(
    'MATCH (d:Doc) WHERE d.uuid IS :: STRING NOT NULL RETURN count(d) AS docs, sum(d.n) AS sum',
  );
  expect(row?.toObject()).toEqual({ docs: 10n, sum: 55n });
  // What cannot be told apart is nobody's business of ours.
  const [left] = await service.cypher('MATCH (d:Doc) WHERE d.n >= 98 RETURN count(d) AS left');
  expect(left?.get('left')).toBe(2n);
});
