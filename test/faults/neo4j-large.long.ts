import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestNeo4j, type TestNeo4j } from '../support/neo4j.ts';
import { Neo4jService } from '../support/neo4j-service.ts';

const ROUNDS = 10;
const NODES = 100_000;
/** What the service may take, in MB. */
const MEMORY = 600;

describe('large amounts of changes on Neo4j', () => {
  let neo4j: TestNeo4j;
  let service: Neo4jService;

  beforeAll(async () => {
    neo4j = await startTestNeo4j({ heap: '1g' });
    service = await Neo4jService.open(neo4j.url, { attach: true });
    await service.until('CONTINUOUS', 240);
  }, 300_000);
  afterAll(async () => {
    await service?.close();
    await neo4j?.stop();
  });

  const count = async (): Promise<number> => {
    const [row] = await service.cypher('MATCH (b:Big) RETURN count(b) AS n');
    return Number(row?.get('n'));
  };
  /** Until nothing waits. @returns for how long, in seconds, and how the peak of memory rose meanwhile: MB by what still waited */
  async function drained(): Promise<{ seconds: number; peaks: string }> {
    const began = Date.now();
    const peaks: string[] = [];
    for (let peak = 0; ; await sleep(200)) {
      const { pending } = (await service.graph()).capture;
      const now = Math.round(service.peakMemory());
      if (now > peak + 20) peaks.push(`${now} at ${pending}`);
      peak = Math.max(peak, now);
      if (pending === '0') return { seconds: (Date.now() - began) / 1000, peaks: peaks.join(', ') };
    }
  }
  const lastOf = async (): Promise<unknown> => {
    const query = '{ graph(name: "g") { transactions(last: 1) { nodes { actor changeCount } } } }';
    return (await service.client.data(query)).graph.transactions.nodes;
  };

  test('100,000 changes in one transaction of a user’s are one transaction, and are undone', async () => {
    const point = await service.point('before');
    const began = Date.now();
    await service.cypher(
      `UNWIND range(1, ${NODES}) AS i CREATE (:Big {n: i, text: 'text ' + i})`,
      {},
      { actor: 'bulk' },
    );
    console.log(`${NODES} changes in one transaction: written in ${(Date.now() - began) / 1000} s`);
    const { seconds, peaks } = await drained();
    console.log(`recorded in ${seconds} s; MB of memory at most: ${peaks}`);
    const after = await service.point('after');
    expect(Number(after.seq)).toBe(Number(point.seq) + 1);
    expect(await lastOf()).toEqual([{ actor: 'bulk', changeCount: `${NODES}` }]);
    const undone = await service.rollback({
      undo: { by: { actor: 'bulk' }, from: { point: point.id } },
      strategy: 'GRADUAL',
      batchSize: 5000,
    });
    expect(undone).toMatchObject({ status: 'COMPLETED', proof: { matches: true }, counts: { applied: `${NODES}` } });
    expect(await count()).toBe(0);
    expect(service.peakMemory()).toBeLessThan(MEMORY);
  }, 600_000);

  test('1,000,000 changes that wait are recorded in flat memory', async () => {
    const before = await service.graph();
    await service.kill();
    await service.cypher(
      `UNWIND range(1, ${NODES}) AS i CREATE (:Big {n: i, text: 'text ' + i})`,
      {},
      { actor: 'bulk' },
    );
    const session = service.driver.session();
    for (let round = 1; round < ROUNDS; round += 1) {
      await session.run('MATCH (b:Big) CALL (b) { SET b.v = $round } IN TRANSACTIONS OF 5000 ROWS', { round });
    }
    await session.close();
    await service.start();
    const waiting = (await service.graph()).capture.pending;
    const { seconds, peaks } = await drained();
    const peak = Math.round(service.peakMemory());
    console.log(
      `${ROUNDS * NODES} changes waited (${waiting} transactions): recorded in ${seconds} s; MB of memory at most: ${peaks}`,
    );
    expect(peak).toBeLessThan(MEMORY);
    const after = await service.graph();
    expect(Number(after.head.seq) - Number(before.head.seq)).toBe(1 + (ROUNDS - 1) * (NODES / 5000));
    expect(after.capture).toMatchObject({ error: null, reconciled: '0' });
    expect(after.nodeCount).toBe(`${NODES}`);
  }, 900_000);
});
