import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Neo4jService } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
let service: Neo4jService;

beforeAll(async () => {
  shared = await serviceOnSharedNeo4j({}, (connection) =>
    connection.write({}, (tx) => tx.run('CREATE (:_PalinodeOlder {n: 0})-[:T]->(:Plain)')),
  );
  service = shared.service;
  await service.attach();
  await service.until('CONTINUOUS');
});
afterAll(async () => {
  await shared?.close();
});
beforeEach(async () => {
  await expectSettled();
});

/** Nothing differs, in counts neither, and nothing had to be put right. */
async function expectSettled(): Promise<void> {
  expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
  const { graph } = await service.client.data('{ graph(name: "g") { capture { error reconciled } } }');
  expect(graph.capture).toEqual({ error: null, reconciled: '0' });
}

test('a label that begins as ours do is the user’s: captured, counted, undone and put back', async () => {
  await service.cypher(
    'CREATE (:_PalinodeX {n: 1})-[:T]->(:_PalinodeX:Doc {n: 2}), (:_Palinode {n: 3}), (:Doc {n: 4})',
  );
  await service.cypher('MATCH (d:Doc {n: 4}) SET d:_PalinodeY');
  const point = await service.point('before');
  const robot = { actor: 'robot' };
  await service.cypher('MATCH (x:_PalinodeX {n: 1}) SET x.n = 10, x:More REMOVE x:_PalinodeX', {}, robot);
  await service.cypher('MATCH (x:_PalinodeX {n: 2}) DETACH DELETE x', {}, robot);
  await service.cypher('CREATE (:_PalinodeZ {n: 5})', {}, robot);
  await service.cypher('MATCH (d:_PalinodeY) REMOVE d:_PalinodeY', {}, robot);
  await service.cypher('MATCH (o:_PalinodeOlder) SET o.n = 20', {}, robot);
  await expectSettled();

  const undone = await service.rollback({ undo: { by: robot, from: { point: point.id } } });
  expect(undone).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
  const rows = await service.cypher(
    `MATCH (n) WHERE n.n IS NOT NULL AND NOT n:_PalinodeOutbox RETURN n.n AS n, labels(n) AS labels, COUNT { (n)--() } AS ends ORDER BY n`,
  );
  expect(rows.map((row) => [row.get('n'), row.get('labels').toSorted(), row.get('ends')])).toEqual([
    [0n, ['_PalinodeOlder'], 1n],
    [1n, ['_PalinodeX'], 1n],
    [2n, ['Doc', '_PalinodeX'], 1n],
    [3n, ['_Palinode'], 0n],
    [4n, ['Doc', '_PalinodeY'], 0n],
  ]);
  await expectSettled();
});

test('a change of a vector that a procedure set is undone', async () => {
  const set = (vector: string) =>
    `MERGE (v:Vector) WITH v CALL db.create.setNodeVectorProperty(v, 'e', ${vector}) SET v.n = v.e[0]`;
  await service.cypher(set('[0.1, 0.2]'));
  const point = await service.point('vector');
  await service.cypher(set('[0.3, 0.4]'), {}, { actor: 'robot' });
  await expectSettled();
  const undone = await service.rollback({ undo: { by: { actor: 'robot' }, from: { point: point.id } } });
  expect(undone).toMatchObject({ status: 'COMPLETED', proof: { matches: true }, counts: { applied: '1' } });
  const [row] = await service.cypher('MATCH (v:Vector) RETURN v.e AS e, v.n AS n');
  expect(row?.toObject()).toEqual({ e: [0.1, 0.2].map(Math.fround), n: Math.fround(0.1) });
  await service.cypher('MATCH (v:Vector) DELETE v');
  await expectSettled();
});
