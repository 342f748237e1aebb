import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { EmbeddedScratchGraphs } from '../../../src/adapters/embedded-graph/scratch-graphs.ts';
import { Connection } from '../../../src/adapters/neo4j/connection.ts';
import { PostgresIdempotencyStore } from '../../../src/adapters/postgres/idempotency-store.ts';
import { PostgresConflictStore } from '../../../src/adapters/postgres/operation-store/conflict-store.ts';
import { PostgresRehearsalStore } from '../../../src/adapters/postgres/rehearsal-store.ts';
import type { EntityState } from '../../../src/core/entities.ts';
import type { RehearsalRecord } from '../../../src/ports/rehearsal-store.ts';
import type { RollbackRequest } from '../../../src/services/contract.ts';
import { Idempotency } from '../../../src/services/idempotency.ts';
import { Rehearser } from '../../../src/services/rehearsal/rehearser.ts';
import { neo4jEngine, type OpenedGraphEngine } from '../../support/graph-engines.ts';
import { node, relationship } from '../../support/graph-writes.ts';
import { CALLER, goneNode, goneRelationship, openWorld, type World } from '../../support/rollback-world.ts';

describe('rehearsal of a plan for Neo4j', () => {
  let engine: OpenedGraphEngine;
  let world: World;
  let connection: Connection;
  let rehearsals: PostgresRehearsalStore;
  let scratches: EmbeddedScratchGraphs;
  let rehearser: Rehearser;

  beforeAll(async () => {
    engine = await neo4jEngine[1]();
    const { database, neo4j } = engine;
    connection = new Connection({ url: neo4j ?? '' });
    world = await openWorld(database, { neo4j });
    rehearsals = new PostgresRehearsalStore(database);
    scratches = new EmbeddedScratchGraphs(database);
    const holder = randomUUID();
    const idempotency = new Idempotency({ store: new PostgresIdempotencyStore(database), keys: world.keys, holder });
    const conflicts = new PostgresConflictStore(database);
    rehearser = new Rehearser({ ...world, conflicts, rehearsals, scratches, idempotency }, { holder });
  }, 300_000);
  afterAll(async () => {
    await rehearser.stop();
    await world.close();
    await connection.close();
    await engine.close();
  });
  afterEach(async () => {
    for (const { name } of await connection.read('SHOW CONSTRAINTS YIELD name')) {
      await connection.command(`DROP CONSTRAINT \`${name}\``);
    }
  });

  const preview = async (since: bigint, input: Partial<RollbackRequest> = {}): Promise<string> => {
    const undo = { by: { actor: 'u' }, from: { seq: since } };
    return (await world.rollback({ dryRun: true, undo, ...input })).id;
  };
  const rehearse = async (operation: string): Promise<RehearsalRecord> => {
    const id = await rehearser.begin(CALLER, { id: operation });
    await rehearser.run(id);
    for (; ; await sleep(10)) {
      const found = await rehearsals.get(id);
      if (found !== null && found.status !== 'RUNNING') return found;
    }
  };
  const execute = async (id: string) => {
    const { planHash, strategy } = await world.read(id);
    const executed = await world.manager.execute(CALLER, { id, expectPlan: planHash ?? '', strategy });
    return { operation: await world.rest(executed), proof: (await world.details(executed))?.proof };
  };
  /** What the graph holds whose keys begin so. */
  const held = async (prefix: string): Promise<Record<string, EntityState>> =>
    Object.fromEntries(Object.entries(await world.content()).filter(([id]) => id.slice(2).startsWith(prefix)));

  /** Actor `u` changed, created and removed nodes and relationships of a small web. */
  async function messUp(name: string): Promise<bigint> {
    const web = Array.from({ length: 10 }, (_, n) => node(`${name}${n}`, { p: 0 }, ['T']));
    const links = web.map(({ key }) => relationship(`${name}-link-${key}`, key, `${name}0`));
    const since = await world.write('start', [...web, ...links]);
    await world.write('u', [
      node(`${name}0`, { p: 1 }, ['T', 'U']),
      goneRelationship(`${name}-link-${name}9`),
      goneNode(`${name}9`),
      node(`${name}-new`, { q: 1 }),
      relationship(`${name}-tie`, `${name}-new`, `${name}1`),
    ]);
    return since;
  }

  test.each(['IMMEDIATE', 'GRADUAL'] as const)(
    'one that the graph takes is proved without a trace, and then executed as it was rehearsed: %s',
    async (strategy) => {
      const name = strategy.toLowerCase();
      const since = await messUp(name);
      const before = await world.content();
      const operation = await preview(since, { strategy, ...(strategy === 'GRADUAL' && { batchSize: 2 }) });
      const record = await rehearse(operation);
      expect(record).toMatchObject({ status: 'DONE', matches: true, errorMessage: null, scratch: null });
      expect(record.counts).toEqual({ planned: 5n, copied: 4n, applied: 5n });
      expect(await world.content()).toEqual(before);
      expect(await scratches.names(10)).toEqual([]);
      expect(await execute(operation)).toMatchObject({
        operation: { outcome: 'APPLIED', counts: { applied: 5n } },
        proof: { matches: true },
      });
      expect(await held(`${name}0`)).toEqual({ [`n:${name}0`]: node(`${name}0`, { p: 0 }, ['T']) });
    },
  );

  test('what others wrote since, with plain Cypher, stops it where it would stop it in the graph', async () => {
    const since = await messUp('drift');
    const operation = await preview(since);
    await connection.write({}, (tx) => tx.run(`MATCH (n:T {palinodeKey: 'drift0'}) SET n.p = 7`));
    const record = await rehearse(operation);
    expect(record).toMatchObject({ status: 'DONE', matches: false });
    expect(record.errorMessage).toMatch(/since the preview, 1 entities were changed/);
    const tied = await preview(await messUp('tied'));
    await connection.write({}, (tx) =>
      tx.run(`MATCH (a {palinodeKey: 'tied2'}), (b {palinodeKey: 'tied-new'}) CREATE (a)-[:LATE]->(b)`),
    );
    expect((await rehearse(tied)).errorMessage).toMatch(/node tied-new still has relationships/);
  });

  const person = (key: string, email: string | number) => node(key, { email }, ['Person']);

  test('a unique value that a node outside of the plan has by now is refused, as the graph refuses it', async () => {
    await connection.command('CREATE CONSTRAINT person_email FOR (p:Person) REQUIRE p.email IS UNIQUE');
    const since = await world.write('start', [person('ann', 'a@x'), person('bob', 'b@x')]);
    await world.write('u', [person('ann', 'ann@x')]);
    const operation = await preview(since);
    expect(await rehearse(operation)).toMatchObject({ matches: true, counts: { applied: 1n } });
    await world.write('other', [person('eve', 'a@x')]);
    const record = await rehearse(operation);
    expect(record).toMatchObject({ status: 'DONE', matches: false });
    expect(record.errorMessage).toBe('person_email: node ann would get a value that eve has');
    const { operation: executed } = await execute(operation);
    expect(executed.counts.applied).toBe(0n);
    expect((await held('ann'))['n:ann']).toEqual(person('ann', 'ann@x'));
  });

  test('values that change hands within the plan are no obstacle', async () => {
    await connection.command('CREATE CONSTRAINT swap_email FOR (p:Person) REQUIRE p.email IS UNIQUE');
    const since = await world.write('start', [person('sw1', '1@x'), person('sw2', '2@x')]);
    await world.write('u', [person('sw1', 'between')]);
    await world.write('u', [person('sw2', '1@x')]);
    await world.write('u', [person('sw1', '2@x')]);
    const operation = await preview(since);
    expect(await rehearse(operation)).toMatchObject({ matches: true, counts: { applied: 2n } });
    expect(await execute(operation)).toMatchObject({ operation: { outcome: 'APPLIED' }, proof: { matches: true } });
  });

  test('relationships have unique values, too', async () => {
    await connection.command('CREATE CONSTRAINT link_no FOR ()-[r:LINK]-() REQUIRE r.no IS UNIQUE');
    const link = (key: string, no: number) => ({ ...relationship(key, 'ra', 'rb'), type: 'LINK', properties: { no } });
    const since = await world.write('start', [node('ra'), node('rb'), link('r1', 1)]);
    await world.write('u', [link('r1', 2)]);
    const operation = await preview(since);
    expect(await rehearse(operation)).toMatchObject({ matches: true });
    await world.write('other', [link('r2', 1)]);
    expect((await rehearse(operation)).errorMessage).toBe('link_no: relationship r1 would get a value that r2 has');
  });

  test('numbers that are the same to Neo4j are taken, whatever their type', async () => {
    await connection.command('CREATE CONSTRAINT person_number FOR (p:Person) REQUIRE p.email IS UNIQUE');
    const since = await world.write('start', [person('whole', 1)]);
    await world.write('u', [person('whole', 2)]);
    const operation = await preview(since);
    await connection.write({}, (tx) => tx.run('CREATE (:Person {email: 1.0})'));
    const { matches, errorMessage } = await rehearse(operation);
    expect([matches, errorMessage]).toEqual([
      false,
      expect.stringMatching(/^person_number: node whole would get a value/),
    ]);
    expect((await execute(operation)).operation.counts.applied).toBe(0n);
  });
});
