import { sameState } from '../core/canonical.ts';
import { type EntityChange, type EntityId, type EntityRef, type EntityState, entityId } from '../core/entities.ts';
import type { Moment } from '../core/moments.ts';
import type { History } from '../ports/history.ts';
import type { Subgraph, SubgraphEntity } from './contract.ts';
import { relationshipsAmong } from './neighbourhood.ts';

/** The most nodes that are drawn. */
export const MAX_DRAWN = 2000;
/** Relationships drawn for each node of the limit, changed and unchanged ones each. */
const RELATIONSHIPS_PER_NODE = 5;
/** Unchanged relationships read to find those that tie the drawn nodes together. */
const MAX_TIES_READ = 20_000;

interface Span {
  readonly graphId: number;
  readonly from: Moment;
  readonly to: Moment;
}

/** What is chosen to be drawn, and what found no room. */
interface Choice {
  readonly nodes: Set<string>;
  readonly relationships: Map<string, EntityChange>;
  omittedNodes: bigint;
  omittedRelationships: bigint;
}

/**
 * At most `limit` nodes: changed ones and the ends of changed relationships, in the order of the changes; the changed relationships
 * among them, and those that did not change but tie them together. Reads all changes once, to count what is left out.
 */
export async function drawChanges(
  history: Pick<History, 'statesAt' | 'incidentAt'>,
  span: Span,
  changes: () => AsyncIterable<readonly EntityChange[]>,
  limit: number,
): Promise<Subgraph> {
  const choice: Choice = { nodes: new Set(), relationships: new Map(), omittedNodes: 0n, omittedRelationships: 0n };
  for await (const some of changes()) for (const change of some) choose(choice, change, limit);
  const nodes = await nodesOf(history, span, choice.nodes);
  const drawn = new Map<string, SubgraphEntity>();
  for (const change of choice.relationships.values()) {
    const state = change.after ?? change.before;
    if (state !== null) drawn.set(change.key, { state, change });
  }
  const ties = await relationshipsAmong(history, span.graphId, span.to.seq, choice.nodes, undefined, MAX_TIES_READ);
  const room = drawn.size + limit * RELATIONSHIPS_PER_NODE;
  for (const state of ties) {
    if (drawn.size < room && !drawn.has(state.key)) drawn.set(state.key, { state, change: null });
  }
  return {
    nodes,
    relationships: [...drawn.values()],
    omittedNodes: choice.omittedNodes,
    omittedRelationships: choice.omittedRelationships,
  };
}

function choose(choice: Choice, change: EntityChange, limit: number): void {
  const state = change.after ?? change.before;
  if (state === null) return;
  const needed = state.kind === 'NODE' ? [state.key] : [...new Set([state.start, state.end])];
  const missing = needed.filter((key) => !choice.nodes.has(key));
  const fits = choice.nodes.size + missing.length <= limit;
  if (fits) for (const key of missing) choice.nodes.add(key);
  if (state.kind === 'NODE') {
    if (!fits) choice.omittedNodes += 1n;
  } else if (fits && choice.relationships.size < limit * RELATIONSHIPS_PER_NODE) {
    choice.relationships.set(state.key, change);
  } else {
    choice.omittedRelationships += 1n;
  }
}

/** Each node as it is at the end of the span, or as it was at its start, with its change if it has one. */
async function nodesOf(
  history: Pick<History, 'statesAt'>,
  { graphId, from, to }: Span,
  keys: ReadonlySet<string>,
): Promise<SubgraphEntity[]> {
  const refs = [...keys].map((key): EntityRef => ({ kind: 'NODE', key }));
  if (refs.length === 0) return [];
  const [before, after] = await Promise.all([
    history.statesAt(graphId, from.seq, refs),
    history.statesAt(graphId, to.seq, refs),
  ]);
  return refs.flatMap((ref) => entityOf(ref, before, after) ?? []);
}

function entityOf(
  ref: EntityRef,
  from: ReadonlyMap<EntityId, EntityState>,
  to: ReadonlyMap<EntityId, EntityState>,
): SubgraphEntity | null {
  const before = from.get(entityId(ref)) ?? null;
  const after = to.get(entityId(ref)) ?? null;
  const state = after ?? before;
  if (state === null) return null;
  return { state, change: sameState(before, after) ? null : { ...ref, before, after } };
}
