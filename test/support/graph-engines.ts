import { Connection } from '../../src/adapters/neo4j/connection.ts';
import type { GraphSetting } from '../../src/main/graphs-file.ts';
import { engines, type OpenedEngine } from './engines.ts';
import { borrowSharedNeo4j } from './neo4j.ts';
import { wipe } from './neo4j-graphs.ts';
import { createTestDatabase } from './postgres.ts';

/** A database with the service's tables, and an empty graph named `demo` for it. */
export interface OpenedGraphEngine extends OpenedEngine {
  readonly setting: GraphSetting;
  /** The address of the graph, if it is a Neo4j: for `openWorld`. */
  readonly neo4j?: string;
}

export type GraphEngine = readonly [string, () => Promise<OpenedGraphEngine>];

export const neo4jEngine: GraphEngine = ['Neo4j', openNeo4j];

/** Every kind of graph on every kind of store that it is commonly on: for `describe.each`. */
export const graphEngines: readonly GraphEngine[] = [
  ...engines.map(([name, open]): GraphEngine => [name, async () => ({ ...(await open()), setting: settingOf() })]),
  neo4jEngine,
];

/** Each kind of graph once. */
export const graphKinds: readonly GraphEngine[] = graphEngines.filter(
  ([name]) => name === 'PGlite' || name === 'Neo4j',
);

/** How the settings of a service name the graph. */
export function settingOf(neo4j?: string): GraphSetting {
  if (neo4j === undefined) return { name: 'demo', kind: 'embedded' };
  const defaults = { user: undefined, password: undefined, database: undefined, keyProperty: undefined };
  return { name: 'demo', kind: 'neo4j', url: neo4j, ...defaults, derivedProperties: [], attach: true };
}

/** On the server that all suites share, which is a suite's own meanwhile. */
async function openNeo4j(): Promise<OpenedGraphEngine> {
  const { url, giveBack } = await borrowSharedNeo4j();
  const connection = new Connection({ url });
  await wipe(connection);
  const created = await createTestDatabase({ migrated: true, poolSize: 10 });
  const close = async (): Promise<void> => {
    await created[Symbol.asyncDispose]();
    await wipe(connection);
    await connection.close();
    giveBack();
  };
  return { database: created.database, setting: settingOf(url), neo4j: url, close };
}
