import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '../demo/client.ts';
import { startService } from '../demo/service.ts';
import { PgDatabase } from '../src/adapters/postgres/pg-database.ts';
import { type BenchNeo4j, loadWordNet, startBenchNeo4j } from './neo4j-server.ts';
import { startServer } from './server.ts';

export const GRAPH = 'wordnet';

/** WordNet in a Neo4j, and a service over a PostgreSQL server that has recorded it. */
export interface Attached {
  readonly graph: BenchNeo4j;
  readonly client: Client;
  /** Ends the service alone. */
  detach(): Promise<void>;
  stop(): Promise<void>;
}

/** @param before run on the loaded graph before the service is started */
export async function startAttached(before: (graph: BenchNeo4j) => Promise<void> = async () => {}): Promise<Attached> {
  const folder = mkdtempSync(join(tmpdir(), 'palinode-bench-'));
  const config = join(folder, 'graphs.json');
  const server = await startServer();
  const graph = await startBenchNeo4j();
  let service: Awaited<ReturnType<typeof startService>> | null = null;
  const detach = async (): Promise<void> => {
    await service?.stop();
    service = null;
  };
  const stop = async (): Promise<void> => {
    await detach();
    await graph.stop();
    server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    writeFileSync(config, JSON.stringify({ graphs: [{ name: GRAPH, kind: 'neo4j', url: graph.url, attach: true }] }));
    await loadWordNet(graph.driver);
    await before(graph);
    const admin = new PgDatabase({ url: server.url('postgres') });
    await admin.script('CREATE DATABASE palinode');
    await admin.close();
    const database = server.url('palinode');
    service = await startService({ PALINODE_CONFIG: config, DATABASE_URL: database, PALINODE_SAMPLE: 'none' });
    const client = connect(service.url);
    await settled(client);
    return { graph, client, detach, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What the service says of capture. */
export interface CaptureStatus {
  readonly mode: string;
  /** Changes that wait to be recorded. */
  readonly pending: number;
  /** Age of the oldest of them, in milliseconds; null when nothing waits. */
  readonly lagMs: number | null;
}

/** @throws Error when capture has a gap; what is said while the graph is being attached is none */
export async function captureStatus(client: Client): Promise<CaptureStatus> {
  const { graph } = await client.request<{
    graph: { capture: { mode: string; pending: string; lagMs: number | null; error: string | null } };
  }>('query ($name: String!) { graph(name: $name) { capture { mode pending lagMs error } } }', { name: GRAPH });
  const { mode, pending, lagMs, error } = graph.capture;
  if (error !== null && mode !== 'OFF') throw new Error(error);
  return { mode, pending: Number(pending), lagMs };
}

/** Waits until the graph is attached and nothing waits to be recorded. */
export async function settled(client: Client): Promise<void> {
  for (;;) {
    const { mode, pending } = await captureStatus(client);
    if (mode === 'CONTINUOUS' && pending === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
