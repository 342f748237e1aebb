import { mayOverlap } from '../../../core/scope-overlap.ts';
import type { Scope } from '../../../core/scope-types.ts';
import type { OperationStatus } from '../../../core/states.ts';
import type { AuditFact } from '../../../ports/audit-log.ts';
import type { Database, SqlExecutor } from '../../../ports/database.ts';
import {
  type BatchStep,
  type BegunStep,
  type NewOperation,
  type OperationLease,
  type OperationRecord,
  type OperationStep,
  type OperationStore,
  OtherOperationError,
} from '../../../ports/operation-store.ts';
import { appendAudit } from '../audit-log.ts';
import { isUuid, jsonText } from '../sql-parameters.ts';
import { beginStepAfterBatch, isBatchStep, stepAfterBatch } from './batch-step.ts';
import { insertEvents, insertLogs, insertMetrics, lockEvents } from './events.ts';
import { OPERATION_COLUMNS, type OperationRow, toOperation, undoJson } from './records.ts';
import { updateOperation } from './step.ts';

const RUNNABLE = `('ROLLBACK_INITIATED', 'ANALYZING', 'CONFLICT_DETECTION', 'EXECUTING')`;
const UNPLANNED = `(o.replanning OR EXISTS (
  SELECT 1 FROM operation_conflicts c WHERE c.operation_id = o.id AND c.version <> c.planned_version))`;
const OPEN = `('ROLLBACK_INITIATED', 'ANALYZING', 'CONFLICT_DETECTION', 'CONFLICT_RESOLUTION', 'EXECUTING')`;

/** Operations, under the alias `o`, that somebody should take up. */
const TO_RUN = `(CASE
    WHEN o.abort_requested_at IS NOT NULL THEN o.status IN ${OPEN}
    WHEN o.paused_at IS NOT NULL THEN false
    WHEN o.status = 'CONFLICT_RESOLUTION' THEN NOT EXISTS (
      SELECT 1 FROM operation_conflicts c WHERE c.operation_id = o.id AND c.status = 'OPEN')
    ELSE o.status IN ${RUNNABLE}
  END OR (o.dry_run AND o.status = 'COMPLETED' AND ${UNPLANNED}))`;

/** Rollback operations in PostgreSQL. A lease lives `leaseMs` after its last step or renewal. */
export class PostgresOperationStore implements OperationStore {
  readonly #database: Database;
  readonly #leaseMs: number;
  readonly begin?: (lease: OperationLease, step: BatchStep) => BegunStep;

  constructor(database: Database, leaseMs = 15_000) {
    this.#database = database;
    this.#leaseMs = leaseMs;
    // PGlite has one connection: a transaction that waits would have all others wait.
    if (database.engine === 'server') this.begin = (lease, step) => beginStepAfterBatch(database, lease, step, leaseMs);
  }

