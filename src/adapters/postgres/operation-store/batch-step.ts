import type { Database, SqlExecutor } from '../../../ports/database.ts';
import {
  type BatchStep,
  type BegunStep,
  LeaseLostError,
  type OperationLease,
  type OperationRecord,
  type OperationStep,
} from '../../../ports/operation-store.ts';
import { EVENT_LOCK } from './events.ts';
import { OPERATION_COLUMNS, type OperationRow, toOperation } from './records.ts';
import { FINAL, markApplied } from './step.ts';

const PARTS: ReadonlySet<string> = new Set(['applied', 'progress', 'events']);

/** Whether a step is of nothing else. */
export function isBatchStep(step: OperationStep): step is BatchStep {
  const { applied, progress, events } = step;
  const isWhole = applied !== undefined && progress !== undefined && events !== undefined;
  return isWhole && Object.keys(step).every((part) => PARTS.has(part));
}

const counts = ['planned', 'applied', 'skipped', 'conflicted'].map((name) => `'${name}', l.${name}::text`).join(', ');

/**
 * One statement, since it comes once for every batch: plan rows, operation and events, in that order. The lock that orders events is taken
 * before their ids are drawn, because they are made from the row that comes with it.
 */
const BATCH_STEP = `WITH held AS (
    SELECT h.id AS held_id FROM rollback_operations AS h WHERE h.id = $1 AND h.lease_token = $2 AND h.status NOT IN ${FINAL} FOR UPDATE
  ), marked AS (
    UPDATE operation_plan AS p SET state = 'APPLIED' FROM held
    WHERE p.operation_id = held.held_id AND p.group_no BETWEEN $4 AND $5 AND p.state = 'PENDING' RETURNING 1
  ), stepped AS (
    UPDATE rollback_operations AS o SET updated_at = now(), event_seq = o.event_seq + $7::bigint,
      lease_expires_at = now() + $3 * interval '1 millisecond', applied = o.applied + (SELECT count(*) FROM marked) + $11,
      progress = greatest(o.progress, $6::int)
    FROM held WHERE o.id = held.held_id RETURNING ${OPERATION_COLUMNS}, o.event_seq
  ), locked AS (
    SELECT s.*, pg_advisory_xact_lock(${EVENT_LOCK}, s.graph_id) IS NULL AS unordered FROM stepped AS s
  ), told AS (
    INSERT INTO operation_events (operation_id, graph_id, seq, at, type, status, progress, counts, message, conflict_id)
    SELECT l.id, l.graph_id, l.event_seq - $7::bigint + e.n, clock_timestamp(), e.type, l.status, l.progress,
      jsonb_build_object(${counts}), e.message, e.conflict_id
    FROM locked AS l CROSS JOIN unnest($8::text[], $9::text[], $10::uuid[]) WITH ORDINALITY AS e(type, message, conflict_id, n)
    ORDER BY e.n
  ) SELECT * FROM locked`;

/** No group is in it. */
const NOTHING = { fromGroup: 1n, toGroup: 0n };

/**
 * @param marked how many rows have been marked before, in the same transaction
 * @throws LeaseLostError when the lease is not the newest or the operation has ended
 */
export async function stepAfterBatch(
  on: SqlExecutor,
  { operationId, token }: OperationLease,
  { applied, progress, events }: BatchStep,
  ttlMs: number,
  marked = 0,
): Promise<OperationRecord> {
  const { rows } = await on.query<OperationRow>(BATCH_STEP, [
    operationId,
    token,
    ttlMs,
    applied.fromGroup,
    applied.toGroup,
    progress,
    events.length,
    events.map(({ type }) => type),
    events.map(({ message }) => message ?? null),
    events.map(({ conflictId }) => conflictId ?? null),
    marked,
  ]);
  const [row] = rows;
  if (row === undefined) throw new LeaseLostError(`operation ${operationId} is not ours any more`);
  return toOperation(row);
}

/** The step was dropped: its transaction is to leave nothing. */
class Dropped extends Error {
  override readonly name = 'Dropped';
}

/**
 * Marks the rows in a transaction that waits for the rest. It holds nothing but rows of this plan meanwhile, which nobody but the operation's own
 * instance writes; one that has taken it over waits for them. So PostgreSQL ends a transaction that waits longer than a lease lives, as that of an
 * instance which sleeps or is cut off; where it does so, or anything else comes in between, the step is made anew in one statement.
 */
export function beginStepAfterBatch(
  database: Database,
  lease: OperationLease,
  step: BatchStep,
  ttlMs: number,
): BegunStep {
  const verdict = Promise.withResolvers<'FINISH' | 'DROP'>();
  /** From here on it may be committed, whatever the answer. */
  let isWhole = false;
  const made = database.transaction(async (tx) => {
    await tx.query(`SELECT set_config('idle_in_transaction_session_timeout', $1, true)`, [`${ttlMs}`]);
    const marked = await markApplied(tx, lease.operationId, step.applied);
    if ((await verdict.promise) === 'DROP') throw new Dropped();
    const operation = await stepAfterBatch(tx, lease, { ...step, applied: NOTHING }, ttlMs, marked);
    isWhole = true;
    return operation;
  });
  made.catch(() => {});
  return {
    async finish() {
      verdict.resolve('FINISH');
      try {
        return await made;
      } catch (error) {
        if (isWhole || error instanceof LeaseLostError) throw error;
        return stepAfterBatch(database, lease, step, ttlMs);
      }
    },
    async drop() {
      verdict.resolve('DROP');
      await made.catch(() => {});
    },
  };
}
