import type { SqlExecutor } from '../../../ports/database.ts';
import {
  LeaseLostError,
  type OperationLease,
  type OperationRecord,
  type OperationStep,
  UnsettledError,
} from '../../../ports/operation-store.ts';
import { jsonText } from '../sql-parameters.ts';
import { OPERATION_COLUMNS, type OperationRow, toOperation } from './records.ts';

/** How many of the newest log entries the operation's own column holds; all are in operation_log. */
const INLINE_LOGS = 50;

export const FINAL = `('COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED')`;

/** Something to decide, or a decision to plan. */
export const UNSETTLED = `EXISTS (SELECT 1 FROM operation_conflicts c WHERE c.operation_id = o.id AND c.status = 'OPEN')
  OR EXISTS (SELECT 1 FROM operation_conflicts c WHERE c.operation_id = o.id AND c.version <> c.planned_version) OR o.replanning`;

/** A finished preview whose plan is being brought in line with what was decided about it. */
const DECIDED_PREVIEW = `o.dry_run AND o.status = 'COMPLETED' AND o.lease_holder IS NOT NULL`;

/**
 * Updates the operation's row.
 * @throws LeaseLostError when the lease is not the newest or the operation has ended, UnsettledError
 */
export async function updateOperation(
  tx: SqlExecutor,
  { operationId, token }: OperationLease,
  step: OperationStep,
  ttlMs: number,
): Promise<OperationRecord> {
  if (step.status !== undefined && (step.audit === undefined || (step.events ?? []).length === 0)) {
    throw new RangeError('a change of state comes with an event and an audit entry');
  }
  if (step.whenSettled === true) await assertSettled(tx, operationId);
  const applied = step.applied === undefined ? 0 : await markApplied(tx, operationId, step.applied);
  if (step.lost !== undefined) await markLost(tx, operationId, step.lost.afterGroup);
  const set = new Assignments([operationId, token, ttlMs, step.events?.length ?? 0]);
  if (applied > 0) set.addAs('applied', applied, (at) => `o.applied + ${at}::bigint`);
  set.add('status', step.status);
  if (step.release === true) set.release();
  set.add('outcome', step.outcome);
  set.add('error_message', step.errorMessage);
  set.add('start_seq', step.startSeq);
  set.add('head_seq', step.headSeq);
  set.add('checked_seq', step.checkedSeq);
  set.add('epoch', step.epoch);
  set.add('plan_hash', step.planHash);
  set.add('announced_conflict', step.announcedConflict);
  if (step.replanned === true) set.addSql('replanning', 'false');
  set.add('batch_ends', step.batchEnds);
  set.add('safety_point_id', step.safetyPointId);
  set.addJson('plan_summary', step.planSummary);
  set.addJson('schema_changes', step.schemaChanges);
  set.addJson('proof', step.proof);
  set.addJson('account', step.account);
  if (step.progress !== undefined) set.addAs('progress', step.progress, (at) => `greatest(o.progress, ${at}::int)`);
  if (step.undoUntil !== undefined) {
    set.addAs('undo', `${step.undoUntil}`, (at) => `jsonb_set(o.undo, '{until}', to_jsonb(${at}::text))`);
  }
  const logs = step.logs ?? [];
  if (logs.length > 0) {
    const entries = jsonText(logs.map((log) => ({ at: new Date().toISOString(), ...log })));
    set.addAs('log_entries', entries, (at) => lastItems(`o.log_entries || ${at}::jsonb`));
  }
  if (step.recount === true) {
    for (const [column] of COUNTED) set.addSql(column, `(SELECT n.${column} FROM n)`);
  }
  const { rows } = await tx.query<OperationRow>(
    `${step.recount === true ? COUNT_ROWS : ''}
     UPDATE rollback_operations o SET ${set.sql()}
     WHERE o.id = $1 AND o.lease_token = $2 AND (o.status NOT IN ${FINAL}${step.status === undefined ? ` OR (${DECIDED_PREVIEW})` : ''})
     RETURNING ${OPERATION_COLUMNS}`,
    set.params,
  );
  const row = rows[0];
  if (row === undefined) throw new LeaseLostError(`operation ${operationId} is not ours any more`);
  return toOperation(row);
}

