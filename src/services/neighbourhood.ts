import type { RelationshipState } from '../core/entities.ts';
import { entityId } from '../core/entities.ts';
import type { NeighbourhoodQuery } from '../core/scope.ts';
import type { History } from '../ports/history.ts';

export type Surroundings = Pick<History, 'incidentAt' | 'statesAt'>;

const PAGE = 1000;
const KEYS_AT_ONCE = 500;

export interface WalkLimits {
  readonly nodes: number;
  /** Relationships read, at most; the walk ends there. */
  readonly relationships: number;
}

export interface Walk {
  /** Nearest first, with how many relationships away. */
  readonly nodes: ReadonlyMap<string, number>;
  /** Every relationship walked, those too whose further end found no room among the nodes. */
  readonly relationships: ReadonlyMap<string, RelationshipState>;
  /** Nodes that found no room. */
  readonly omitted: ReadonlySet<string>;
  /** False when the bound on relationships ended the walk. */
  readonly complete: boolean;
}

/** Goes out from the keys that exist at `seq`, level by level. Cost by what is walked, never above the limits. */
export async function walk(
  history: Surroundings,
  graphId: number,
  seq: bigint,
  query: NeighbourhoodQuery,
  limits: WalkLimits,
): Promise<Walk> {
  const nodes = new Map<string, number>();
  const omitted = new Set<string>();
  const relationships = new Map<string, RelationshipState>();
  const arrive = (key: string, hops: number): boolean => {
    if (nodes.has(key)) return false;
    if (nodes.size >= limits.nodes) omitted.add(key);
    else nodes.set(key, hops);
    return nodes.has(key);
  };
  let frontier = (await existing(history, graphId, seq, query.keys)).filter((key) => arrive(key, 0));
  for (let hops = 1; hops <= query.hops && frontier.length > 0; hops += 1) {
    const from = new Set(frontier);
    const next: string[] = [];
    for await (const found of incident(history, graphId, seq, frontier, query)) {
      for (const relationship of found) {
        relationships.set(relationship.key, relationship);
        next.push(...furtherEnds(relationship, from, query.direction).filter((key) => arrive(key, hops)));
      }
      if (relationships.size >= limits.relationships) return { nodes, relationships, omitted, complete: false };
    }
    frontier = next;
  }
  return { nodes, relationships, omitted, complete: true };
}

/** Relationships at `seq` with both ends among the nodes; reads at most `limit` relationships. */
export async function relationshipsAmong(
  history: Surroundings,
  graphId: number,
  seq: bigint,
  nodes: ReadonlySet<string>,
  types: readonly string[] | undefined,
  limit: number,
): Promise<RelationshipState[]> {
  const found: RelationshipState[] = [];
  let read = 0;
  for await (const items of incident(history, graphId, seq, [...nodes], { direction: 'OUT', types })) {
    found.push(...items.filter(({ end }) => nodes.has(end)));
    read += items.length;
    if (read >= limit) break;
  }
  return found;
}

interface IncidentFilter {
  readonly direction: NeighbourhoodQuery['direction'];
  readonly types?: readonly string[] | undefined;
}

async function* incident(
  history: Surroundings,
  graphId: number,
  seq: bigint,
  keys: readonly string[],
  { direction, types }: IncidentFilter,
): AsyncGenerator<readonly RelationshipState[]> {
  for (let start = 0; start < keys.length; start += KEYS_AT_ONCE) {
    const some = keys.slice(start, start + KEYS_AT_ONCE);
    let after: string | undefined;
    do {
      const page = await history.incidentAt(graphId, seq, some, { direction, types }, { limit: PAGE, after });
      yield page.items;
      after = page.hasMore ? page.items.at(-1)?.key : undefined;
    } while (after !== undefined);
  }
}

function furtherEnds(
  { start, end }: RelationshipState,
  from: ReadonlySet<string>,
  direction: IncidentFilter['direction'],
) {
  const ends: string[] = [];
  if (direction !== 'IN' && from.has(start)) ends.push(end);
  if (direction !== 'OUT' && from.has(end)) ends.push(start);
  return ends;
}

async function existing(
  history: Surroundings,
  graphId: number,
  seq: bigint,
  keys: readonly string[],
): Promise<string[]> {
  const refs = [...new Set(keys)].map((key) => ({ kind: 'NODE', key }) as const);
  const states = await history.statesAt(graphId, seq, refs);
  return refs.filter((ref) => states.has(entityId(ref))).map(({ key }) => key);
}
