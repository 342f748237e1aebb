import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { Connection } from '../../../src/adapters/neo4j/connection.ts';
import { toDriver } from '../../../src/adapters/neo4j/entities/values.ts';
import { Neo4jConstraints } from '../../../src/adapters/neo4j/schema/constraints.ts';
import type { Value } from '../../../src/core/values.ts';
import type { Answer } from '../../support/graphql-client.ts';
import type { Neo4jService } from '../../support/neo4j-service.ts';
import { NUMBER_PAIRS } from '../../support/number-pairs.ts';
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
  const one = { kind: 'UNIQUE', entity: 'NODE', subject: 'User', types: [], comparesNumbers: true };
  expect(await constraints.read()).toEqual([
    { ...one, name: 'one_e_mail', properties: ['e$mail'] },
    { ...one, name: 'one_mail', properties: ['mail'] },
  ]);
});

/** Begins to undo a session of which everything is recorded. @returns the operation's id */
async function undoing(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const query = 'query ($name: String!) { graph(name: "g") { session(name: $name) { id } } }';
  const { session } = (await service.client.data(query, { name })).graph;
  const input = { graph: 'g', undo: { by: { session: session.id } }, ...more };
  return (await service.mutate('rollback', 'RollbackInput', input, '... on RollbackOperation { id }')).id;
}

/** Ada's point was changed by an agent and then by Bob, Eve's name by the agent alone; the agent is undone, and a person is asked about Ada. */
async function askedAboutAda(): Promise<{ id: string; conflict: Answer }> {
  await service.cypher(
    "CREATE (:User {name: 'ada', at: point({longitude: 1, latitude: 1})}), (:User {name: 'eve', n: 1})",
  );
  const agent = { session: `agent-${randomUUID()}`, actor: 'agent' };
  await service.cypher("MATCH (u:User {name: 'ada'}) SET u.at = point({longitude: 2, latitude: 2})", {}, agent);
  await service.cypher("MATCH (u:User {name: 'eve'}) SET u.n = 2", {}, agent);
  await service.cypher(
    "MATCH (u:User {name: 'ada'}) SET u.at = point({longitude: 3, latitude: 3})",
    {},
    { session: 'bob', actor: 'bob' },
  );
  await service.point('everything is recorded');
  const id = await undoing(agent.session, { onConflict: { default: 'MANUAL' } });
  const [conflict] = await conflictsOf(id);
  return { id, conflict: conflict ?? {} };
}

const resolve = (operation: string, conflict: Answer, choose: Answer): Promise<Answer> =>
  service.mutate(
    'resolveConflicts',
    'ResolveConflictsInput',
    { operation, resolutions: [{ conflict: conflict.id, choose, expectVersion: conflict.version }] },
    '... on RollbackOperation { id }',
  );

const ended = async (id: string): Promise<Answer> => {
  const query = `query ($id: ID!) { rollbackOperation(id: $id) { status errorMessage proof { matches }
    conflicts(first: 10) { nodes { id version status key aspect explanation } } } }`;
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(50)) {
    const { rollbackOperation: operation } = await service.client.data(query, { id });
    const open = operation.conflicts.nodes.some((one: Answer) => one.status === 'OPEN');
    if (['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED'].includes(operation.status)) return operation;
    if (operation.status === 'CONFLICT_RESOLUTION' && open) return operation;
  }
  throw new Error('the operation neither ended nor asked');
};

test('a value of a person that Neo4j cannot keep asks about its entity again, and the rest is written', async () => {
  const { id, conflict } = await askedAboutAda();
  const value = { $point: { srid: 4326, coordinates: [200, 10] } };
  expect(await resolve(id, conflict, { value })).toMatchObject({ id });
  const asked = await ended(id);
  expect(asked).toMatchObject({ status: 'CONFLICT_RESOLUTION', errorMessage: null });
  const open = asked.conflicts.nodes.filter((one: Answer) => one.status === 'OPEN');
  expect(open).toEqual([
    expect.objectContaining({ aspect: 'CONSTRAINT', explanation: expect.stringMatching(/longitudes within 180/) }),
  ]);
  await resolve(id, open[0], { side: 'LIVE' });
  expect(await ended(id)).toMatchObject({ status: expect.stringMatching('COMPLETED') });
  const rows = await service.cypher('MATCH (u:User) RETURN u.name AS name, u.n AS n, u.at.x AS x ORDER BY name');
  expect(rows.map((row) => [row.get('name'), Number(row.get('n') ?? 0), row.get('x')])).toEqual([
    ['ada', 0, 3],
    ['eve', 1, null],
  ]);
});

test('numbers are the same to a constraint as they are to its index, whatever their type', async () => {
  for (const [a, b, same] of NUMBER_PAIRS) {
    await service.cypher('MATCH (n:User) DETACH DELETE n');
    const write = (value: Value) => service.cypher('CREATE (:User {mail: $value})', { value: toDriver(value) });
    await write(a);
    const refused = await write(b).then(
      () => false,
      () => true,
    );
    expect([a, b, refused]).toEqual([a, b, same]);
  }
});

test('numbers that were swapped as another type are swapped back', async () => {
  await service.cypher("CREATE (:User {name: 'ada', mail: 1}), (:User {name: 'bob', mail: 2})");
  const point = await service.point('before the swap');
  await service.cypher("MATCH (u:User {name: 'ada'}) SET u.mail = 3");
  await service.cypher("MATCH (u:User {name: 'bob'}) SET u.mail = 1.0");
  await service.cypher("MATCH (u:User {name: 'ada'}) SET u.mail = 2.0");
  const input = { to: { point: point.id }, strategy: 'GRADUAL' };
  const cut = await service.rollback({ ...input, batchSize: 1 });
  expect(cut).toMatchObject({ status: 'FAILED', errorMessage: expect.stringMatching(/2 changes belong together/) });
  const restored = await service.rollback(input);
  expect(restored).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
});

test('a number that another took as another type waits for a person', async () => {
  await service.cypher("CREATE (:User {name: 'ada', mail: 1}), (:User {name: 'eve', mail: 5})");
  const agent = { session: `agent-${randomUUID()}`, actor: 'agent' };
  await service.cypher("MATCH (u:User {name: 'ada'}) SET u.mail = 2", {}, agent);
  await service.cypher("CREATE (:User {name: 'bob', mail: 1.0})", {}, { session: 'bob', actor: 'bob' });
  await service.point('everything is recorded');
  const [conflict] = await conflictsOf(await undoing(agent.session));
  expect(conflict).toMatchObject({ aspect: 'CONSTRAINT', property: 'mail' });
  expect(conflict?.explanation).toContain('constraint one_mail allows it once');
});
