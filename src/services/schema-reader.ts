import { LimitError } from '../core/errors.ts';
import type { SchemaItem } from '../core/schema-changes.ts';
import type { Clock } from '../ports/clock.ts';
import type { SchemaPlace, SchemaReading, SchemaReadings } from '../ports/schema-readings.ts';
import type * as contract from './contract.ts';
import type { GraphRegistry } from './graph-registry.ts';
import type { MomentResolver } from './moment-resolver.ts';

/** Constraints and indexes that an answer may hold. */
export const MAX_SCHEMA_ITEMS = 10_000;

export interface SchemaReaderDependencies {
  readonly schemas: SchemaReadings;
  readonly registry: GraphRegistry;
  readonly moments: Pick<MomentResolver, 'recorded'>;
  readonly clock: Clock;
}

/** Says what a graph's schema was, as far as it was read. */
export class SchemaReader implements contract.SchemaReader {
  readonly #deps: SchemaReaderDependencies;

  constructor(deps: SchemaReaderDependencies) {
    this.#deps = deps;
  }

  async find(graphId: number, places: readonly SchemaPlace[]): Promise<readonly (SchemaReading | null)[]> {
    const readings = await this.#deps.schemas.find(graphId, places);
    for (const reading of readings) checkSize(reading?.items ?? []);
    return readings;
  }

  async live(graphId: number): Promise<SchemaReading> {
    const { registry, moments, clock } = this.#deps;
    const { graph } = registry.get(graphId);
    const [items, { seq, time }] = await Promise.all([graph.readSchema(), moments.recorded(graphId)]);
    checkSize(items);
    return { at: { seq, time }, time: clock.now(), items };
  }
}

function checkSize(items: readonly SchemaItem[]): void {
  if (items.length <= MAX_SCHEMA_ITEMS) return;
  throw new LimitError(
    `the schema has more than ${MAX_SCHEMA_ITEMS} constraints and indexes`,
    BigInt(MAX_SCHEMA_ITEMS),
  );
}
