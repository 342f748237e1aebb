import type { Moment } from '../core/moments.ts';
import type { SchemaItem } from '../core/schema-changes.ts';

/** The constraints and indexes of a graph as they were once read. */
export interface SchemaReading {
  /** The newest recorded moment when it was read. */
  readonly at: Moment;
  /** When it was read. */
  readonly time: Date;
  readonly items: readonly SchemaItem[];
}

/** Whose schema is asked for: a point's own reading, or the last one at or before a time or a transaction. */
export type SchemaPlace = { readonly point: string } | { readonly time: Date } | { readonly seq: bigint };

/** Schema changes fire no trigger: what is known of them are readings, at attaching, at every point and at every verification. */
export interface SchemaReadings {
  /** Keeps what was read at `time`; with CHANGED only if the last reading was another, or there is none. */
  note(graphId: number, items: readonly SchemaItem[], time: Date, when: 'ALWAYS' | 'CHANGED'): Promise<void>;
  /**
   * The reading of each place, null where nobody had read the schema by then. A point in the past has none of its own: there it is the last one
   * at or before it. One statement for all places.
   */
  find(graphId: number, places: readonly SchemaPlace[]): Promise<readonly (SchemaReading | null)[]>;
}
