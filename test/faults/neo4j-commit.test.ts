import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Neo4jGraph } from '../../src/adapters/neo4j/neo4j-graph.ts';
import { scanCapture } from '../../src/adapters/neo4j/scan-capture.ts';
import { PostgresBindings } from '../../src/adapters/postgres/bindings.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { byApi, changeTo, nodeOf, nodeRef, put } from '../support/captured.ts';
import { type Neo4jHarness, neo4jHarness } from '../support/neo4j-graphs.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { type CommitFate, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let harness: Neo4jHarness;
let proxy: TcpProxy;
let database: Awaited<ReturnType<typeof createPgliteDatabase>>;
beforeAll(async () => {
  harness = await neo4jHarness(scanCapture);
  const { hostname: host, port } = new URL(harness.url);
  proxy = await startTcpProxy({ host, port: Number(port) });
  database = await createPgliteDatabase({ migrated: true });
});
afterAll(async () => {
  await proxy.close();
  await harness.close();
  await database.close();
});

/** Counts, and leaves a node for each count: what is written twice, or not at all, shows in both. @returns the count */
function count(graph: KnowledgeGraph, key: string): Promise<number> {
  return graph.transaction(byApi(), async (tx) => {
    const before = (await tx.lock([nodeRef('counter'), nodeRef(key)])).get('n:counter');
    const n = Number(before?.properties.n) + 1;
    await tx.write([changeTo(before, nodeOf('counter', { n })), changeTo(null, nodeOf(key, { n }))]);
    return n;
  });
}

const fate = fc.constantFrom<CommitFate>('PASS', 'CUT_BEFORE', 'CUT_WHILE', 'CUT_AFTER', 'CUT_WHILE', 'CUT_AFTER');

test('a transaction whose commit was never answered is applied exactly once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fate, { minLength: 30, maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      async (fates, writers) => {
        await harness.fresh();
        const graph = new Neo4jGraph(
          'cut',
          { url: `bolt://127.0.0.1:${proxy.port}` },
          new PostgresBindings(database, 1),
          scanCapture,
          { attempts: 30 },
        );
        try {
          await put(graph, [nodeOf('counter', { n: 0 })]);
          // Slots are made by transactions of their own: let those be there before.
          await Promise.all(
            Array.from({ length: writers }, () => graph.transaction(byApi(), (tx) => tx.lock([nodeRef('counter')]))),
          );
          const cutsBefore = proxy.cuts;
          proxy.next(fates);
          const counts: number[] = [];
          await Promise.all(
            Array.from({ length: writers }, async (_, writer) => {
              for (let i = 0; i < 6; i += 1) counts.push(await count(graph, `w${writer}-${i}`));
            }),
          );
          proxy.next([]);
          const rows = await harness.connection.read(
            'MATCH (n:Thing) WHERE n.palinodeKey <> "counter" RETURN n.n AS n ORDER BY n',
          );
          const expected = Array.from({ length: writers * 6 }, (_, i) => i + 1);
          expect(rows.map(({ n }) => Number(n))).toEqual(expected);
          expect(counts.sort((a, b) => a - b)).toEqual(expected);
          expect(proxy.cuts).toBeGreaterThan(cutsBefore);
        } finally {
          await graph.close();
        }
      },
    ),
    { numRuns: 6 },
  );
});
