import type { EntityChange, NodeState, RelationshipState } from '../../src/core/entities.ts';
import type { Properties } from '../../src/core/values.ts';
import type {
  DeleteEntity,
  GraphPart,
  GraphWrite,
  PutNode,
  PutRelationship,
  WriteError,
  WriteResult,
} from '../../src/core/writes.ts';
import { applyWrites, requiredEntities } from '../../src/core/writes.ts';

/** A whole graph in memory. */
export interface Graph {
  nodes: Map<string, NodeState>;
  relationships: Map<string, RelationshipState>;
}

export const node = (key: string, properties: Properties = {}, labels: string[] = []): NodeState => ({
  kind: 'NODE',
  key,
  labels,
  properties,
});

export const relationship = (
  key: string,
  start: string,
  end: string,
  properties: Properties = {},
): RelationshipState => ({
  kind: 'RELATIONSHIP',
  key,
  type: 'KNOWS',
  start,
  end,
  properties,
});

export function graphOf(...states: (NodeState | RelationshipState)[]): Graph {
  const graph: Graph = { nodes: new Map(), relationships: new Map() };
  for (const state of states) {
    if (state.kind === 'NODE') graph.nodes.set(state.key, state);
    else graph.relationships.set(state.key, state);
  }
  return graph;
}

/** Only what `requiredEntities` asks for, as a store would load it. */
export function partOf(graph: Graph, writes: readonly GraphWrite[]): GraphPart {
  const required = requiredEntities(writes);
  const pick = <T>(from: Map<string, T>, keys: readonly string[]): Map<string, T> =>
    new Map([...from].filter(([key]) => keys.includes(key)));
  const incidentTo = (key: string): RelationshipState[] =>
    [...graph.relationships.values()].filter(({ start, end }) => start === key || end === key);
  return {
    nodes: pick(graph.nodes, required.nodes),
    relationships: pick(graph.relationships, required.relationships),
    incident: new Map(required.incidentTo.map((key) => [key, incidentTo(key)])),
  };
}

/** Loads what the writes need and applies them. */
export const apply = (graph: Graph, ...writes: GraphWrite[]): WriteResult => applyWrites(partOf(graph, writes), writes);

export function changesOf(graph: Graph, ...writes: GraphWrite[]): EntityChange[] {
  const result = apply(graph, ...writes);
  if (!result.ok) throw new Error(result.error.message);
  return result.changes;
}

export function errorOf(graph: Graph, ...writes: GraphWrite[]): WriteError {
  const result = apply(graph, ...writes);
  if (result.ok) throw new Error('expected an error');
  return result.error;
}

export const putNode = (put: Partial<PutNode>): GraphWrite => ({ putNode: { mode: 'UPSERT', replace: false, ...put } });
export const putRelationship = (put: Partial<PutRelationship>): GraphWrite => ({
  putRelationship: { mode: 'UPSERT', replace: false, ...put },
});
export const deleteNode = (key: string, rest: Partial<DeleteEntity> = {}): GraphWrite => ({
  deleteNode: { key, cascade: false, ...rest },
});
export const deleteRelationship = (key: string, rest: Partial<DeleteEntity> = {}): GraphWrite => ({
  deleteRelationship: { key, cascade: false, ...rest },
});
export const connect = (key: string, start: string, end: string): GraphWrite =>
  putRelationship({ key, type: 'KNOWS', start, end });
