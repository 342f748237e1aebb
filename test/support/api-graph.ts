import type { Answer, TestClient } from './graphql-client.ts';

/**
 * What a graph holds, as its clients see it, in the plainest form: per entity a map from fact to JSON. It knows nothing of the code
 * that it judges: `labels`, `ends` (type, start, end) and `p:<name>` are all the facts there are.
 */
export type Facts = ReadonlyMap<string, string>;
export type ApiGraph = ReadonlyMap<string, Facts>;

/** JSON whose objects have their keys in order, so that equal content is equal text. */
export function stable(json: unknown): string {
  return JSON.stringify(json, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

export const idOf = (kind: string, key: string): string => `${kind === 'NODE' ? 'n' : 'r'}:${key}`;

const PROPERTIES = 'properties { name value { json } }';
export const STATE = `kind labels type startKey endKey ${PROPERTIES}`;

/** The facts of an EntityState, or null for an absent one. */
export function factsOf(state: Answer): Facts | null {
  if (state === null) return null;
  const facts = new Map<string, string>();
  if (state.labels !== null) facts.set('labels', stable([...state.labels].sort()));
  else facts.set('ends', stable([state.type, state.startKey, state.endKey]));
  for (const { name, value } of state.properties) facts.set(`p:${name}`, stable(value.json));
  return facts;
}

/** The whole graph at a moment, over the API, in pages. */
export async function readGraph(
  client: TestClient,
  seq: string | null = null,
  page = 200,
  name = 'demo',
): Promise<ApiGraph> {
  const graph = new Map<string, Facts>();
  const at = seq === null ? null : { seq };
  const read = async (field: string, selection: string, take: (each: Answer) => void): Promise<void> => {
    const query = `query ($at: At, $after: String) { graph(name: "${name}") { found: ${field}(at: $at, first: ${page}, after: $after) {
      nodes { key ${selection} ${PROPERTIES} } pageInfo { hasNextPage endCursor } } } }`;
    for (let after: string | null = null; ; ) {
      const { found }: Answer = (await client.data(query, { at, after })).graph;
      for (const each of found.nodes) take(each);
      if (!found.pageInfo.hasNextPage) return;
      after = found.pageInfo.endCursor;
    }
  };
  await read('nodes', 'labels', (node) => graph.set(idOf('NODE', node.key), factsOf(node) ?? new Map()));
  await read('relationships', 'type start { key } end { key }', (each) => {
    const state = { ...each, labels: null, startKey: each.start.key, endKey: each.end.key };
    graph.set(idOf('RELATIONSHIP', each.key), factsOf(state) ?? new Map());
  });
  return graph;
}

export interface ApiChange {
  readonly id: string;
  readonly action: string;
  readonly before: Facts | null;
  readonly after: Facts | null;
}

/** A diff over the API, in pages, by entity. */
export async function readDiff(client: TestClient, from: Answer, to: Answer, page = 200): Promise<ApiChange[]> {
  const query = `query ($from: At!, $to: At, $after: String) { graph(name: "demo") { diff(from: $from, to: $to) {
    changes(first: ${page}, after: $after) { nodes { key kind action before { ${STATE} } after { ${STATE} } } pageInfo { hasNextPage endCursor } } } } }`;
  const changes: ApiChange[] = [];
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo }: Answer = (await client.data(query, { from, to, after })).graph.diff.changes;
    for (const { key, kind, action, before, after: later } of nodes) {
      changes.push({ id: idOf(kind, key), action, before: factsOf(before), after: factsOf(later) });
    }
    if (!pageInfo.hasNextPage) return changes.sort(byId);
    after = pageInfo.endCursor;
  }
}

/** What has to change for `from` to become `to`. */
export function changesBetween(from: ApiGraph, to: ApiGraph): ApiChange[] {
  const ids = new Set([...from.keys(), ...to.keys()]);
  return [...ids]
    .flatMap((id): ApiChange[] => {
      const [before, after] = [from.get(id) ?? null, to.get(id) ?? null];
      if (before !== null && after !== null && sameFacts(before, after)) return [];
      return [{ id, action: before === null ? 'CREATED' : after === null ? 'DELETED' : 'UPDATED', before, after }];
    })
    .sort(byId);
}

export function applied(graph: ApiGraph, changes: readonly ApiChange[]): ApiGraph {
  const result = new Map(graph);
  for (const { id, after } of changes) {
    if (after === null) result.delete(id);
    else result.set(id, after);
  }
  return result;
}

/** The graph after these changes alone, fact by fact: what others did, had nobody else done anything. */
export function replayed(start: ApiGraph, changes: readonly ApiChange[]): ApiGraph {
  const result = new Map(start);
  for (const { id, before, after } of changes) {
    const there = result.get(id);
    if (after === null) result.delete(id);
    else if (before === null) result.set(id, after);
    else if (there !== undefined) {
      const facts = new Map(there);
      for (const fact of new Set([...before.keys(), ...after.keys()])) {
        const value = after.get(fact);
        if (value === before.get(fact)) continue;
        if (value === undefined) facts.delete(fact);
        else facts.set(fact, value);
      }
      result.set(id, facts);
    }
  }
  return result;
}

/** For comparison in tests: plain, in order, with names that no prototype is in the way of. */
export function plain(graph: ApiGraph): readonly (readonly [string, readonly (readonly [string, string])[]])[] {
  const entries = [...graph].map(([id, facts]) => [id, [...facts].sort(byFirst)] as const);
  return entries.sort(byFirst);
}

function sameFacts(one: Facts, other: Facts): boolean {
  return one.size === other.size && [...one].every(([fact, value]) => other.get(fact) === value);
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);
const byFirst = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
