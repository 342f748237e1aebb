import { EmbeddedGraph } from '../adapters/embedded-graph/embedded-graph.ts';
import { anyCapture } from '../adapters/neo4j/capture-choice.ts';
import { Neo4jGraph } from '../adapters/neo4j/neo4j-graph.ts';
import { PostgresBindings } from '../adapters/postgres/bindings.ts';
import { PostgresCaptureSecret } from '../adapters/postgres/capture-secret.ts';
import type { PostgresStore } from '../adapters/postgres/postgres-store.ts';
import type { Bindings } from '../ports/bindings.ts';
import type { KnowledgeGraph } from '../ports/knowledge-graph.ts';
import type { GraphSetting } from './graphs-file.ts';

export interface OpenedGraph {
  readonly graph: KnowledgeGraph;
  /** Of a graph that addresses entities by numbers of its own. */
  readonly bindings?: Bindings;
}

/** The adapter that serves a graph, by its kind. Nothing is connected to yet. */
export function openGraph(store: PostgresStore, graphId: number, setting: GraphSetting): OpenedGraph {
  if (setting.kind === 'embedded') return { graph: new EmbeddedGraph(store, setting.name) };
  const { name, url, user, password, database, keyProperty, derivedProperties } = setting;
  const bindings = new PostgresBindings(store, graphId);
  const kept = { bindings, secret: new PostgresCaptureSecret(store, graphId) };
  const graph = new Neo4jGraph(name, { url, user, password, database }, kept, anyCapture, {
    keyProperty,
    derivedProperties,
  });
  return { graph, bindings };
}
