import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestNeo4j, type TestNeo4j } from '../../support/neo4j.ts';
import { Neo4jService } from '../../support/neo4j-service.ts';

/** A Neo4j without APOC: nothing can be installed, so the graph is compared as a whole. */
describe('a graph that is captured by scans', () => {
  let neo4j: TestNeo4j;
  let service: Neo4jService;

  beforeAll(async () => {
    neo4j = await startTestNeo4j({ apoc: false });
    service = await Neo4jService.open(neo4j.url);
    await service.cypher(
      `UNWIND range(1, 20) AS i CREATE (p:Person {name: 'p' + i, born: date('1990-01-01')})
       WITH collect(p) AS people UNWIND range(0, 18) AS i
       WITH people[i] AS a, people[i + 1] AS b, i CREATE (a)-[:KNOWS {since: i}]->(b)`,
    );
  }, 300_000);
  afterAll(async () => {
    await service?.close();
    await neo4j?.stop();
  });

  const names = async (): Promise<unknown[]> =>
    (await service.cypher('MATCH (p:Person) RETURN p.name AS name ORDER BY name')).map((row) => row.get('name'));

  test('is not captured before it is attached, and says so', async () => {
    expect((await service.graph()).capture).toMatchObject({ mode: 'OFF', error: null });
    const refused = {
      __typename: 'CaptureError',
      code: 'CAPTURE_UNAVAILABLE',
      message: expect.stringContaining('attachGraph'),
    };
    expect(await service.point('p')).toMatchObject(refused);
    expect(await service.verify()).toMatchObject(refused);
    expect(await service.rollback({ to: { keyword: 'LIVE' } })).toMatchObject(refused);
    const write = { graph: 'g', changes: [{ putNode: { labels: ['X'] } }] };
    expect(await service.mutate('writeGraph', 'WriteGraphInput', write, '')).toMatchObject(refused);
  });

  test('attaching records everything that is there, and gives keys', async () => {
    expect(await service.attach()).toMatchObject({ __typename: 'Graph' });
    const graph = await service.until('SCAN');
    expect(graph).toMatchObject({ nodeCount: '20', relationshipCount: '19', capture: { progress: 100, error: null } });
    const [row] = await service.cypher(
      'MATCH (n)-[r]->() WHERE n.palinodeKey IS NULL OR r.palinodeKey IS NULL RETURN count(*) AS n',
    );
    expect(row?.get('n')).toBe(0n);
    expect(await service.attach()).toMatchObject({ __typename: 'Graph', capture: { mode: 'SCAN' } });
  });

  test('a copy that brought a key along is an entity of its own', async () => {
    const before = await service.point('before the copies');
    await service.cypher(
      `MATCH (p:Person {name: 'p3'})-[r]->(q) CREATE (c:Person)-[s:KNOWS]->(q) SET c = properties(p), s = properties(r)`,
    );
    expect(await service.point('with copies')).toMatchObject({ nodeCount: '21', relationshipCount: '20' });
    expect(await service.rollback({ to: { point: before.id } })).toMatchObject({ status: 'COMPLETED' });
    expect(await service.point('without')).toMatchObject({ checksum: before.checksum });
    expect(await names()).toHaveLength(20);
  });

  test('a point is what the graph holds when it is created; diff and restore work', async () => {
    const before = await names();
    const start = await service.point('start');
    expect(start).toMatchObject({
      __typename: 'RollbackPoint',
      status: 'STORED',
      nodeCount: '20',
      relationshipCount: '19',
    });
    await service.cypher(`MATCH (p:Person {name: 'p1'}) SET p.name = 'changed', p.born = null`);
    await service.cypher(`MATCH (p:Person {name: 'p2'}) DETACH DELETE p`);
    await service.cypher(`MATCH (a:Person {name: 'p3'}) CREATE (a)-[:KNOWS {since: 99}]->(:Person {name: 'new'})`);
    const second = await service.point('second');
    expect(second).toMatchObject({ nodeCount: '20', relationshipCount: '18' });
    const query = `query ($a: ID!, $b: ID!) { graph(name: "g") { diff(from: {point: $a}, to: {point: $b}) { summary {
      nodesCreated nodesUpdated nodesDeleted relationshipsCreated relationshipsDeleted } } } }`;
    const { graph } = await service.client.data(query, { a: start.id, b: second.id });
    expect(graph.diff.summary).toEqual({
      nodesCreated: '1',
      nodesUpdated: '1',
      nodesDeleted: '1',
      relationshipsCreated: '1',
      relationshipsDeleted: '2',
    });
    const restored = await service.rollback({ to: { point: start.id } });
    expect(restored).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
    expect(await names()).toEqual(before);
    expect(await service.point('again')).toMatchObject({ checksum: start.checksum });
  });

  test('undo by session, actor or operation is refused with the reason', async () => {
    const session = await service.mutate(
      'openSession',
      'OpenSessionInput',
      { graph: 'g', actor: 'ada' },
      '... on Session { id }',
    );
    expect(session.id).toBeDefined();
    const refused = { __typename: 'CaptureError', message: expect.stringContaining('captured by scans') };
    expect(await service.rollback({ undo: { by: { session: session.id } } })).toMatchObject(refused);
    expect(await service.rollback({ undo: { by: { actor: 'ada' }, from: { keyword: 'EARLIEST' } } })).toMatchObject(
      refused,
    );
    const query = `{ graph(name: "g") { operations(filter: { status: COMPLETED }) { nodes { id availableActions } } } }`;
    const [restore] = (await service.client.data(query)).graph.operations.nodes;
    expect(restore.availableActions).toEqual([]);
    const undo = service.mutate('undoRollback', 'OperationInput', { id: restore.id }, '');
    expect(await undo).toMatchObject(refused);
  });

  test('writes of the service are applied, and have no transaction of their own', async () => {
    const input = { graph: 'g', changes: [{ putNode: { labels: ['Made'], set: [{ name: 'p', value: 1 }] } }] };
    const written = await service.mutate(
      'writeGraph',
      'WriteGraphInput',
      input,
      '... on GraphWriteSummary { changed keys transaction { seq } }',
    );
    expect(written).toMatchObject({ changed: true, transaction: null, keys: [expect.any(String)] });
    expect(await service.point('after write')).toMatchObject({ nodeCount: '21' });
  });

  test('verification lists what nobody has seen, and records it', async () => {
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
    await service.cypher('MATCH (m:Made) SET m.p = 2');
    const found = await service.verify();
    expect(found).toMatchObject({
      status: 'DONE',
      matches: false,
      transaction: { source: 'RECONCILE', changeCount: '1' },
    });
    expect(found.differences.nodes).toEqual([{ kind: 'NODE', action: 'UPDATED', key: expect.any(String) }]);
  });

  test('detaching leaves keys unless they are to go; older points can be read then, and not be put back', async () => {
    const kept = await service.point('kept');
    expect(await service.detach()).toMatchObject({ __typename: 'Graph', capture: { mode: 'OFF' } });
    await service.cypher('CREATE (:Person {name: "while detached"})');
    await service.attach();
    await service.until('SCAN');
    expect(await service.rollback({ to: { point: kept.id } })).toMatchObject({ status: 'COMPLETED' });
    expect(await service.detach(true)).toMatchObject({ __typename: 'Graph' });
    const [left] = await service.cypher(
      'MATCH (n) WHERE n.palinodeKey IS NOT NULL OR n:_PalinodeMarker RETURN count(n) AS n',
    );
    expect(left?.get('n')).toBe(0n);
    await service.attach();
    const again = await service.until('SCAN');
    expect(again).toMatchObject({ nodeCount: '21', relationshipCount: '19' });
    expect(await service.rollback({ to: { point: kept.id } })).toMatchObject({
      __typename: 'StateError',
      message: expect.stringContaining('keys of graph g were removed'),
    });
    const query = `query ($p: ID!) { graph(name: "g") { nodes(label: "Person", at: {point: $p}, first: 50) { nodes { key } } } }`;
    const { graph } = await service.client.data(query, { p: kept.id });
    expect(graph.nodes.nodes).toHaveLength(20);
  });
});
