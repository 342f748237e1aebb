import { type EntityKind, type EntityState, entityId, type RelationshipState } from '../../../core/entities.ts';
import type { Page, PageRequest } from '../../../core/moments.ts';
import type { EntityTimelineEntry } from '../../../ports/history.ts';
import { listsAtOnce } from '../../../services/list-reads.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { LoaderFamily } from './batching.ts';

interface Place {
  readonly graphId: number;
  readonly seq: bigint;
}

export interface IncidentArguments extends Place {
  readonly direction: 'IN' | 'OUT' | 'BOTH';
  readonly type: string | null;
  readonly page: PageRequest<string>;
}

interface TimelineArguments {
  readonly graphId: number;
  readonly kind: EntityKind;
  readonly page: PageRequest<bigint>;
}

/** Entities as they were at a moment: one read for all that are asked for at the same moment. And their history: one for the same page of it. */
export function entityLoaders({ services, history }: ApiDependencies) {
  const states = new LoaderFamily<Place & { readonly kind: EntityKind }, string, EntityState | null>(
    async ({ graphId, seq, kind }, keys) => {
      const refs = keys.map((key) => ({ kind, key }));
      const found = await services.graphs.statesAt(graphId, seq, refs);
      return new Map(refs.map((ref) => [ref.key, found.get(entityId(ref)) ?? null]));
    },
    () => null,
  );
  const incident = new LoaderFamily<IncidentArguments, string, Page<RelationshipState>>(
    async (args, keys) => incidentPages(services.graphs, args, keys),
    () => NOTHING,
  );
  const timelines = new LoaderFamily<TimelineArguments, string, Page<EntityTimelineEntry>>(
    async ({ graphId, kind, page }, keys) => {
      const refs = keys.map((key) => ({ kind, key }));
      const found = await history.timelines(graphId, refs, page);
      return new Map(refs.map((ref) => [ref.key, found.get(entityId(ref)) ?? NOTHING]));
    },
    () => NOTHING,
    ({ page }) => listsAtOnce(page),
  );
  return {
    timeline: (args: TimelineArguments, key: string): Promise<Page<EntityTimelineEntry>> => timelines.load(args, key),
    state: (place: Place, kind: EntityKind, key: string): Promise<EntityState | null> =>
      states.load({ graphId: place.graphId, seq: place.seq, kind }, key),
    incident: (args: IncidentArguments, key: string): Promise<Page<RelationshipState>> => incident.load(args, key),
  };
}

const NOTHING: Page<never> = { items: [], hasMore: false };

type IncidentReader = ApiDependencies['services']['graphs'];

/** Reads of many nodes at once are cut into pages of this many relationships. */
const CHUNK = 1000;

/**
 * The page of each node. Reads the relationships of all nodes together, in key order, until every node has its page or everything was
 * read, so siblings cost one statement a thousand relationships instead of one a node.
 */
async function incidentPages(
  graphs: IncidentReader,
  { graphId, seq, direction, type, page }: IncidentArguments,
  keys: readonly string[],
): Promise<Map<string, Page<RelationshipState>>> {
  const filter = { direction, ...(type === null ? {} : { types: [type] }) };
  const wanted = page.limit + 1;
  const [only] = keys;
  if (keys.length === 1 && only !== undefined) {
    return new Map([[only, await graphs.incidentAt(graphId, seq, keys, filter, page)]]);
  }
  const found = new Map<string, RelationshipState[]>(keys.map((key) => [key, []]));
  const waiting = new Set(keys);
  let position = page.backwards === true ? page.before : page.after;
  for (;;) {
    const turn = page.backwards === true ? { ...page, before: position } : { ...page, after: position };
    const read = await graphs.incidentAt(graphId, seq, [...waiting], filter, { ...turn, limit: CHUNK });
    const ordered = page.backwards === true ? [...read.items].reverse() : read.items;
    for (const relationship of ordered) {
      for (const key of endsOf(relationship, direction)) {
        const mine = found.get(key);
        if (mine === undefined || mine.length >= wanted) continue;
        mine.push(relationship);
        if (mine.length === wanted) waiting.delete(key);
      }
    }
    position = ordered.at(-1)?.key;
    if (!read.hasMore || waiting.size === 0 || position === undefined) break;
  }
  return new Map([...found].map(([key, items]) => [key, cut(items, page)]));
}

function cut(items: RelationshipState[], page: PageRequest<string>): Page<RelationshipState> {
  const kept = items.slice(0, page.limit);
  return { items: page.backwards === true ? kept.reverse() : kept, hasMore: items.length > page.limit };
}

function endsOf({ start, end }: RelationshipState, direction: 'IN' | 'OUT' | 'BOTH'): readonly string[] {
  if (direction === 'OUT') return [start];
  if (direction === 'IN') return [end];
  return start === end ? [start] : [start, end];
}
