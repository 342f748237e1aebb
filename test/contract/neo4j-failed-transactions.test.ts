import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { toGraphError } from '../../src/adapters/neo4j/errors.ts';
import { scanCapture } from '../../src/adapters/neo4j/scan-capture.ts';
import { hashOf } from '../../src/core/hash.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { writeBatch } from '../../src/services/rollback/batch.ts';
import { byApi, changeTo, nodeOf, nodeRef, put } from '../support/captured.ts';
import { type Neo4jHarness, neo4jHarness } from '../support/neo4j-graphs.ts';

jest.setTimeout(300_000);

let harness: Neo4jHarness;
let graph: KnowledgeGraph;
let connection: Connection;
beforeAll(async () => {
  harness = await neo4jHarness(scanCapture);
  connection = harness.connection;
});
afterAll(() => harness?.close());
beforeEach(async () => {
  graph = await harness.fresh();
});

const DEADLOCK = 'Neo.TransientError.Transaction.DeadlockDetected';
const touch = 'MATCH (n) WHERE n.palinodeKey = $key SET n.touched = 1';

/**
 * A transaction of the user that holds a node. Of two transactions in a deadlock Neo4j ends the one with fewer locks, or else the younger one, so
 * this one is begun before the one that is to fail, and holds as many nodes of its own as it takes.
 */
async function userHolding(key: string, ownNodes = 0) {
  const tx = await connection.begin();
  await tx.run('UNWIND range(1, $ownNodes) AS n CREATE (:Own)', { ownNodes: BigInt(ownNodes) });
  await tx.run(touch, { key });
  let waits: Promise<unknown> = Promise.resolve();
  return {
    /** Resolves once it waits for a node that is another transaction's. */
    async waitsFor(other: string): Promise<void> {
      waits = tx.run(touch, { key: other }).catch(() => {});
      const blocked = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*) AS blocked";
      while ((await connection.command(blocked))[0]?.blocked === 0n) await sleep(20);
    },
    async end(): Promise<void> {
      await waits;
      await tx.rollback();
    },
  };
}

test('what follows a failed statement of a transaction, its commit too, fails for the same reason', async () => {
  await put(graph, [nodeOf('a'), nodeOf('b')]);
  const user = await userHolding('b');
  const tx = await connection.begin();
  await tx.run(touch, { key: 'a' });
  await user.waitsFor('a');
  const [early] = await Promise.allSettled([tx.run(touch, { key: 'b' })]);
  expect(early).toMatchObject({ status: 'rejected', reason: { code: DEADLOCK } });
  await expect(tx.run('RETURN 1')).rejects.toMatchObject({ code: DEADLOCK });
  await expect(tx.commit()).rejects.toMatchObject({ code: DEADLOCK });
  await tx.rollback();
  await user.end();
});

test('statements that were sent together fail for the same reason, in whatever order they are awaited', async () => {
  const tx = await connection.begin();
  const sent = ['RETURN 1', 'UNWIND [0] AS n RETURN 1 / n', 'RETURN 2'].map((text) => tx.run(text));
  const reasons = (await Promise.allSettled([...sent, tx.run('RETURN 3')])).map((one) =>
    one.status === 'rejected' ? one.reason.code : null,
  );
  const divided = 'Neo.ClientError.Statement.ArithmeticError';
  expect(reasons).toEqual([null, divided, divided, divided]);
  await tx.rollback();
});

test('a deadlock of the chunk that is locked while another one is written has the batch tried again', async () => {
  const keys = Array.from({ length: 300 }, (_, at) => `n${at}`);
  await put(
    graph,
    keys.map((key) => nodeOf(key, { v: 1 })),
  );
  const states = await graph.read(keys.map(nodeRef));
  const user = await userHolding('n299', 2000);
  let tries = 0;
  const transaction: KnowledgeGraph['transaction'] = (context, work) =>
    graph.transaction(context, async (tx) => {
      tries += 1;
      if (tries === 2) await user.end();
      let locks = 0;
      let ahead: Promise<unknown> = Promise.resolve();
      return work({
        lock: (refs) => {
          locks += 1;
          const meets = locks === 2 && tries === 1;
          const locking = meets ? user.waitsFor('n0').then(() => tx.lock(refs)) : tx.lock(refs);
          ahead = locking.catch(() => {});
          return locking;
        },
        lockIncident: (...args) => tx.lockIncident(...args),
        claimMarker: (...args) => tx.claimMarker(...args),
        setMarker: (...args) => tx.setMarker(...args),
        // As when there is more to write than the lock takes to fail.
        write: async (changes) => {
          if (tries === 1) await ahead;
          return tx.write(changes);
        },
      });
    });
  const { id } = byApi();
  await graph.transaction(byApi(), (tx) => tx.setMarker(id, { token: 1n, batch: 0n }));
  const writes = keys.map((key) => ({
    ...nodeRef(key),
    moved: false,
    releases: false,
    expectedHash: hashOf(states.get(`n:${key}`) ?? null),
    after: nodeOf(key, { v: 0 }),
  }));
  const run = {
    operation: { id, requestedBy: 'ada' },
    lease: { token: 1n },
    served: { graph: { transaction } },
    deps: { keys: { next: () => byApi().id } },
  };
  expect(await writeBatch(run, 1n, writes).finally(user.end)).toBe(true);
  expect(tries).toBe(2);
  const now = await graph.read(keys.map(nodeRef));
  expect([...now.values()].filter(({ properties }) => properties.v === 0)).toHaveLength(300);
});

test('a pool whose connections are all taken is told apart from what does not pass', async () => {
  const narrow = new Connection({ url: harness.url }, { poolSize: 1, acquireTimeoutMs: 200 });
  const tx = await narrow.begin();
  const error = await narrow.begin().catch((reason: unknown) => toGraphError(reason));
  expect(error).toMatchObject({ message: expect.stringContaining('acquisition timed out'), retryable: true });
  await tx.rollback();
  await narrow.close();
});

test('a transaction that an administrator ends is run again', async () => {
  await put(graph, [nodeOf('a', { v: 1 })]);
  let tries = 0;
  await graph.transaction(byApi(), async (tx) => {
    tries += 1;
    const live = await tx.lock([nodeRef('a')]);
    if (tries === 1) {
      const others =
        "SHOW TRANSACTIONS YIELD transactionId, currentQuery WHERE NOT currentQuery STARTS WITH 'SHOW' RETURN transactionId AS id";
      for (const { id } of await connection.command(others))
        await connection.command('TERMINATE TRANSACTION $id', { id });
    }
    await tx.write([changeTo(live.get('n:a'), nodeOf('a', { v: 2 }))]);
  });
  expect(tries).toBe(2);
  expect((await graph.read([nodeRef('a')])).get('n:a')?.properties).toEqual({ v: 2 });
});
