import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { Connection } from '../../../src/adapters/neo4j/connection.ts';
import { Neo4jConstraints } from '../../../src/adapters/neo4j/schema/constraints.ts';
import type { Answer } from '../../support/graphql-client.ts';
import type { Neo4jService } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';

jest.setTimeout(300_000);

/** With what ends a name in query text, what begins an escape, and what begins a parameter. */
const ODD = 'a`b\\u0041c$d';

let shared: SharedNeo4jService;
let service: Neo4jService;
let connection: Connection;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j();
  service = shared.service;
  connection = new Connection({ url: shared.url });
  await service.attach();
  await service.until('CONTINUOUS');
  await service.cypher('CREATE CONSTRAINT one_mail FOR (u:User) REQUIRE u.mail IS UNIQUE');
  await service.cypher('CREATE CONSTRAINT one_e_mail FOR (u:User) REQUIRE u.`e$mail` IS UNIQUE');
});
afterAll(async () => {
  await connection?.close();
  await shared?.close();
});
beforeEach(async () => {
  await service.cypher('MATCH (n:User) DETACH DELETE n');
});

const mails = async (property = 'mail'): Promise<Record<string, string>> => {
  const rows = await service.cypher('MATCH (u:User) RETURN u.name AS name, u[$property] AS mail ORDER BY name', {
    property,
  });
  return Object.fromEntries(rows.map((row) => [row.get('name'), row.get('mail')]));
};

const conflictsOf = async (id: string): Promise<Answer[]> => {
  const query = `query ($id: ID!) { rollbackOperation(id: $id) { status conflicts(first: 10) { nodes { id version type aspect property explanation } } } }`;
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(50)) {
    const { rollbackOperation: operation } = await service.client.data(query, { id });
    if (operation.status === 'CONFLICT_RESOLUTION') return operation.conflicts.nodes;
  }
  throw new Error('no conflict was found');
};

test('unique values that were swapped are swapped back', async () => {
  await service.cypher("CREATE (:User {name: 'ada', mail: 'a@x'}), (:User {name: 'bob', mail: 'b@x'})");
  const point = await service.point('before the swap');
  await service.cypher("MATCH (u:User {name: 'ada'}) SET u.mail = 'c@x'");
  await service.cypher("MATCH (u:User {name: 'bob'}) SET u.mail = 'a@x'");
  await service.cypher("MATCH (u:User {name: 'ada'}) SET u.mail = 'b@x'");
  const restored = await service.rollback({ to: { point: point.id } });
  expect(restored).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
  expect(await mails()).toEqual({ ada: 'a@x', bob: 'b@x' });
});

test.each([
  ['mail', 'one_mail'],
  ['e$mail', 'one_e_mail'],
])(
  'a unique value of %s that another took meanwhile waits for a person, who says what the other gets',
  async (property, constraint) => {
    await service.cypher(
      `CREATE (:User {name: 'ada', \`${property}\`: 'a@x'}), (:User {name: 'bob', \`${property}\`: 'b@x'})`,
    );
    await service.cypher(
      `MATCH (u:User {name: 'ada'}) SET u.\`${property}\` = 'wrong@x'`,
      {},
      { session: `agent-${constraint}`, actor: 'agent' },
    );
    await service.cypher(
      `MATCH (u:User {name: 'bob'}) SET u.\`${property}\` = 'a@x'`,
      {},
      { session: 'bob', actor: 'bob' },
    );
    await service.point('everything is recorded');
    const found = 'query ($name: String!) { graph(name: "g") { session(name: $name) { id } } }';
    const { session } = (await service.client.data(found, { name: `agent-${constraint}` })).graph;
    const started = await service.mutate(
      'rollback',
      'RollbackInput',
      { graph: 'g', undo: { by: { session: session.id } }, onConflict: { default: 'OVERWRITE' } },
      '... on RollbackOperation { id }',
    );
    const [conflict] = await conflictsOf(started.id);
    expect(conflict).toMatchObject({ type: 'DEPENDENCY', aspect: 'CONSTRAINT', property });
    expect(conflict?.explanation).toContain(constraint);
    const resolution = { conflict: conflict?.id, choose: { value: 'bob@y' }, expectVersion: conflict?.version };
    const resolved = await service.mutate(
      'resolveConflicts',
      'ResolveConflictsInput',
      { operation: started.id, resolutions: [resolution] },
      '... on RollbackOperation { id }',
    );
    expect(resolved).toMatchObject({ id: started.id });
    const query = 'query ($id: ID!) { rollbackOperation(id: $id) { status proof { matches } } }';
    let operation: Answer = {};
    for (const until = Date.now() + 60_000; Date.now() < until; await sleep(50)) {
      operation = (await service.client.data(query, { id: started.id })).rollbackOperation;
      if (['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED'].includes(operation.status)) break;
    }
    expect(operation).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
    expect(await mails(property)).toEqual({ ada: 'a@x', bob: 'bob@y' });
  },
);

test('holders of unique values are found by any name, and by no other value', async () => {
  const constraints = new Neo4jConstraints(connection, 'palinodeKey');
  await service.cypher('CREATE (n:$($label)) SET n[$name] = 1, n.palinodeKey = "odd", n:User', {
    label: ODD,
    name: ODD,
  });
  const [row] = await service.cypher('MATCH (n:$($label)) RETURN n.palinodeKey AS key', { label: ODD });
  const base = { name: 'odd', kind: 'UNIQUE', entity: 'NODE', subject: ODD, properties: [ODD], types: [] } as const;
  expect(await constraints.holders(base, [[2], [1]])).toEqual([{ at: 1, ref: { kind: 'NODE', key: row?.get('key') } }]);
  expect(await constraints.read()).toEqual([
    { name: 'one_e_mail', kind: 'UNIQUE', entity: 'NODE', subject: 'User', properties: ['e$mail'], types: [] },
    { name: 'one_mail', kind: 'UNIQUE', entity: 'NODE', subject: 'User', properties: ['mail'], types: [] },
  ]);
});
