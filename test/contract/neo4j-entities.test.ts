import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Neo4jGraph } from '../../src/adapters/neo4j/neo4j-graph.ts';
import { scanCapture } from '../../src/adapters/neo4j/scan-capture.ts';
import { PostgresBindings } from '../../src/adapters/postgres/bindings.ts';
import type { EntityState } from '../../src/core/entities.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { looseSecret } from '../support/capture-secret.ts';
import { byApi, changeTo, nodeOf, nodeRef, put, relationshipOf, relationshipRef } from '../support/captured.ts';
import { type Neo4jHarness, neo4jHarness } from '../support/neo4j-graphs.ts';
import { createPgliteDatabase } from '../support/postgres.ts';

jest.setTimeout(300_000);

let harness: Neo4jHarness;
let graph: KnowledgeGraph;
beforeAll(async () => {
  harness = await neo4jHarness(scanCapture);
});
afterAll(() => harness?.close());
beforeEach(async () => {
  graph = await harness.fresh();
});

const cypher = (text: string, params = {}) => harness.connection.command(text, params);

describe('what Neo4j would not keep as it is', () => {
  test.each<[string, EntityState, RegExp]>([
    [
      'an offset that the zone does not have',
      nodeOf('a', { t: { $dateTime: '2024-07-01T12:00:00+05:00[Europe/Berlin]' } }),
      /2024-07-01T09:00:00\+02:00/,
    ],
    [
      'a zone that it does not know',
      nodeOf('a', { t: { $dateTime: '2024-07-01T12:00:00Z[Nowhere/Here]' } }),
      /not known/,
    ],
    ['an empty list of a type', nodeOf('a', { l: { $list: { of: 'STRING', values: [] } } }), /"l": .*empty list/],
    ['the key as a property', nodeOf('a', { palinodeKey: 'b' }), /holds the key/],
    ['a label of the service', nodeOf('a', {}, ['_PalinodeOutbox']), /service's own/],
    ['another one of them, beside a user’s', nodeOf('a', {}, ['A', '_PalinodeGap']), /service's own/],
  ])('%s is refused', async (_, state, message) => {
    const work = put(graph, [nodeOf('fine'), state]);
    await expect(work).rejects.toMatchObject({
      name: 'ConstraintError',
      constraint: 'value',
      message: expect.stringMatching(message),
      refused: nodeRef('a'),
    });
    expect(await graph.count()).toEqual({ nodes: 0n, relationships: 0n });
  });
});

test('a moment of the hour that clocks go through twice becomes the other one, which Neo4j takes for the same', async () => {
  const [summer, winter] = ['2024-10-27T02:30:00+02:00[Europe/Berlin]', '2024-10-27T02:30:00+01:00[Europe/Berlin]'];
  for (const $dateTime of [summer, winter, summer]) {
    const many = { $list: { of: 'DATETIME', values: [$dateTime] } } as const;
    await put(graph, [
      nodeOf('a', { one: { $dateTime }, many }),
      relationshipOf('r', 'a', 'a', { one: { $dateTime } }),
    ]);
    const live = await graph.read([nodeRef('a'), relationshipRef('r')]);
    expect(live.get('n:a')?.properties).toEqual({ one: { $dateTime }, many });
    expect(live.get('r:r')?.properties).toEqual({ one: { $dateTime } });
  }
});

test('moments in named zones keep the offset that the graph says, in any year', async () => {
  const texts = [
    '2024-10-27T02:30:00+02:00[Europe/Berlin]',
    '2024-10-27T02:30:00+01:00[Europe/Berlin]',
    '1850-01-01T00:00:00+00:53:28[Europe/Berlin]',
    '-0044-03-15T12:00:00+00:49:56[Europe/Rome]',
    '2060-07-01T00:00:00+01:00[Africa/Casablanca]',
    '+999999-01-01T00:00:00.000000001+01:00[Europe/Berlin]',
  ];
  await cypher(
    'UNWIND $texts AS x CREATE (:Thing {palinodeKey: x.text, one: datetime(x.given), many: [datetime(x.given)], other: 1})',
    { texts: texts.map((text) => ({ text, given: text.replace(/[+]00:\d\d:\d\d/, '') })) },
  );
  for await (const page of graph.scan('NODE', 100)) expect(page).toHaveLength(texts.length);
  const live = await graph.read(texts.map(nodeRef));
  for (const text of texts) {
    const many = { $list: { of: 'DATETIME', values: [text] } } as const;
    expect(live.get(`n:${text}`)?.properties).toEqual({ one: { $dateTime: text }, many, other: 1 });
  }
  await put(
    graph,
    texts.map((text) => nodeOf(`copy ${text}`, { one: { $dateTime: text } })),
  );
  const copies = await graph.read(texts.map((text) => nodeRef(`copy ${text}`)));
  expect(texts.map((text) => copies.get(`n:copy ${text}`)?.properties.one)).toEqual(
    texts.map(($dateTime) => ({ $dateTime })),
  );
});

describe('addresses', () => {
  test('that Neo4j gave to another entity since are no longer believed', async () => {
    await put(graph, [nodeOf('a', { v: 1 }), nodeOf('b'), relationshipOf('r', 'a', 'b', { v: 1 })]);
    // As when the database was restored from a dump: the same keys, all of them elsewhere.
    await cypher('MATCH (n:Thing) DETACH DELETE n');
    await cypher(`CREATE (:Pad), (:Pad), (:Pad) CREATE (b:Thing {palinodeKey: 'b', v: 2})
      CREATE (a:Thing {palinodeKey: 'a', v: 2}) CREATE (a)-[:KNOWS {palinodeKey: 'r', v: 2}]->(b)`);
    const live = await graph.read([nodeRef('a'), nodeRef('b'), relationshipRef('r')]);
    expect([...live.values()].map(({ properties }) => properties.v)).toEqual([2, 2, 2]);
    await put(graph, [nodeOf('a', { v: 3 }), relationshipOf('r', 'a', 'b', { v: 3 })]);
    expect((await graph.read([nodeRef('a')])).get('n:a')?.properties).toEqual({ v: 3 });
    const [pads] = await cypher('MATCH (p:Pad) WHERE size(keys(p)) = 0 RETURN count(*) AS n');
    expect(pads?.n).toBe(3n);
  });

  test('of another store are no longer believed', async () => {
    await put(graph, [nodeOf('a', { v: 1 })]);
    const database = await createPgliteDatabase({ migrated: true });
    const bindings = new PostgresBindings(database, 1);
    await bindings.put([{ kind: 'NODE', key: 'a', localId: 123_456_789n }]);
    const kept = { bindings, secret: looseSecret() };
    const other = new Neo4jGraph('other', { url: harness.url }, kept, scanCapture);
    expect((await other.read([nodeRef('a')])).get('n:a')?.properties).toEqual({ v: 1 });
    expect((await bindings.find('NODE', ['a'])).get('a')).not.toBe(123_456_789n);
    await other.close();
    await database.close();
  });

  test('a scan puts them right, and gives keys to what has none', async () => {
    await cypher('CREATE (:Thing {v: 1})-[:KNOWS]->(:Thing {v: 2})');
    const keys: string[] = [];
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      for await (const page of graph.scan(kind, 10)) keys.push(...page.map(({ key }) => key));
    }
    expect(new Set(keys).size).toBe(3);
    const live = await graph.read(keys.flatMap((key) => [nodeRef(key), relationshipRef(key)]));
    expect(live.size).toBe(3);
  });
});

test('what somebody tied to nodes of ours is neither an entity nor counted', async () => {
  await put(graph, [nodeOf('a'), relationshipOf('r', 'a', 'a')]);
  const [tied] = await cypher(
    "MATCH (m:_PalinodeMarker), (a {palinodeKey: 'a'}) CREATE (m)-[:IN]->(a) RETURN count(*) AS n",
  );
  expect(tied?.n).toBeGreaterThan(0n);
  expect(await graph.count()).toEqual({ nodes: 1n, relationships: 1n });
});

test('a relationship that nobody listed keeps its node', async () => {
  await put(graph, [nodeOf('a'), nodeOf('b')]);
  await cypher(`MATCH (a:Thing {palinodeKey: 'a'}), (b:Thing {palinodeKey: 'b'}) CREATE (b)-[:KNOWS {v: 1}]->(a)`);
  const unlisted = put(graph, [[nodeRef('a'), null]]);
  await expect(unlisted).rejects.toMatchObject({ constraint: 'relationships-left', changeIndex: 0, otherKey: 'a' });
});

test('relationships of nodes that do not exist are none', async () => {
  await put(graph, [nodeOf('a')]);
  const found = await graph.transaction(byApi(), (tx) => tx.lockIncident(['nobody', 'nothing'], 10));
  expect(found).toEqual([]);
});

test('of deleting a node and tying something to it at the same time only one takes place', async () => {
  await put(graph, [nodeOf('a'), nodeOf('b')]);
  let tying: Promise<unknown> = Promise.resolve();
  const deleting = graph.transaction(byApi(), async (tx) => {
    const live = await tx.lock([nodeRef('a')]);
    const incident = await tx.lockIncident(['a'], 10);
    tying = cypher(`MATCH (a:Thing {palinodeKey: 'a'}), (b:Thing {palinodeKey: 'b'}) CREATE (b)-[:KNOWS {v: 1}]->(a)`);
    tying.catch(() => {});
    await tx.write([changeTo(live.get('n:a'), null), ...incident.map((state) => changeTo(state, null))]);
  });
  await Promise.allSettled([deleting, tying]);
  const [row] = await cypher('MATCH (n:Thing) RETURN count(n) AS nodes, count { ()-[:KNOWS]->() } AS ties');
  expect([row?.nodes, row?.ties]).toEqual(row?.nodes === 2n ? [2n, 1n] : [1n, 0n]);
});

test('properties that other triggers compute are no part of any state, and are never written', async () => {
  const database = await createPgliteDatabase({ migrated: true });
  const options = { derivedProperties: ['updatedAt'] };
  const derived = new Neo4jGraph(
    'derived',
    { url: harness.url },
    { bindings: new PostgresBindings(database, 1), secret: looseSecret() },
    scanCapture,
    options,
  );
  await put(derived, [nodeOf('a', { v: 1 })]);
  await cypher('MATCH (n:Thing) SET n.updatedAt = 7');
  expect((await derived.read([nodeRef('a')])).get('n:a')).toEqual(nodeOf('a', { v: 1 }));
  await put(derived, [nodeOf('a', { v: 2 })]);
  expect(await cypher('MATCH (n:Thing) RETURN n.v AS v, n.updatedAt AS at')).toEqual([{ v: 2n, at: 7n }]);
  await expect(put(derived, [nodeOf('a', { updatedAt: 8 })])).rejects.toMatchObject({ constraint: 'value' });
  await derived.close();
  await database.close();
});

test('a key property of the user’s own is the key, and stays as it is', async () => {
  const database = await createPgliteDatabase({ migrated: true });
  const kept = { bindings: new PostgresBindings(database, 1), secret: looseSecret() };
  const own = new Neo4jGraph('own', { url: harness.url }, kept, scanCapture, {
    keyProperty: 'uuid',
  });
  await cypher(`CREATE (:Thing {uuid: 'u1', v: 1})-[:KNOWS {uuid: 'r1'}]->(:Thing {uuid: 'u2'})`);
  const live = await own.read([nodeRef('u1'), relationshipRef('r1')]);
  expect([...live.values()]).toEqual([nodeOf('u1', { v: 1 }), relationshipOf('r1', 'u1', 'u2')]);
  await put(own, [nodeOf('u3', { v: 3 }), nodeOf('u1', { v: 2 })]);
  expect(await cypher('MATCH (n:Thing) RETURN n.uuid AS key, n.v AS v, n.palinodeKey AS ours ORDER BY key')).toEqual([
    { key: 'u1', v: 2n, ours: null },
    { key: 'u2', v: null, ours: null },
    { key: 'u3', v: 3n, ours: null },
  ]);
  await own.close();
  await database.close();
});
