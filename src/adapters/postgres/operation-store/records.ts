import type { ConflictPolicy } from '../../../core/policy.ts';
import type { SchemaChange } from '../../../core/schema-changes.ts';
import type { Scope } from '../../../core/scope.ts';
import type { OperationOutcome, OperationStatus } from '../../../core/states.ts';
import type { UndoSelector } from '../../../core/undo-set.ts';
import type { OperationRecord, RequestedUndo } from '../../../ports/operation-store.ts';

export const OPERATION_COLUMNS = `o.id, o.graph_id, o.type, o.status, o.outcome, o.strategy, o.dry_run, o.progress,
  o.target_rollback_point_id, o.target_seq, o.undo, o.scope, o.policy, o.batch_size, o.max_changes_per_second, o.include_schema,
  o.requested_by, o.start_seq, o.head_seq, o.checked_seq, o.epoch, o.plan_hash, o.schema_changes, o.planned, o.applied, o.skipped, o.conflicted,
  o.batch_ends, o.safety_point_id, o.rehearsal_of_id, o.expect_plan, o.resumes_id, o.abort_requested_at, o.paused_at, o.replanning, o.announced_conflict, o.created_at, o.started_at`;

/** A row of OPERATION_COLUMNS. The columns with a type of the core were checked when they were written. */
export interface OperationRow {
  id: string;
  graph_id: number;
  type: 'RESTORE' | 'UNDO';
  status: OperationStatus;
  outcome: OperationOutcome | null;
  strategy: 'IMMEDIATE' | 'GRADUAL';
  dry_run: boolean;
  progress: number;
  target_rollback_point_id: string | null;
  target_seq: bigint | null;
  undo: UndoJson;
  scope: Scope | null;
  policy: ConflictPolicy;
  batch_size: number | null;
  max_changes_per_second: number | null;
  include_schema: boolean;
  requested_by: string | null;
  start_seq: bigint | null;
  head_seq: bigint | null;
  checked_seq: bigint | null;
  epoch: number | null;
  plan_hash: string | null;
  schema_changes: readonly SchemaChange[] | null;
  planned: bigint;
  applied: bigint;
  skipped: bigint;
  conflicted: bigint;
  batch_ends: bigint[] | null;
  safety_point_id: string | null;
  rehearsal_of_id: string | null;
  expect_plan: string | null;
  resumes_id: string | null;
  abort_requested_at: Date | null;
  paused_at: Date | null;
  replanning: boolean;
  announced_conflict: bigint;
  created_at: Date;
  started_at: Date | null;
}

/** The `undo` column. Seqs are decimal strings. */
export interface UndoJson {
  readonly by: UndoSelector['by'];
  readonly sessionId?: string;
  readonly actor?: string;
  readonly operationId?: string;
  readonly transactions?: readonly string[];
  readonly from: string | null;
  readonly until: string | null;
}

export function toOperation(row: OperationRow): OperationRecord {
  return {
    id: row.id,
    graphId: row.graph_id,
    type: row.type,
    status: row.status,
    outcome: row.outcome,
    strategy: row.strategy,
    dryRun: row.dry_run,
    progress: row.progress,
    targetPointId: row.target_rollback_point_id,
    targetSeq: row.target_seq,
    undo: readUndo(row.undo),
    scope: row.scope,
    policy: row.policy,
    batchSize: row.batch_size,
    maxChangesPerSecond: row.max_changes_per_second,
    includeSchema: row.include_schema,
    requestedBy: row.requested_by,
    startSeq: row.start_seq,
    headSeq: row.head_seq,
    checkedSeq: row.checked_seq,
    epoch: row.epoch,
    planHash: row.plan_hash,
    schemaChanges: row.schema_changes ?? [],
    counts: { planned: row.planned, applied: row.applied, skipped: row.skipped, conflicted: row.conflicted },
    batchEnds: row.batch_ends ?? [],
    safetyPointId: row.safety_point_id,
    rehearsalOfId: row.rehearsal_of_id,
    expectPlan: row.expect_plan,
    resumesId: row.resumes_id,
    abortRequested: row.abort_requested_at !== null,
    paused: row.paused_at !== null,
    replanning: row.replanning,
    announcedConflict: row.announced_conflict,
    createdAt: row.created_at,
    startedAt: row.started_at,
  };
}

export function undoJson({ selector, from, until }: RequestedUndo): UndoJson {
  const bounds = { from: from === null ? null : `${from}`, until: until === null ? null : `${until}` };
  if (selector.by !== 'transactions') return { ...selector, ...bounds };
  return { by: 'transactions', transactions: selector.seqs.map(String), ...bounds };
}

export function readUndo(json: UndoJson): RequestedUndo {
  return {
    selector: readSelector(json),
    from: json.from === null ? null : BigInt(json.from),
    until: json.until === null ? null : BigInt(json.until),
  };
}

function readSelector(json: UndoJson): UndoSelector {
  switch (json.by) {
    case 'session':
      return { by: 'session', sessionId: json.sessionId ?? '' };
    case 'actor':
      return { by: 'actor', actor: json.actor ?? '' };
    case 'operation':
      return { by: 'operation', operationId: json.operationId ?? '' };
    case 'transactions':
      return { by: 'transactions', seqs: (json.transactions ?? []).map(BigInt) };
    default:
      return { by: json.by };
  }
}