  async create(operation: NewOperation, audit: AuditFact): Promise<void> {
    await this.#database.transaction(async (tx) => {
      // The lock also makes the restores of one graph see each other.
      await lockEvents(tx, operation.graphId);
      if (operation.type === 'RESTORE' && !operation.dryRun) await assertNoOtherRestore(tx, operation);
      if (operation.resumesId !== null) await assertNotResumed(tx, operation.resumesId);
      const { rows } = await tx.query<OperationRow>(
        `INSERT INTO rollback_operations AS o (id, graph_id, type, status, strategy, dry_run, target_rollback_point_id, target_seq, undo,
           undo_session_id, undo_operation_id, scope, policy, batch_size, max_changes_per_second, include_schema, reason, requested_by,
           rehearsal_of_id, expect_plan, resumes_id, event_seq)
         VALUES ($1, $2, $3, 'ROLLBACK_INITIATED', $4, $5, $6, $7, $8::jsonb, $9, $10, $11::jsonb, $12::jsonb, $13, $14, $15, $16, $17,
           $18, $19, $20, 1)
         RETURNING ${OPERATION_COLUMNS}`,
        insertParams(operation),
      );
      for (const row of rows) await insertEvents(tx, toOperation(row), [{ type: 'STARTED' }]);
      await appendAudit(tx, [audit]);
    });
  }

  async get(id: string): Promise<OperationRecord | null> {
    if (!isUuid(id)) return null;
    const { rows } = await this.#database.query<OperationRow>(
      `SELECT ${OPERATION_COLUMNS} FROM rollback_operations o WHERE o.id = $1`,
      [id],
    );
    return rows[0] === undefined ? null : toOperation(rows[0]);
  }

  async acquire(
    id: string,
    holder: string,
    ttlMs: number,
  ): Promise<{ lease: OperationLease; operation: OperationRecord } | null> {
    const { rows } = await this.#database.query<OperationRow & { lease_token: bigint }>(
      `UPDATE rollback_operations o
       SET lease_holder = $2, lease_token = o.lease_token + 1, lease_expires_at = now() + $3 * interval '1 millisecond'
       WHERE o.id = $1 AND (o.lease_holder IS NULL OR o.lease_expires_at <= now())
         AND (${TO_RUN} OR (o.status = 'CONFLICT_RESOLUTION' AND o.paused_at IS NULL))
       RETURNING ${OPERATION_COLUMNS}, o.lease_token`,
      [id, holder, ttlMs],
    );
    const row = rows[0];
    if (row === undefined) return null;
    return { lease: { operationId: id, holder, token: row.lease_token }, operation: toOperation(row) };
  }

  async renew({ operationId, token }: OperationLease, ttlMs: number): Promise<boolean> {
    const { count } = await this.#database.query(
      `UPDATE rollback_operations SET lease_expires_at = now() + $3 * interval '1 millisecond'
       WHERE id = $1 AND lease_token = $2 AND lease_holder IS NOT NULL`,
      [operationId, token, ttlMs],
    );
    return count === 1;
  }

  async release({ operationId, token }: OperationLease): Promise<void> {
    await this.#database.query(
      'UPDATE rollback_operations SET lease_holder = NULL, lease_expires_at = NULL WHERE id = $1 AND lease_token = $2',
      [operationId, token],
    );
  }

  async forgetLeases(): Promise<void> {
    await this.#database.query(
      `UPDATE rollback_operations SET lease_holder = NULL, lease_expires_at = NULL WHERE lease_holder IS NOT NULL`,
    );
  }

  advance(lease: OperationLease, step: OperationStep): Promise<OperationRecord> {
    if (isBatchStep(step)) return stepAfterBatch(this.#database, lease, step, this.#leaseMs);
    return this.#database.transaction(async (tx) => {
      const events = step.events ?? [];
      if (step.abortConflicts === true) await abortConflicts(tx, lease.operationId);
      const operation = await updateOperation(tx, lease, step, this.#leaseMs);
      if (events.length > 0) {
        await lockEvents(tx, operation.graphId);
        await insertEvents(tx, operation, events);
      }
      await insertLogs(tx, operation.id, step.logs ?? []);
      await insertMetrics(tx, step.metrics ?? []);
      if (step.audit !== undefined) await appendAudit(tx, [step.audit]);
      return operation;
    });
  }

  requestAbort(id: string, reason: string | null, audit: AuditFact): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const { count } = await tx.query(
        `UPDATE rollback_operations SET abort_requested_at = coalesce(abort_requested_at, now()), updated_at = now()
         WHERE id = $1 AND status IN ${OPEN}`,
        [id],
      );
      if (count === 0) return false;
      const message = `Stop requested by ${audit.actor ?? 'nobody'}${reason === null ? '' : `: ${reason}`}`;
      await insertLogs(tx, id, [{ level: 'INFO', message }]);
      await appendAudit(tx, [audit]);
      return true;
    });
  }

  setPaused(id: string, paused: boolean, audit: AuditFact): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const { rows } = await tx.query<OperationRow>(
        `UPDATE rollback_operations o SET paused_at = CASE WHEN $2::boolean THEN now() END, updated_at = now(), event_seq = o.event_seq + 1
         WHERE o.id = $1 AND o.status IN ${OPEN} AND (o.paused_at IS NULL) = $2::boolean RETURNING ${OPERATION_COLUMNS}`,
        [id, paused],
      );
      const [row] = rows;
      if (row === undefined) return false;
      const message = `${paused ? 'Paused' : 'Continued'} by ${audit.actor ?? 'nobody'}`;
      await lockEvents(tx, row.graph_id);
      await insertEvents(tx, toOperation(row), [{ type: paused ? 'WAITING' : 'RESUMED', message }]);
      await insertLogs(tx, id, [{ level: 'INFO', message }]);
      await appendAudit(tx, [audit]);
      return true;
    });
  }

  async abandoned(limit: number): Promise<readonly string[]> {
    const free = '(o.lease_holder IS NULL OR o.lease_expires_at <= now())';
    const decided = 'SELECT c.operation_id FROM operation_conflicts c WHERE c.version <> c.planned_version';
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT o.id FROM rollback_operations o
       WHERE (o.status IN ${OPEN} OR o.id IN (${decided}) OR o.replanning) AND ${free} AND ${TO_RUN}
       ORDER BY o.created_at LIMIT $1`,
      [limit],
    );
    return rows.map((row) => row.id);
  }

  async outdated(limit: number, restMs: number): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT o.id FROM rollback_operations o JOIN graphs g ON g.id = o.graph_id
       WHERE o.status = 'CONFLICT_RESOLUTION' AND o.paused_at IS NULL AND (o.lease_holder IS NULL OR o.lease_expires_at <= now())
         AND o.checked_seq < g.head_seq AND o.updated_at <= now() - $2 * interval '1 millisecond'
       ORDER BY o.updated_at LIMIT $1`,
      [limit, restMs],
    );
    return rows.map((row) => row.id);
  }

  async marked(limit: number): Promise<readonly { readonly id: string; readonly graphId: number }[]> {
    const { rows } = await this.#database.query<{ id: string; graphId: number }>(
      `SELECT id, graph_id AS "graphId" FROM rollback_operations
       WHERE safety_point_id IS NOT NULL AND NOT marker_gone AND status NOT IN ${OPEN} LIMIT $1`,
      [limit],
    );
    return rows;
  }

  async unmark(id: string): Promise<void> {
    await this.#database.query('UPDATE rollback_operations SET marker_gone = true WHERE id = $1', [id]);
  }

  async countRunning(graphId: number): Promise<number> {
    const { rows } = await this.#database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM rollback_operations WHERE graph_id = $1 AND status IN ${OPEN}`,
      [graphId],
    );
    return rows[0]?.n ?? 0;
  }
}

