import type { SchemaItem } from '../../core/schema-changes.ts';
import type { Database } from '../../ports/database.ts';
import type { SchemaPlace, SchemaReading, SchemaReadings } from '../../ports/schema-readings.ts';
import { isUuid, jsonText } from './sql-parameters.ts';

interface ReadingRow {
  readonly seq: bigint | null;
  readonly time: Date | null;
  readonly read_at: Date | null;
  readonly schema: readonly SchemaItem[] | null;
}

const OF_POINT = 'SELECT p.seq, p.timestamp AS time, p.created_at AS read_at, p.schema';
const OTHER = 'SELECT s.seq, s.time, s.read_at, s.schema';

/** Every branch ends in one row by an index, so a place costs the same however many readings there are. */
const FIND = `
  SELECT r.seq, r.time, r.read_at, r.schema
  FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[]) WITH ORDINALITY AS given(point, seq, time, place)
  LEFT JOIN rollback_points AS named ON named.id = given.point AND named.graph_id = $1
  LEFT JOIN LATERAL (
    SELECT seq, time, read_at, schema FROM (
      (${OF_POINT}, true AS own FROM rollback_points p WHERE p.id = named.id AND p.schema IS NOT NULL)
      UNION ALL (${OF_POINT}, false FROM rollback_points p WHERE p.graph_id = $1 AND p.schema IS NOT NULL
        AND p.seq <= coalesce(given.seq, named.seq) ORDER BY p.seq DESC, p.created_at DESC LIMIT 1)
      UNION ALL (${OTHER}, false FROM schema_readings s WHERE s.graph_id = $1
        AND s.seq <= coalesce(given.seq, named.seq) ORDER BY s.seq DESC, s.read_at DESC LIMIT 1)
      UNION ALL (${OF_POINT}, false FROM rollback_points p WHERE p.graph_id = $1 AND p.schema IS NOT NULL
        AND p.created_at <= given.time ORDER BY p.created_at DESC LIMIT 1)
      UNION ALL (${OTHER}, false FROM schema_readings s WHERE s.graph_id = $1
        AND s.read_at <= given.time ORDER BY s.read_at DESC LIMIT 1)
    ) AS known ORDER BY own DESC, read_at DESC LIMIT 1
  ) AS r ON true
  ORDER BY given.place`;

/** Readings of schemas in PostgreSQL: those of points stand with their points. */
export class PostgresSchemaReadings implements SchemaReadings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async note(graphId: number, items: readonly SchemaItem[], time: Date, when: 'ALWAYS' | 'CHANGED'): Promise<void> {
    const [last] = when === 'CHANGED' ? await this.find(graphId, [{ time }]) : [];
    await this.#database.query(
      `INSERT INTO schema_readings (graph_id, seq, time, read_at, schema)
       SELECT id, head_seq, head_time, $2, $3::jsonb FROM graphs WHERE id = $1 AND $3::jsonb IS DISTINCT FROM $4::jsonb`,
      [graphId, time, jsonText(items), jsonText(last?.items)],
    );
  }

  async find(graphId: number, places: readonly SchemaPlace[]): Promise<readonly (SchemaReading | null)[]> {
    const { rows } = await this.#database.query<ReadingRow>(FIND, [
      graphId,
      places.map((place) => ('point' in place && isUuid(place.point) ? place.point : null)),
      places.map((place) => ('seq' in place ? place.seq : null)),
      places.map((place) => ('time' in place ? place.time : null)),
    ]);
    return rows.map(({ seq, time, read_at, schema }) =>
      seq === null || time === null || read_at === null || schema === null
        ? null
        : { at: { seq, time }, time: read_at, items: schema },
    );
  }
}
