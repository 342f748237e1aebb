import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import driverFor from 'neo4j-driver';
import { startTestNeo4j, type TestNeo4j } from '../support/neo4j.ts';
import { Neo4jService } from '../support/neo4j-service.ts';
import { runFolder } from '../support/processes.ts';

/** What is killed, and when, is left to chance: a run shows one of many histories, and each must end in the same way. */
describe('the service and Neo4j, killed at any moment', () => {
  let neo4j: TestNeo4j;
  let service: Neo4jService;

  beforeAll(async () => {
    neo4j = await startTestNeo4j();
    const driver = driverFor.driver(neo4j.url);
    await driver.executeQuery(
      `UNWIND range(1, 20000) AS i CREATE (p:Item {n: i})
       WITH collect(p) AS items UNWIND range(0, 19998) AS i
       WITH items[i] AS a, items[i + 1] AS b CREATE (a)-[:NEXT]->(b)`,
    );
    await driver.close();
    service = await Neo4jService.open(neo4j.url, { attach: true });
  }, 300_000);
  afterAll(async () => {
    await service?.close();
    await neo4j?.stop();
  });

  const chance = (most: number): Promise<void> => sleep(Math.random() * most);

  async function write(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      const n = 1 + Math.floor(Math.random() * 20_000);
      await service.cypher('MATCH (p:Item {n: $n}) SET p.v = coalesce(p.v, 0) + 1 CREATE (p)-[:MADE]->(:Made)', { n });
      if (i % 3 === 0) await service.cypher('MATCH (m:Made) WITH m LIMIT 1 DETACH DELETE m');
    }
  }

  test('a baseline goes on where it was when the service is killed again and again, while others write', async () => {
    for (let kills = 0; kills < 4; kills += 1) {
      await Promise.all([write(10), chance(1500)]);
      await service.kill();
      await write(5);
      await service.start();
    }
    const graph = await service.until('CONTINUOUS', 240);
    expect(graph.capture).toMatchObject({ error: null, reconciled: '0', progress: 100 });
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
  }, 300_000);

  test('recording loses and doubles nothing when the service is killed while it drains', async () => {
    for (let kills = 0; kills < 4; kills += 1) {
      await Promise.all([write(25), chance(800).then(() => service.kill())]);
      await service.start();
    }
    await service.until('CONTINUOUS');
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
    const { capture } = await service.graph();
    expect(capture).toMatchObject({ error: null, reconciled: '0' });
  }, 300_000);

  test('Neo4j is killed again and again while the service drains: nothing is lost or doubled', async () => {
    for (let kills = 0; kills < 3; kills += 1) {
      // Writers are told that it went; whether their last transaction was committed they cannot know.
      await Promise.all([write(40).catch(() => {}), chance(1000).then(() => neo4j.kill())]);
      await neo4j.restart();
      await write(5);
    }
    await service.until('CONTINUOUS');
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
    const { capture } = await service.graph();
    expect(capture).toMatchObject({ error: null, reconciled: '0' });
  }, 300_000);

  test('a baseline goes on when Neo4j is killed and comes back', async () => {
    await service.detach();
    await write(10);
    await service.attach();
    for (let kills = 0; kills < 2; kills += 1) {
      await Promise.all([write(20).catch(() => {}), chance(1500).then(() => neo4j.kill())]);
      await neo4j.restart();
      await write(5);
    }
    const graph = await service.until('CONTINUOUS', 240);
    expect(graph.capture).toMatchObject({ error: null, progress: 100 });
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
  }, 300_000);

  test('Neo4j is killed and comes back: nothing is lost, and the service goes on by itself', async () => {
    await write(10);
    await neo4j.kill();
    await sleep(1500);
    await neo4j.restart();
    await write(10);
    const point = await service.point('after the crash').catch(() => service.point('after the crash'));
    expect(point).toMatchObject({ __typename: 'RollbackPoint' });
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
  }, 300_000);

  test('a dump that is restored begins an epoch; verification brings history in line, and points can still be restored', async () => {
    const dump = mkdtempSync(join(runFolder(), 'dump-'));
    await service.until('CONTINUOUS', 240);
    const point = await service.point('before the dump');
    expect(point).toMatchObject({ __typename: 'RollbackPoint' });
    const { capture } = await service.graph();
    await neo4j.stop();
    await neo4j.dump(dump);
    await neo4j.restart();
    await service.cypher('MATCH (p:Item {n: 3}) SET p.later = true');
    await service.cypher('CREATE (:Item {n: 99999})');
    await service.cypher('MATCH (p:Item {n: 4}) DETACH DELETE p');
    await service.point('is in no dump');
    // The stamp is written anew some seconds after something was recorded.
    await sleep(5000);
    await neo4j.stop();
    await neo4j.load(dump);
    await neo4j.restart();
    // At first it is said that the graph cannot be reached; then what was found in it.
    let shown = await service.graph();
    for (let tries = 0; !/dump|store/.test(shown.capture.error ?? '') && tries < 300; tries += 1) {
      await sleep(100);
      shown = await service.graph();
    }
    expect(shown.capture).toMatchObject({ error: expect.stringMatching(/dump|store/) });
    expect(shown.capture.epoch).toBeGreaterThan(capture.epoch);
    const found = await service.verify();
    expect(found).toMatchObject({ status: 'DONE', matches: false, transaction: { source: 'RECONCILE' } });
    expect((await service.graph()).capture.error).toBeNull();
    expect(await service.verify()).toMatchObject({ matches: true });
    await service.cypher('MATCH (p:Item {n: 6}) SET p.later = true');
    const restored = await service.rollback({ to: { point: point.id } });
    expect(restored).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
    const [row] = await service.cypher('MATCH (p:Item) WHERE p.later RETURN count(p) AS n');
    expect(row?.get('n')).toBe(0n);
  }, 300_000);
});
