import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import neo4j, { type Driver } from 'neo4j-driver';
import { Connection } from '../../../src/adapters/neo4j/connection.ts';
import { neo4jEngine, type OpenedGraphEngine } from '../../support/graph-engines.ts';
import { liveByCypher } from '../../support/plain-cypher.ts';
import { administer } from '../../support/triggers.ts';
import { openVerifyingWorld, type VerifyingWorld } from '../../support/verifying-world.ts';

jest.setTimeout(300_000);

let engine: OpenedGraphEngine;
let opened: VerifyingWorld | undefined;
let driver: Driver;
let connection: Connection;
beforeEach(async () => {
  engine = await neo4jEngine[1]();
  driver = neo4j.driver(engine.neo4j ?? '', undefined, { useBigInt: true });
  connection = new Connection({ url: engine.neo4j ?? '' });
});
afterEach(async () => {
  await driver.close();
  await connection.close();
  await opened?.close();
  opened = undefined;
});

const open = async (): Promise<VerifyingWorld['world']> => {
  opened = await openVerifyingWorld(engine, { neo4j: engine.neo4j, queue: 'direct' });
  return opened.world;
};

/** What history has is what is there, every entity once. `liveByCypher` refuses keys that are missing or not unique. */
async function expectRecorded(): Promise<void> {
  const { world } = opened as VerifyingWorld; // Opened by the test.
  const { seq } = await world.moments.live(world.graphId);
  const live = await liveByCypher(connection);
  expect(await world.history.statesAt(world.graphId, seq, [...live.values()])).toEqual(live);
  expect(await world.history.graph(world.graphId)).toMatchObject({
    nodeCount: BigInt([...live.values()].filter(({ kind }) => kind === 'NODE').length),
    captureError: null,
  });
}

const DAMAGE = `MATCH (a:Kept) CREATE (copy:Copy) SET copy = properties(a)
  CREATE (copy)-[t:T]->(a) CREATE (a)-[u:T]->(copy) SET t.palinodeKey = 'one for two', u.palinodeKey = 'one for two'
  CREATE (:Number {palinodeKey: 5}), (:Number {palinodeKey: 5}), (:Empty {palinodeKey: ''}), (:List {palinodeKey: ['a']})`;

test('a graph whose keys were copied, counted or emptied before it was attached is recorded with a key for each entity', async () => {
  await driver.executeQuery(`UNWIND range(1, 3) AS i CREATE (:Kept {palinodeKey: 'kept' + i})`);
  await driver.executeQuery(DAMAGE);
  await open();
  await expectRecorded();
  const { records } = await driver.executeQuery('MATCH (k:Kept) RETURN k.palinodeKey AS key ORDER BY key');
  // Each key is still had by the node or by its copy: nothing tells which of them came first.
  expect(records).toHaveLength(3);
  const keys = new Set([...(await liveByCypher(connection)).keys()]);
  for (const key of ['n:kept1', 'n:kept2', 'n:kept3', 'r:one for two']) expect(keys).toContain(key);
});

test.each(['stop', 'drop'] as const)(
  'keys that were damaged while the trigger was %sped are given anew by the comparison, and the one that was recorded keeps its own',
  async (procedure) => {
    const world = await open();
    await driver.executeQuery(`UNWIND range(1, 3) AS i CREATE (:Kept {i: i})-[:OF]->(:Gone {i: i})`);
    const point = await world.moments.live(world.graphId);
    const before = await liveByCypher(connection);
    await administer(driver, procedure);
    await driver.executeQuery(DAMAGE);
    await driver.executeQuery('MATCH (g:Gone) CREATE (s:Successor) SET s = properties(g) WITH g DETACH DELETE g');
    const { verify } = opened as VerifyingWorld; // Opened above.
    expect(await verify()).toMatchObject({ status: 'DONE', matches: false, errorMessage: null });
    await expectRecorded();
    expect(await verify()).toMatchObject({ status: 'DONE', matches: true });
    const after = await liveByCypher(connection);
    for (const [id, state] of before)
      if (state.kind === 'NODE' && state.labels.includes('Kept')) expect(after.get(id)).toEqual(state);
    const restored = await world.rollback({ to: { seq: point.seq }, policy: { default: 'ABORT' } });
    expect(restored).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(await liveByCypher(connection)).toEqual(before);
  },
);
