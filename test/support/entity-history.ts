import type { EntityState, NodeState, RelationshipState } from '../../src/core/entities.ts';
import type { Value } from '../../src/core/values.ts';
import { RecordedGraph } from './recorded-graph.ts';

export const N = { kind: 'NODE', key: 'n' } as const;
export const R = { kind: 'RELATIONSHIP', key: 'r' } as const;

export function node(properties: Record<string, Value>, labels: readonly string[] = []): NodeState {
  return { ...N, labels, properties };
}

export function relationship(start: string, end: string, properties: Record<string, Value> = {}): RelationshipState {
  return { ...R, type: 'KNOWS', start, end, properties };
}

export type Step = readonly [by: string, after: EntityState | null];

/** Records the start by someone, then each step as a transaction of its writer. */
export function history(start: EntityState | null, ...steps: readonly Step[]): RecordedGraph {
  const graph = new RecordedGraph();
  const ref = steps.some(([, state]) => state?.kind === 'RELATIONSHIP') ? R : N;
  graph.commit('start', [{ ref, after: start }]);
  for (const [by, after] of steps) graph.commit(by, [{ ref, after }]);
  return graph;
}

/** Property p of the node, written by one writer after the other. */
export function writes(
  start: Value | null,
  ...steps: readonly (readonly [by: string, value: Value | null])[]
): RecordedGraph {
  return history(withP(start), ...steps.map(([by, value]): Step => [by, withP(value)]));
}

export function withP(value: Value | null): NodeState {
  return node(value === null ? {} : { p: value });
}

export function p(state: EntityState | null): Value | null {
  return state?.properties.p ?? null;
}
