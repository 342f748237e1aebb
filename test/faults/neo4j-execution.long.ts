import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import driverFor from 'neo4j-driver';
import { startTestNeo4j, type TestNeo4j } from '../support/neo4j.ts';
import { Neo4jService } from '../support/neo4j-service.ts';
import { runFolder } from '../support/processes.ts';

/** A gradual rollback of some seconds; what is killed meanwhile, and when, is left to chance. */
describe('a rollback that is executed on Neo4j', () => {
  let neo4j: TestNeo4j;
  let service: Neo4jService;

  beforeAll(async () => {
    neo4j = await startTestNeo4j();
    const driver = driverFor.driver(neo4j.url);
    await driver.executeQuery(
      `UNWIND range(1, 2000) AS i CREATE (p:Item {n: i, p: 'good'})
       WITH collect(p) AS items UNWIND range(0, 1998) AS i
       WITH i, items[i] AS a, items[i + 1] AS b CREATE (a)-[:NEXT {i: i}]->(b)`,
    );
    await driver.executeQuery('CREATE INDEX FOR (p:Item) ON (p.n)');
    await driver.close();
    service = await Neo4jService.open(neo4j.url, { attach: true });
    await service.until('CONTINUOUS', 240);
  }, 300_000);
  afterAll(async () => {
    await service?.close();
    await neo4j?.stop();
  });

  const chance = (least: number, most: number): Promise<void> => sleep(least + Math.random() * (most - least));

  /** Everything of the writers' graph by key, without what those write who go on meanwhile. */
  async function content(): Promise<Map<string, unknown>> {
    const nodes = await service.cypher(
      `MATCH (n:Item) RETURN 'n:' + n.palinodeKey AS key, apoc.convert.toSortedJsonMap(apoc.map.removeKeys(properties(n), ['palinodeKey', 'seen'])) AS p, labels(n) AS labels`,
    );
    const ties = await service.cypher(
      `MATCH (a)-[r]->(b) WHERE NOT a:_PalinodeMarker RETURN 'r:' + r.palinodeKey AS key, type(r) + r.i AS p, [a.palinodeKey, b.palinodeKey] AS labels`,
    );
    const found = new Map(
      [...nodes, ...ties].map((row) => [String(row.get('key')), [row.get('p'), row.get('labels')]]),
    );
    expect(found.size).toBe(nodes.length + ties.length);
    return found;
  }

  /** Updates, creations and deletions. @returns what was there before, and how to have that again */
  async function messUp(actor: string): Promise<{ before: Map<string, unknown>; undo: Record<string, unknown> }> {
    const before = await content();
    const from = await service.point(`before ${actor}`);
    const by = { actor };
    await service.cypher('MATCH (p:Item) WHERE p.n <= 800 SET p.p = $actor, p.more = 1', { actor }, by);
    // No two in a row: what hangs together must come back in one batch.
    await service.cypher('MATCH (p:Item) WHERE p.n > 1700 AND p.n % 2 = 0 DETACH DELETE p', {}, by);
    await service.cypher(
      'MATCH (p:Item) WHERE p.n > 1000 AND p.n <= 1150 CREATE (p)-[:MADE {i: p.n}]->(:Item {n: 10000 + p.n})',
      {},
      by,
    );
    return { before, undo: { by: { actor }, from: { point: from.id } } };
  }

  /** Others write to the same entities as long as the operation runs. */
  function others(): () => Promise<number> {
    let writing = true;
    const writer = (async () => {
      let written = 0;
      for (; writing; await sleep(150)) {
        const n = 1 + Math.floor(Math.random() * 800);
        // While Neo4j is away, they are told so.
        await service.cypher('MATCH (p:Item {n: $n}) SET p.seen = coalesce(p.seen, 0) + 1', { n }).then(
          () => (written += 1),
          () => {},
        );
      }
      return written;
    })();
    return () => {
      writing = false;
      return writer;
    };
  }

  const slowly = { strategy: 'GRADUAL', batchSize: 60, maxChangesPerSecond: 250 };

  /** How much each recorded transaction of an operation changed. */
  async function recordedOf(id: string): Promise<number[]> {
    const query = `query ($id: ID!) { graph(name: "g") { transactions(first: 500, filter: {operation: $id}) { nodes { changeCount } } } }`;
    const { graph } = await service.client.data(query, { id });
    return graph.transactions.nodes.map(({ changeCount }: { changeCount: string }) => Number(changeCount));
  }

  async function expectUndone(id: string, before: Map<string, unknown>): Promise<void> {
    const operation = await service.ended(id);
    expect(operation).toMatchObject({
      status: 'COMPLETED',
      errorMessage: null,
      outcome: 'APPLIED',
      proof: { matches: true },
    });
    expect(operation.counts.applied).toBe(operation.counts.planned);
    expect(await content()).toEqual(before);
    // Every change exactly once: what capture saw of the operation is as much as was planned.
    const sizes = await recordedOf(id);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(Number(operation.counts.planned));
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
    expect((await service.graph()).capture).toMatchObject({ error: null, reconciled: '0' });
  }

  test('goes on to its one end when the service is killed again and again', async () => {
    const { before, undo } = await messUp('robot 1');
    const { id } = await service.begin({ undo, ...slowly });
    const stop = others();
    for (let kills = 0; kills < 4; kills += 1) {
      await chance(100, 2500);
      await service.kill();
      await service.start();
      // The next kill strikes a run that has taken the operation up: the lease of the dead one has to end first.
      const { counts } = await service.operation(id);
      for (let tries = 0; tries < 400; tries += 1) {
        const now = await service.operation(id);
        if (now.counts.applied !== counts.applied || now.status !== 'EXECUTING') break;
        await sleep(50);
      }
    }
    await service.ended(id);
    expect(await stop()).toBeGreaterThan(0);
    await expectUndone(id, before);
  }, 300_000);

  test('goes on to its one end when Neo4j is killed and started again', async () => {
    const { before, undo } = await messUp('robot 2');
    const { id } = await service.begin({ undo, ...slowly });
    const stop = others();
    for (let kills = 0; kills < 3; kills += 1) {
      await chance(100, 2500);
      await neo4j.kill();
      await chance(0, 1500);
      await neo4j.restart();
    }
    await service.ended(id);
    await stop();
    await expectUndone(id, before);
  }, 300_000);

  test('ends FAILED with an account when a dump from before it is restored under it, and history is brought in line', async () => {
    const { before, undo } = await messUp('robot 3');
    const messed = await content();
    await service.point('messed up');
    const dump = mkdtempSync(join(runFolder(), 'dump-'));
    await neo4j.stop();
    await neo4j.dump(dump);
    await neo4j.restart();
    const { id } = await service.begin({ undo, ...slowly });
    // Some of it has to be recorded: what is in nothing but an outbox that vanishes with its graph, history is right without.
    for (let applied = 0; applied < 300 || (await recordedOf(id)).length === 0; await sleep(50)) {
      const at = await service.operation(id);
      expect(['COMPLETED', 'FAILED']).not.toContain(at.status);
      applied = Number(at.counts.applied);
    }
    await neo4j.stop();
    await neo4j.load(dump);
    await neo4j.restart();
    const operation = await service.ended(id);
    expect(operation).toMatchObject({
      status: 'FAILED',
      errorMessage: expect.stringMatching(/earlier state/),
      counts: { applied: '0' },
      account: { created: '0', overwritten: '0', deleted: '0', left: operation.counts.planned },
    });
    expect(await content()).toEqual(messed);
    expect((await service.graph()).capture.error).toMatch(/earlier state|writes were missed/);
    expect(await service.begin({ to: undo.from })).toMatchObject({ __typename: 'CaptureError' });
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: false });
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
    expect(await service.rollback({ to: undo.from })).toMatchObject({
      status: 'COMPLETED',
      proof: { matches: true },
    });
    expect(await content()).toEqual(before);
  }, 300_000);
});
