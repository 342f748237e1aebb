import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { Neo4jGraph } from '../../src/adapters/neo4j/neo4j-graph.ts';
import { scanCapture } from '../../src/adapters/neo4j/scan-capture.ts';
import { PostgresBindings } from '../../src/adapters/postgres/bindings.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { looseSecret } from '../support/capture-secret.ts';
import { byApi, changeTo, nodeOf, nodeRef, put } from '../support/captured.ts';
import { type Neo4jHarness, neo4jHarness } from '../support/neo4j-graphs.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { type CommitFate, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

jest.setTimeout(300_000);

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
  await proxy?.close();
  await harness?.close();
  await database?.close();
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

/** Counts from as many writers at once, six times each, through the proxy. @returns the counts, and those that the graph holds */
async function countAll(writers: number, meanwhile: () => () => void): Promise<{ told: number[]; held: number[] }> {
  await harness.fresh();
  const address = { url: `bolt://127.0.0.1:${proxy.port}` };
  const kept = { bindings: new PostgresBindings(database, 1), secret: looseSecret() };
  const graph = new Neo4jGraph('cut', address, kept, scanCapture, { attempts: 40 });
  try {
    await put(graph, [nodeOf('counter', { n: 0 })]);
    // Slots are made by transactions of their own: these are there before anything is cut.
    const warm = () => graph.transaction(byApi(), (tx) => tx.lock([nodeRef('counter')]));
    await Promise.all(Array.from({ length: writers }, warm));
    const told: number[] = [];
    const end = meanwhile();
    await Promise.all(
      Array.from({ length: writers }, async (_, writer) => {
        for (let i = 0; i < 6; i += 1) told.push(await count(graph, `w${writer}-${i}`));
      }),
    );
    end();
    const rows = await harness.connection.read(
      'MATCH (n:Thing) WHERE n.palinodeKey <> "counter" RETURN n.n AS n ORDER BY n',
    );
    return { told: told.sort((a, b) => a - b), held: rows.map(({ n }) => Number(n)) };
  } finally {
    await graph.close();
  }
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const fate = fc.constantFrom<CommitFate>('PASS', 'CUT_BEFORE', 'CUT_WHILE', 'CUT_AFTER', 'CUT_WHILE', 'CUT_AFTER');

test('a transaction whose commit was never answered is applied exactly once', async () => {
  const fates = fc.array(fate, { minLength: 30, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fates, fc.integer({ min: 1, max: 4 }), async (wanted, writers) => {
      const { told, held } = await countAll(writers, () => {
        proxy.next(wanted);
        return () => proxy.next([]);
      });
      expect(told).toEqual(upTo(writers * 6));
      expect(held).toEqual(upTo(writers * 6));
    }),
    { numRuns: 3 },
  );
  expect(proxy.cuts).toBeGreaterThan(5);
});

test('connections that are cut at any moment lose and double nothing', async () => {
  const gaps = fc.array(fc.integer({ min: 3, max: 60 }), { minLength: 20, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(gaps, fc.integer({ min: 1, max: 4 }), async (waits, writers) => {
      const { told, held } = await countAll(writers, () => cutting(waits));
      expect(told).toEqual(upTo(writers * 6));
      expect(held).toEqual(upTo(writers * 6));
    }),
    { numRuns: 3 },
  );
});

/** Cuts all connections after each of the waits in turn, in milliseconds. @returns what ends it */
function cutting(waits: readonly number[]): () => void {
  let timer: NodeJS.Timeout | undefined;
  const cutAfter = ([wait, ...rest]: readonly number[]): void => {
    if (wait === undefined) return;
    timer = setTimeout(() => {
      proxy.cutAll();
      cutAfter(rest);
    }, wait);
  };
  cutAfter(waits);
  return () => clearTimeout(timer);
}
