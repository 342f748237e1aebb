import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { scanCapture } from '../../src/adapters/neo4j/scan-capture.ts';
import type { EntityState } from '../../src/core/entities.ts';
import type { Value } from '../../src/core/values.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { byApi, changeTo, nodeOf, nodeRef, put, relationshipOf, relationshipRef } from '../support/captured.ts';
import { type Neo4jHarness, neo4jHarness } from '../support/neo4j-graphs.ts';

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
const user = (key: string, properties: Readonly<Record<string, Value>>, labels = ['User']): EntityState =>
  nodeOf(key, properties, labels);

describe('constraints of the user', () => {
  beforeEach(async () => {
    await cypher('CREATE CONSTRAINT one_mail FOR (u:User) REQUIRE u.mail IS UNIQUE');
    await cypher('CREATE CONSTRAINT one_name FOR (u:User) REQUIRE (u.first, u.last) IS UNIQUE');
    await cypher('CREATE CONSTRAINT one_tie FOR ()-[r:KNOWS]-() REQUIRE r.no IS UNIQUE');
    await put(graph, [
      user('owner', { mail: 'a@x', first: 'a', last: 1 }),
      user('other', { mail: 'b@x' }),
      relationshipOf('tie', 'owner', 'other', { no: 1 }),
    ]);
  });

  test.each<[string, EntityState[], string, number, string]>([
    ['a created node', [nodeOf('fine'), user('new', { mail: 'a@x' })], 'one_mail', 1, 'owner'],
    ['a number of another type', [user('new', { first: 'a', last: { $float: '1.0' } })], 'one_name', 0, 'owner'],
    ['an updated node', [user('other', { mail: 'a@x' })], 'one_mail', 0, 'owner'],
    ['several properties', [user('new', { first: 'a', last: 1 })], 'one_name', 0, 'owner'],
    ['two of one request', [user('x', { mail: 'c@x' }), user('y', { mail: 'c@x' })], 'one_mail', 1, 'x'],
    ['a relationship', [relationshipOf('new', 'other', 'owner', { no: 1 })], 'one_tie', 0, 'tie'],
  ])('are named when they refuse %s, with who has the value', async (_, states, constraint, changeIndex, otherKey) => {
    const work = put(graph, states);
    const { kind, key } = states[changeIndex] ?? {};
    const refused = { kind, key };
    await expect(work).rejects.toMatchObject({ name: 'ConstraintError', constraint, changeIndex, otherKey, refused });
    expect(await graph.count()).toEqual({ nodes: 2n, relationships: 1n });
  });

  test('name who is refused when it is unknown who has the value', async () => {
    await cypher("CREATE (:User {mail: 'k@x'})");
    const work = put(graph, [user('fine', { mail: 'f@x' }), user('new', { mail: 'k@x' })]);
    await expect(work).rejects.toMatchObject({ constraint: 'one_mail', otherKey: null, refused: nodeRef('new') });
  });

  test('name who is refused when the same transaction gave the value away before', async () => {
    const [fine, late] = [user('fine', { mail: 'f@x' }), user('late', { mail: 'c@x' })];
    const work = graph.transaction(byApi(), async (tx) => {
      const live = await tx.lock([nodeRef('owner'), nodeRef('fine'), nodeRef('late')]);
      await tx.write([changeTo(live.get('n:owner'), user('owner', { mail: 'c@x' }))]);
      await tx.write([changeTo(null, fine), changeTo(null, late)]);
    });
    await expect(work).rejects.toMatchObject({ constraint: 'one_mail', otherKey: 'owner', refused: nodeRef('late') });
  });

  test('numbers change hands whatever their type', async () => {
    await put(graph, [user('owner', { first: 'a', last: 1 }), user('other', { first: 'a', last: 2 })]);
    const swapped = [
      user('owner', { first: 'a', last: { $float: '2.0' } }),
      user('other', { first: 'a', last: { $float: '1.0' } }),
    ];
    await put(graph, swapped);
    const live = await graph.read([nodeRef('owner'), nodeRef('other')]);
    expect([live.get('n:owner'), live.get('n:other')]).toEqual(swapped);
  });

  test('values change hands in one write', async () => {
    await put(graph, [user('owner', { mail: 'b@x' }), user('other', { mail: 'a@x' })]);
    await put(graph, [user('owner', { mail: 'a@x' }, []), user('other', { mail: 'b@x' })]);
    await put(graph, [[nodeRef('owner'), null], [relationshipRef('tie'), null], user('new', { mail: 'a@x' })]);
    await put(graph, [user('new', { mail: 'a@x' }, ['Gone']), user('other', { mail: 'a@x' })]);
    const live = await graph.read([nodeRef('new'), nodeRef('other')]);
    expect([...live.values()].map(({ properties }) => properties)).toEqual([{ mail: 'a@x' }, { mail: 'a@x' }]);
  });

  test('are the schema, and what the service keeps in the graph is not', async () => {
    const schema = await graph.readSchema();
    expect(schema.filter(({ kind }) => kind.endsWith('CONSTRAINT'))).toEqual([
      {
        name: 'one_mail',
        kind: 'UNIQUENESS CONSTRAINT',
        definition: 'CREATE CONSTRAINT `one_mail` FOR (n:`User`) REQUIRE (n.`mail`) IS UNIQUE',
      },
      expect.objectContaining({ name: 'one_name' }),
      expect.objectContaining({ name: 'one_tie', kind: 'RELATIONSHIP UNIQUENESS CONSTRAINT' }),
    ]);
    expect(JSON.stringify(schema)).not.toContain('_Palinode');
  });
});

test('an index that cannot be filled is named, whether it is new or was there before', async () => {
  await cypher('CREATE (:Doc {text: $text})', { text: 'x'.repeat(40_000) });
  const name = 'by_text';
  const create = [
    { name, kind: 'RANGE INDEX', definition: 'CREATE RANGE INDEX `by_text` FOR (n:`Doc`) ON (n.`text`)' },
  ];
  for (const state of ['new', 'there before']) {
    const refused = graph.changeSchema?.([], create);
    await expect(refused).rejects.toMatchObject({
      name: 'ConstraintError',
      constraint: name,
      message: expect.stringMatching(/by_text could not be filled: .*too large/),
    });
    expect([state, (await graph.readSchema()).some((item) => item.name === name)]).toEqual([state, true]);
  }
  // It is nothing to what is asked for beside it.
  await graph.changeSchema?.(
    [],
    [{ name: 'by_no', kind: 'RANGE INDEX', definition: 'CREATE RANGE INDEX `by_no` FOR (n:`Doc`) ON (n.`no`)' }],
  );
});
