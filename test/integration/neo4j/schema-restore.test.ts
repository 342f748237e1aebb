import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { quoted } from '../../../src/adapters/neo4j/names.ts';
import type { Neo4jService } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
let service: Neo4jService;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j();
  service = shared.service;
  await service.attach();
  await service.until('CONTINUOUS');
});
afterAll(() => shared?.close());

const definitions = async (): Promise<string[]> =>
  (await service.cypher('SHOW INDEXES YIELD name, createStatement ORDER BY name')).map((row) =>
    row.get('createStatement'),
  );

async function operation(id: string) {
  const query = `query ($id: ID!) { rollbackOperation(id: $id) { schemaChanges { action before { name } after { name kind } } } }`;
  return (await service.client.data(query, { id })).rollbackOperation;
}

beforeEach(async () => {
  await service.cypher('MATCH (n:User) DETACH DELETE n');
  for (const row of await service.cypher('SHOW CONSTRAINTS YIELD name')) {
    await service.cypher(`DROP CONSTRAINT ${quoted(row.get('name'))}`);
  }
  for (const name of ['by_age', 'by_name', 'text_bio']) await service.cypher(`DROP INDEX ${name} IF EXISTS`);
});

test('constraints and indexes come back with the data, around it', async () => {
  await service.cypher('CREATE CONSTRAINT one_mail FOR (u:User) REQUIRE u.mail IS UNIQUE');
  await service.cypher('CREATE INDEX by_name FOR (u:User) ON (u.name)');
  await service.cypher('CREATE TEXT INDEX text_bio FOR (u:User) ON (u.bio)');
  await service.cypher("CREATE (:User {mail: 'a@x', name: 'a'}), (:User {mail: 'b@x', name: 'a'})");
  const before = await definitions();
  const point = await service.point('with schema');
  // Neither schema allows the other's data: mails meet, and names do.
  await service.cypher('DROP CONSTRAINT one_mail');
  await service.cypher('DROP INDEX by_name');
  await service.cypher("MATCH (u:User {mail: 'b@x'}) SET u.mail = 'a@x', u.name = 'b'");
  await service.cypher('CREATE CONSTRAINT one_name FOR (u:User) REQUIRE u.name IS UNIQUE');
  await service.cypher('CREATE INDEX by_age FOR (u:User) ON (u.age)');

  const restored = await service.rollback({ to: { point: point.id }, strategy: 'GRADUAL', includeSchema: true });
  expect(restored).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
  expect(await definitions()).toEqual(before);
  expect((await operation(restored.id)).schemaChanges).toEqual([
    { action: 'DELETED', before: { name: 'by_age' }, after: null },
    { action: 'CREATED', before: null, after: { name: 'by_name', kind: 'RANGE INDEX' } },
    { action: 'CREATED', before: null, after: { name: 'one_mail', kind: 'UNIQUENESS CONSTRAINT' } },
    { action: 'DELETED', before: { name: 'one_name' }, after: null },
  ]);
  const mails = await service.cypher('MATCH (u:User) RETURN u.mail AS mail ORDER BY mail');
  expect(mails.map((row) => row.get('mail'))).toEqual(['a@x', 'b@x']);
});

test('what has names that are hard to write comes back under them', async () => {
  const without = await service.point('before anything is hard to write');
  const names = ['a`b', 'a$b', 'a\\u0041b', 'a\\b'];
  for (const name of names.map(quoted)) {
    await service.cypher(`CREATE CONSTRAINT ${name} FOR (n:${name}) REQUIRE n.${name} IS UNIQUE`);
  }
  const read = async () => {
    const rows = await service.cypher('SHOW CONSTRAINTS YIELD name, labelsOrTypes, properties ORDER BY name');
    return rows.map((row) => row.toObject());
  };
  const before = await read();
  expect(before.map(({ name }) => name).sort()).toEqual([...names].sort());
  const point = await service.point('hard to write');
  for (const name of names.map(quoted)) await service.cypher(`DROP CONSTRAINT ${name}`);
  const restored = await service.rollback({ to: { point: point.id }, strategy: 'GRADUAL', includeSchema: true });
  expect(restored).toMatchObject({ status: 'COMPLETED' });
  expect(await read()).toEqual(before);
  await service.rollback({ to: { point: without.id }, strategy: 'GRADUAL', includeSchema: true });
  expect(await read()).toEqual([]);
});

