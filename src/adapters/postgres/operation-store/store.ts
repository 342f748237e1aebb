import type { AuditFact } from '../../../ports/audit-log.ts';
import type { Database, SqlExecutor } from '../../../ports/database.ts';
import type {
  NewOperation,
  OperationLease,
  OperationRecord,
  OperationStep,
  OperationStore,
} from '../../../ports/operation-store.ts';
import { appendAudit } from '../audit-log.ts';
import { isUuid, jsonText } from '../sql-parameters.ts';
import { insertEvents, insertLogs, insertMetrics, lockEvents } from './events.ts';
import { OPERATION_COLUMNS, type OperationRow, toOperation, undoJson } from './records.ts';
import { updateOperation } from './step.ts';

const RUNNABLE = `('ROLLBACK_INITIATED', 'ANALYZING', 'CONFLICT_DETECTION', 'EXECUTING')`;
const OPEN = `('ROLLBACK_INITIATED', 'ANALYZING', 'CONFLICT_DETECTION', 'CONFLICT_RESOLUTION', 'EXECUTING')`;

/** Rollback operations in PostgreSQL. A lease lives `leaseMs` after its last step or renewal. */
export class PostgresOperationStore implements OperationStore {
  readonly #database: Database;
  readonly #leaseMs: number;

  constructor(database: Database, leaseMs = 15_000) {
    this.#database = database;
    this.#leaseMs = leaseMs;
  }

  async create(operation: NewOperation, audit: AuditFact): Promise<void> {
    await this.#database.transaction(async (tx) => {
      await lockEvents(tx, operation.graphId);
      const { rows } = await tx.query<OperationRow>(
        `INSERT INTO rollback_operations AS o (id, graph_id, type, status, strategy, dry_run, target_rollback_point_id, target_seq, undo,
           undo_session_id, undo_operation_id, scope, policy, batch_size, max_changes_per_second, include_schema, reason, requested_by,
           rehearsal_of_id, expect_plan, event_seq)
         VALUES ($1, $2, $3, 'ROLLBACK_INITIATED', $4, $5, $6, $7, $8::jsonb, $9, $10, $11::jsonb, $12::jsonb, $13, $14, $15, $16, $17,
           $18, $19, 1)
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
       WHERE o.id = $1 AND (o.lease_holder IS NULL OR o.lease_expires_at < now())
         AND (o.status IN ${RUNNABLE} OR (o.status = 'CONFLICT_RESOLUTION' AND o.abort_requested_at IS NOT NULL))
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

  async abandoned(limit: number): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM rollback_operations
       WHERE (status IN ${RUNNABLE} OR (status = 'CONFLICT_RESOLUTION' AND abort_requested_at IS NOT NULL))
         AND (lease_holder IS NULL OR lease_expires_at < now())
       ORDER BY created_at LIMIT $1`,
      [limit],
    );
    return rows.map((row) => row.id);
  }

  async countRunning(graphId: number): Promise<number> {
    const { rows } = await this.#database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM rollback_operations WHERE graph_id = $1 AND status IN ${OPEN}`,
      [graphId],
    );
    return rows[0]?.n ?? 0;
  }
}

async function abortConflicts(tx: SqlExecutor, operationId: string): Promise<void> {
  await tx.query(
    `UPDATE operation_conflicts SET status = 'RESOLVED', resolution = 'ABORT', resolved_by = 'policy', resolved_at = now(),
       version = version + 1
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
  ];
}
