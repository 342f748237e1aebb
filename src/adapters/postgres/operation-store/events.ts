import type { SqlExecutor } from '../../../ports/database.ts';
import type {
  NewLogEntry,
  NewOperationEvent,
  OperationMetric,
  OperationRecord,
} from '../../../ports/operation-store.ts';
import { jsonText } from '../sql-parameters.ts';
import { OPERATION_COLUMNS, type OperationRow, toOperation } from './records.ts';

/** First of the two keys of the advisory locks that order the events of a graph; the second is the graph's id. */
export const EVENT_LOCK = 0x70616c69;

/**
 * To be called before the transaction draws event ids: within a graph, ids then become visible in their order, so that a reader
 * who follows them misses none.
 */
export async function lockEvents(tx: SqlExecutor, graphId: number): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1, $2)', [EVENT_LOCK, graphId]);
}

/** Stores events that the operation's row has counted already; the last of them has its event_seq. */
export async function insertEvents(
  tx: SqlExecutor,
  operation: OperationRecord,
  events: readonly NewOperationEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await tx.query(
    `INSERT INTO operation_events (operation_id, graph_id, seq, at, type, status, progress, counts, message, conflict_id)
     SELECT $1, $2, (SELECT event_seq FROM rollback_operations WHERE id = $1) - $7::bigint + e.n, clock_timestamp(), e.type, $3, $4,
       $5::jsonb, e.message, e.conflict_id
     FROM unnest($6::text[], $8::text[], $9::uuid[]) WITH ORDINALITY AS e(type, message, conflict_id, n) ORDER BY e.n`,
    [
      operation.id,
      operation.graphId,
      operation.status,
      operation.progress,
      jsonText(operation.counts),
      events.map((event) => event.type),
      events.length,
      events.map((event) => event.message ?? null),
      events.map((event) => event.conflictId ?? null),
    ],
  );
}

/** Counts and stores events outside a step, as the last part of a transaction. Returns the operation as it is then; null when it is gone. */
export async function addEvents(
  tx: SqlExecutor,
  operationId: string,
  events: readonly NewOperationEvent[],
): Promise<OperationRecord | null> {
  const { rows } = await tx.query<OperationRow>(
    `UPDATE rollback_operations o SET event_seq = o.event_seq + $2::bigint, updated_at = now() WHERE o.id = $1
     RETURNING ${OPERATION_COLUMNS}`,
    [operationId, events.length],
  );
  const operation = rows[0] === undefined ? null : toOperation(rows[0]);
  if (operation === null || events.length === 0) return operation;
  await lockEvents(tx, operation.graphId);
  await insertEvents(tx, operation, events);
  return operation;
}

export async function insertLogs(tx: SqlExecutor, operationId: string, logs: readonly NewLogEntry[]): Promise<void> {
  if (logs.length === 0) return;
  await tx.query(
    `INSERT INTO operation_log (operation_id, no, at, level, message)
     SELECT $1, (SELECT coalesce(max(no), 0) FROM operation_log WHERE operation_id = $1) + l.n, clock_timestamp(), l.level, l.message
     FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS l(level, message, n)`,
    [operationId, logs.map((log) => log.level), logs.map((log) => log.message)],
  );
}

export async function insertMetrics(tx: SqlExecutor, metrics: readonly OperationMetric[]): Promise<void> {
  if (metrics.length === 0) return;
  await tx.query(
    `INSERT INTO rollback_metrics (id, metric_name, metric_value, metric_unit, tags, recorded_at)
     SELECT gen_random_uuid(), m.name, m.value, m.unit, m.tags::jsonb, clock_timestamp()
     FROM unnest($1::text[], $2::float8[], $3::text[], $4::text[]) AS m(name, value, unit, tags)`,
    [
      metrics.map((metric) => metric.name),
      metrics.map((metric) => metric.value),
      metrics.map((metric) => metric.unit),
      metrics.map((metric) => JSON.stringify(metric.tags)),
    ],
  );
}