test('a schema that alone is different is reason enough; a preview changes nothing', async () => {
  await service.cypher("CREATE (:User {mail: 'a@x'})");
  await service.cypher('CREATE CONSTRAINT one_mail FOR (u:User) REQUIRE u.mail IS UNIQUE');
  const point = await service.point('one mail');
  await service.cypher('DROP CONSTRAINT one_mail');
  const without = await definitions();
  const input = { to: { point: point.id }, strategy: 'GRADUAL', includeSchema: true };
  const preview = await service.rollback({ ...input, dryRun: true });
  expect(preview).toMatchObject({ status: 'COMPLETED', counts: { planned: '0' } });
  expect((await operation(preview.id)).schemaChanges).toHaveLength(1);
  expect(await definitions()).toEqual(without);
  expect(await service.rollback({ ...input, includeSchema: false })).toMatchObject({ status: 'COMPLETED' });
  expect(await definitions()).toEqual(without);
  expect(await service.rollback(input)).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
  expect(await definitions()).toHaveLength(without.length + 1);
});

test('the preview of a schema is executed as it was shown, in batches only', async () => {
  await service.cypher("CREATE (:User {mail: 'a@x'})");
  await service.cypher('CREATE CONSTRAINT one_mail FOR (u:User) REQUIRE u.mail IS UNIQUE');
  const point = await service.point('shown');
  await service.cypher('DROP CONSTRAINT one_mail');
  const input = { to: { point: point.id }, strategy: 'GRADUAL', includeSchema: true };
  const preview = await service.rollback({ ...input, dryRun: true });
  const execute = (strategy: string) => service.execute({ id: preview.id, expectPlan: preview.planHash, strategy });
  expect(await execute('IMMEDIATE')).toMatchObject({ __typename: 'InvalidInputError' });
  await service.cypher('CREATE INDEX by_age FOR (u:User) ON (u.age)');
  expect(await execute('GRADUAL')).toMatchObject({ status: 'FAILED', errorMessage: expect.stringMatching(/by_age/) });
  expect((await definitions()).some((text) => text.includes('by_age'))).toBe(true);
  await service.cypher('DROP INDEX by_age');
  expect(await execute('GRADUAL')).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
  expect((await operation(preview.id)).schemaChanges).toHaveLength(1);
});

test('data of others that a constraint does not allow ends the rollback with the name of the constraint', async () => {
  await service.cypher('CREATE CONSTRAINT one_mail FOR (u:User) REQUIRE u.mail IS UNIQUE');
  const point = await service.point('strict');
  await service.cypher('DROP CONSTRAINT one_mail');
  await service.cypher("CREATE (:User {mail: 'a@x'}), (:User {mail: 'a@x'}), (:Other)");
  const scope = { labels: ['Other'] };
  const restored = await service.rollback({ to: { point: point.id }, scope, strategy: 'GRADUAL', includeSchema: true });
  expect(restored).toMatchObject({ outcome: 'INTERRUPTED', errorMessage: expect.stringContaining('one_mail') });
});

test.each([
  ['in one transaction with the data', { strategy: 'IMMEDIATE' }, /GRADUAL/],
  ['without a point', { to: { keyword: 'EARLIEST' }, strategy: 'GRADUAL' }, /only points/],
])('%s is refused', async (_, input, message) => {
  const point = await service.point('any');
  const refused = await service.rollback({ to: { point: point.id }, includeSchema: true, ...input });
  expect(refused).toMatchObject({ __typename: 'InvalidInputError', message: expect.stringMatching(message) });
});

test('a diff tells what became of constraints and indexes between two readings', async () => {
  await service.cypher('CREATE CONSTRAINT one_mail FOR (u:User) REQUIRE u.mail IS UNIQUE');
  const before = await service.point('with a constraint');
  await service.cypher('DROP CONSTRAINT one_mail');
  await service.cypher('CREATE INDEX by_age FOR (u:User) ON (u.age)');
  const query = `query ($from: At!) { graph(name: "g") { diff(from: $from) { schemaFrom { at { seq } } schemaTo { at { seq } }
    schemaChanges { action before { name kind } after { name kind definition } } } } }`;
  const { diff } = (await service.client.data(query, { from: { point: before.id } })).graph;
  expect(diff.schemaChanges).toEqual([
    {
      action: 'CREATED',
      before: null,
      after: { name: 'by_age', kind: 'RANGE INDEX', definition: expect.stringContaining('CREATE RANGE INDEX') },
    },
    { action: 'DELETED', before: { name: 'one_mail', kind: 'UNIQUENESS CONSTRAINT' }, after: null },
  ]);
  expect(diff).toMatchObject({ schemaFrom: { at: {} }, schemaTo: { at: {} } });
  const attached = (await service.client.data(query, { from: { keyword: 'EARLIEST' } })).graph.diff;
  expect(attached.schemaFrom).not.toBeNull();
});
