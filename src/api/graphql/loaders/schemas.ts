import DataLoader from 'dataloader';
import type { At, Moment } from '../../../core/moments.ts';
import type { SchemaPlace, SchemaReading } from '../../../ports/schema-readings.ts';
import type { ApiDependencies } from '../dependencies.ts';

interface Asked {
  readonly graphId: number;
  readonly place: SchemaPlace;
}

/** Readings of schemas: one statement a graph for all that are asked for at the same time, and one look at each live graph. */
export function schemaLoaders({ services }: ApiDependencies) {
  const live = new Map<number, Promise<SchemaReading>>();
  const kept = new DataLoader<Asked, SchemaReading | null, string>(
    async (asked) => {
      const found = new Map<Asked, SchemaReading | null>();
      for (const graphId of new Set(asked.map((each) => each.graphId))) {
        const mine = asked.filter((each) => each.graphId === graphId);
        const places = mine.map(({ place }) => place);
        const readings = await services.schemas.find(graphId, places);
        for (const [index, each] of mine.entries()) found.set(each, readings[index] ?? null);
      }
      return asked.map((each) => found.get(each) ?? null);
    },
    { cacheKeyFn: ({ graphId, place }) => `${graphId} ${placeId(place)}` },
  );
  return {
    /** The reading that speaks of an end of a diff, which the client named by `at` and which is `moment`. */
    schemaAt: (graphId: number, at: At, { seq }: Moment): Promise<SchemaReading | null> => {
      if (!('keyword' in at && at.keyword === 'LIVE')) {
        return kept.load({ graphId, place: 'point' in at || 'time' in at ? at : { seq } });
      }
      const reading = live.get(graphId) ?? services.schemas.live(graphId);
      live.set(graphId, reading);
      return reading;
    },
  };
}

function placeId(place: SchemaPlace): string {
  if ('point' in place) return `point ${place.point}`;
  return 'time' in place ? `time ${place.time.toISOString()}` : `seq ${place.seq}`;
}
