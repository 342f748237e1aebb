import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import neo4j, { type Driver } from 'neo4j-driver';
import { dumpNeo4j, startNeo4j } from '../scripts/neo4j/instance.ts';
import { readWordNet } from '../src/adapters/wordnet/wordnet.ts';
import type { EntityState } from '../src/core/entities.ts';

const BATCH = 5000;

/** A Neo4j of our own, with APOC triggers, that is thrown away. */
export interface BenchNeo4j {
  readonly url: string;
  readonly driver: Driver;
  /** Stops the server, writes its store into a folder, and starts it again. */
  dump(archive: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startBenchNeo4j(): Promise<BenchNeo4j> {
  const home = mkdtempSync(join(tmpdir(), 'palinode-bench-neo4j-'));
  const options = { home, port: await freePort(), heap: '1g', pageCache: '512m', triggerRefreshMs: 500 };
  let server = await startNeo4j(options);
  const driver = neo4j.driver(server.url, undefined, { useBigInt: true });
  return {
    url: server.url,
    driver,
    async dump(archive) {
      await server.stop();
      await dumpNeo4j(home, archive);
      server = await startNeo4j(options);
    },
    async stop() {
      await driver.close();
      await server.kill();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Writes WordNet without keys. */
export async function loadWordNet(driver: Driver): Promise<void> {
  const run = (text: string, rows?: unknown[]) => driver.executeQuery(text, rows === undefined ? {} : { rows });
  await run('CREATE INDEX synset IF NOT EXISTS FOR (n:Synset) ON (n.synset)');
  await run('CALL db.awaitIndexes()');
  for await (const batch of batches(readWordNet())) {
    if (batch[0]?.kind === 'NODE')
      await run('UNWIND $rows AS row CREATE (n:$(row.labels)) SET n = row.properties', batch.map(rowOf));
    else {
      await run(
        `UNWIND $rows AS row MATCH (a:Synset {synset: row.start}) MATCH (b:Synset {synset: row.end})
         CREATE (a)-[r:$(row.type)]->(b) SET r = row.properties`,
        batch.map(rowOf),
      );
    }
  }
}

function rowOf(state: EntityState): Record<string, unknown> {
  const properties = Object.fromEntries(
    Object.entries(state.properties).map(([name, value]) => [
      name,
      typeof value === 'object' && '$list' in value ? value.$list.values : value,
    ]),
  );
  if (state.kind === 'NODE') return { labels: state.labels, properties: { ...properties, synset: state.key } };
  return { type: state.type, start: state.start, end: state.end, properties };
}

async function* batches(states: AsyncIterable<EntityState>): AsyncGenerator<EntityState[]> {
  let batch: EntityState[] = [];
  for await (const state of states) {
    if (batch.length === BATCH || (batch.length > 0 && batch[0]?.kind !== state.kind)) {
      yield batch;
      batch = [];
    }
    batch.push(state);
  }
  if (batch.length > 0) yield batch;
}

/** Entities a second when all nodes and relationships are read over Bolt and thrown away. */
export async function readingRate(driver: Driver): Promise<number> {
  const began = performance.now();
  let read = 0;
  for (const text of ['MATCH (n) RETURN n', 'MATCH ()-[r]->() RETURN r']) {
    const session = driver.session({ defaultAccessMode: 'READ', fetchSize: 5000 });
    for await (const _ of session.run(text)) read += 1;
    await session.close();
  }
  return (read * 1000) / (performance.now() - began);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