/** @throws OtherOperationError */
async function assertNoOtherRestore(tx: SqlExecutor, { graphId, scope }: NewOperation): Promise<void> {
  const { rows } = await tx.query<{ id: string; status: OperationStatus; scope: Scope | null }>(
    `SELECT id, status, scope FROM rollback_operations WHERE graph_id = $1 AND status IN ${OPEN} AND type = 'RESTORE' AND NOT dry_run`,
    [graphId],
  );
  const other = rows.find((row) => mayOverlap(row.scope, scope));
  if (other !== undefined) {
    const message = `restore ${other.id} of the same part of the graph is under way: wait for its end, or abort it`;
    throw new OtherOperationError(message, other.status);
  }
}

/** @throws OtherOperationError */
async function assertNotResumed(tx: SqlExecutor, id: string): Promise<void> {
  const { rows } = await tx.query<{ id: string; status: OperationStatus }>(
    `SELECT id, status FROM rollback_operations WHERE resumes_id = $1 AND NOT dry_run AND (status IN ${OPEN} OR applied > 0) LIMIT 1`,
    [id],
  );
  const [other] = rows;
  if (other !== undefined) {
    throw new OtherOperationError(`operation ${other.id} does what operation ${id} left`, other.status);
  }
}

async function abortConflicts(tx: SqlExecutor, operationId: string): Promise<void> {
  await tx.query(
    `UPDATE operation_conflicts SET status = 'RESOLVED', resolution = 'ABORT', resolved_by = 'policy', resolved_at = now(),
       version = version + 1, planned_version = version + 1
     WHERE operation_id = $1 AND status = 'OPEN'`,
    [operationId],
  );
}

function insertParams(operation: NewOperation): unknown[] {
  const { selector } = operation.undo;
  return [
    operation.id,
    operation.graphId,
    operation.type,
    operation.strategy,
    operation.dryRun,
    operation.targetPointId,
    operation.targetSeq,
    jsonText(undoJson(operation.undo)),
    selector.by === 'session' ? selector.sessionId : null,
    selector.by === 'operation' ? selector.operationId : null,
    jsonText(operation.scope),
    jsonText(operation.policy),
    operation.batchSize,
    operation.maxChangesPerSecond,
    operation.includeSchema,
    operation.reason,
    operation.requestedBy,
    operation.rehearsalOfId,
    operation.expectPlan,
    operation.resumesId,
  ];
}