/** With the row locked, so that nothing can be decided between this and the step. */
async function assertSettled(tx: SqlExecutor, operationId: string): Promise<void> {
  await tx.query('SELECT 1 FROM rollback_operations WHERE id = $1 FOR UPDATE', [operationId]);
  const { rows } = await tx.query<{ unsettled: boolean }>(
    `SELECT ${UNSETTLED} AS unsettled FROM rollback_operations o WHERE o.id = $1`,
    [operationId],
  );
  if (rows[0]?.unsettled === true)
    throw new UnsettledError(`operation ${operationId} has conflicts to decide or to plan`);
}

const COUNTED = [
  ['planned', "state IN ('PENDING', 'APPLIED', 'FAILED')"],
  ['applied', "state = 'APPLIED'"],
  ['skipped', "state = 'SKIPPED' OR partial"],
  ['conflicted', "state = 'CONFLICTED' AND NOT cascade"],
] as const;

const COUNT_ROWS = `WITH n AS (SELECT ${COUNTED.map(([column, condition]) => `count(*) FILTER (WHERE ${condition}) AS ${column}`).join(', ')}
  FROM operation_plan WHERE operation_id = $1)`;

/** @returns how many rows were pending */
export async function markApplied(
  tx: SqlExecutor,
  operationId: string,
  { fromGroup, toGroup }: NonNullable<OperationStep['applied']>,
): Promise<number> {
  const { count } = await tx.query(
    `UPDATE operation_plan SET state = 'APPLIED'
     WHERE operation_id = $1 AND group_no BETWEEN $2 AND $3 AND state = 'PENDING'`,
    [operationId, fromGroup, toGroup],
  );
  return count;
}

async function markLost(tx: SqlExecutor, operationId: string, afterGroup: bigint): Promise<void> {
  await tx.query(
    `UPDATE operation_plan SET state = 'PENDING' WHERE operation_id = $1 AND group_no > $2 AND state = 'APPLIED'`,
    [operationId, afterGroup],
  );
}

function lastItems(list: string): string {
  return `(SELECT coalesce(jsonb_agg(item ORDER BY n), '[]') FROM (SELECT item, n FROM jsonb_array_elements(${list}) WITH ORDINALITY AS l(item, n)
    ORDER BY n DESC LIMIT ${INLINE_LOGS}) AS newest)`;
}

/** The assignments of the update, and their parameters. The first four are the operation, token, time to live, events. */
class Assignments {
  readonly params: unknown[];
  readonly #parts: string[] = [
    'updated_at = now()',
    'event_seq = o.event_seq + $4::bigint',
    `lease_expires_at = now() + $3 * interval '1 millisecond'`,
  ];

  constructor(params: readonly unknown[]) {
    this.params = [...params];
  }

  add(column: string, value: unknown): void {
    if (value === undefined) return;
    this.addAs(column, value, (at) => at);
    if (column !== 'status') return;
    const at = `$${this.params.length}`;
    this.#parts.push(`started_at = coalesce(o.started_at, now())`);
    this.#parts.push(`completed_at = CASE WHEN ${at}::text IN ${FINAL} THEN now() END`);
    this.#parts.push(`lease_holder = CASE WHEN ${at}::text IN ${FINAL} THEN NULL ELSE o.lease_holder END`);
  }

  release(): void {
    this.addSql('lease_holder', 'NULL');
  }

  addJson(column: string, value: unknown): void {
    if (value !== undefined) this.addAs(column, jsonText(value), (at) => `${at}::jsonb`);
  }

  addAs(column: string, value: unknown, expression: (placeholder: string) => string): void {
    this.params.push(value);
    this.addSql(column, expression(`$${this.params.length}`));
  }

  addSql(column: string, expression: string): void {
    const replaced = this.#parts.findIndex((part) => part.startsWith(`${column} = `));
    if (replaced >= 0) this.#parts.splice(replaced, 1);
    this.#parts.push(`${column} = ${expression}`);
  }

  sql(): string {
    return this.#parts.join(', ');
  }
}
