import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Capture } from '../../src/adapters/neo4j/capture.ts';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { quoted } from '../../src/adapters/neo4j/names.ts';
import {
  type CaptureParts,
  type Kept,
  Neo4jGraph,
  type Neo4jGraphOptions,
} from '../../src/adapters/neo4j/neo4j-graph.ts';
import { PostgresBindings } from '../../src/adapters/postgres/bindings.ts';
import type { Value } from '../../src/core/values.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import type { GraphHarness } from '../contract/knowledge-graph.contract.ts';
import { looseSecret } from './capture-secret.ts';
import { borrowSharedNeo4j, startTestNeo4j } from './neo4j.ts';
import { isStorable } from './neo4j-values.ts';
import { createPgliteDatabase } from './postgres.ts';

export interface Neo4jHarness extends GraphHarness {
  readonly url: string;
  readonly connection: Connection;
}

/** A Neo4j that a suite has to itself meanwhile. */
export interface BorrowedNeo4j {
  readonly url: string;
  giveBack(): void | Promise<void>;
}

/** A server without APOC, ended when it is given back. */
export async function startPlainNeo4j(): Promise<BorrowedNeo4j> {
  const server = await startTestNeo4j({ apoc: false });
  return { url: server.url, giveBack: () => server.kill() };
}

/** One graph at a time in a Neo4j, the shared one unless told, each made of nothing. */
export async function neo4jHarness(
  captureFor: (parts: CaptureParts) => Capture,
  options: Neo4jGraphOptions = {},
  borrow: () => Promise<BorrowedNeo4j> = borrowSharedNeo4j,
): Promise<Neo4jHarness> {
  const { url, giveBack } = await borrow();
  const database = await createPgliteDatabase({ migrated: true });
  const connection = new Connection({ url });
  const opened = new Map<string, { kept: Kept; graphs: Neo4jGraph[] }>();
  const open = (name: string): Neo4jGraph => {
    const bindings = new PostgresBindings(database, opened.size + 1);
    const entry = opened.get(name) ?? { kept: { bindings, secret: looseSecret() }, graphs: [] };
    opened.set(name, entry);
    const graph = new Neo4jGraph(name, { url }, entry.kept, captureFor, options);
    entry.graphs.push(graph);
    return graph;
  };
  const closeAll = async (): Promise<void> => {
    for (const { graphs } of opened.values()) for (const graph of graphs.splice(0)) await graph.close();
  };
  return {
    url,
    connection,
    async fresh() {
      await closeAll();
      await wipe(connection);
      const graph = open(`g${randomUUID().slice(0, 8)}`);
      await graph.attach();
      return graph;
    },
    reopen: (graph: KnowledgeGraph) => open(graph.name),
    holds,
    async close() {
      await closeAll();
      await wipe(connection);
      await connection.close();
      await database.close();
      await giveBack();
    },
  };
}

/** The offset that goes with a named zone is not for a generator of values to know. */
function holds(value: Value): boolean {
  return isStorable(value) && !JSON.stringify(value).includes(']"');
}

/** Removes everything from the database, triggers and schema too. Nothing captures it, since the triggers go first. */
export async function wipe(connection: Connection): Promise<void> {
  await dropTriggers(connection);
  for (const row of await connection.read('SHOW CONSTRAINTS YIELD name')) {
    await connection.command(`DROP CONSTRAINT ${quoted(String(row.name))} IF EXISTS`);
  }
  for (const row of await connection.read(`SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP'`)) {
    await connection.command(`DROP INDEX ${quoted(String(row.name))} IF EXISTS`);
  }
  await connection.write({}, (tx) => tx.run('MATCH (n) DETACH DELETE n'));
}

/** Returns when the database runs none any more: it learns of it some time after the system database. */
async function dropTriggers(connection: Connection): Promise<void> {
  const procedures = await connection.read(`SHOW PROCEDURES YIELD name WHERE name = 'apoc.trigger.list' RETURN name`);
  if (procedures.length === 0) return;
  const running = (): Promise<readonly unknown[]> => connection.read('CALL apoc.trigger.list() YIELD name RETURN name');
  const [database] = await connection.read('CALL db.info() YIELD name RETURN name');
  await connection.command('CALL apoc.trigger.dropAll($name)', { name: database?.name }, 'system');
  while ((await running()).length > 0) await sleep(50);
}
