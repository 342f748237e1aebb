import type { ChangeAction, EntityKind, EntityRef, EntityState } from '../../../core/entities.ts';
import type { Origins } from '../../../core/undo-set.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import { LeaseLostError, type OperationLease } from '../../../ports/operation-store.ts';
import type { PlannedState, PlanRow } from '../../../ports/plan-store.ts';
import { boolArray, byteaArray, int2Array, textArray } from '../binary-arrays.ts';

export const PLAN_COLUMNS = `p.no, p.kind, p.key, p.action, p.state, p.cascade, p.partial, p.replanned, p.before, p.after, p.expected_hash,
  p.target_hash, p.origins, p.conflict_id, p.reason`;

export interface PlanRowRecord {
  no: bigint;
  kind: number;
  key: string;
  action: ChangeAction;
  state: PlannedState;
  cascade: boolean;
  partial: boolean;
  replanned: boolean;
  before: EntityState | null;
  after: EntityState | null;
  expected_hash: Uint8Array | null;
  target_hash: Uint8Array | null;
  origins: Origins | null;
  conflict_id: string | null;
  reason: string | null;
}

export function toPlanRow(row: PlanRowRecord): PlanRow {
  return {
    kind: kindOf(row.kind),
    key: row.key,
    action: row.action,
    state: row.state,
    cascade: row.cascade,
    partial: row.partial,
    replanned: row.replanned,
    before: row.before,
    after: row.after,
    expectedHash: row.expected_hash,
    targetHash: row.target_hash,
    origins: row.origins,
    conflictId: row.conflict_id,
    reason: row.reason,
  };
}

export function kindOf(number: number): EntityKind {
  return number === 0 ? 'NODE' : 'RELATIONSHIP';
}

export function kindNumber(kind: EntityKind): number {
  return kind === 'NODE' ? 0 : 1;
}

/** Two parallel parameters, for `unnest($n::smallint[], $m::text[])`. */
export function refParams(refs: readonly EntityRef[]): [kinds: Uint8Array, keys: Uint8Array] {
  return [int2Array(refs.map((ref) => kindNumber(ref.kind))), textArray(refs.map((ref) => ref.key))];
}

/** The phase of a relationship that gets another type or other ends. */
export const MOVED = 7;
/** The phase of an update by which an entity gives up unique values that another one gets. */
export const RELEASES = 8;

/** Relationships deleted, nodes deleted, nodes created, nodes updated, relationships created, relationships updated. */
const PHASES: Readonly<Record<`${EntityKind} ${ChangeAction}`, number>> = {
  'RELATIONSHIP DELETED': 1,
  'NODE DELETED': 2,
  'NODE CREATED': 3,
  'NODE UPDATED': 4,
  'RELATIONSHIP CREATED': 5,
  'RELATIONSHIP UPDATED': 6,
};

/** A CTE that is empty unless the lease is the newest; it also keeps others from taking the lease until the end of the transaction. */
export const HELD = `held AS (SELECT 1 FROM rollback_operations WHERE id = $1 AND lease_token = $2 FOR SHARE)`;

/** @throws LeaseLostError */
export async function assertHeld(tx: SqlExecutor, { operationId, token }: OperationLease): Promise<void> {
  const { count } = await tx.query(`WITH ${HELD} SELECT 1 FROM held`, [operationId, token]);
  if (count === 0) throw new LeaseLostError(`operation ${operationId} is not ours any more`);
}

/**
 * Adds or replaces rows; one statement for all of them. One that was not to be written any more, or was written, goes to the end: the batch that it
 * would have been in may be written already. No group has a number that another had before.
 */
export async function putRows(tx: SqlExecutor, lease: OperationLease, rows: readonly PlanRow[]): Promise<void> {
  const [kinds, keys] = refParams(rows);
  const ends = rows.map((row) => row.after ?? row.before);
  const { count } = await tx.query(
    `WITH ${HELD}, last AS (SELECT coalesce(max(no), 0) AS no, coalesce(max(group_no), 0) AS group_no FROM operation_plan WHERE operation_id = $1)
     INSERT INTO operation_plan AS p (operation_id, no, group_no, phase, kind, key, action, state, cascade, partial, replanned, start_key,
       end_key, before, after, expected_hash, target_hash, origins, conflict_id, reason)
     SELECT $1, last.no + r.n, last.group_no + r.n, r.phase, r.kind, r.key, r.action, r.state, r.cascade, r.partial, r.replanned, r.start_key,
       r.end_key, r.before::json, r.after::json, r.expected_hash, r.target_hash, r.origins::json, r.conflict_id, r.reason
     FROM held, last, unnest($3::smallint[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::bool[], $10::bool[],
       $11::text[], $12::text[], $13::text[], $14::text[], $15::bytea[], $16::bytea[], $17::text[], $18::uuid[], $19::text[])
       WITH ORDINALITY AS r(phase, kind, key, action, state, cascade, partial, replanned, start_key, end_key, before, after, expected_hash,
         target_hash, origins, conflict_id, reason, n)
     ON CONFLICT (operation_id, kind, key) DO UPDATE SET phase = excluded.phase, action = excluded.action, state = excluded.state,
       cascade = excluded.cascade, partial = excluded.partial, replanned = excluded.replanned, start_key = excluded.start_key,
       end_key = excluded.end_key, before = excluded.before, after = excluded.after, expected_hash = excluded.expected_hash,
       group_no = CASE WHEN p.state IN ('PENDING', 'CONFLICTED') THEN p.group_no ELSE excluded.group_no END, target_hash = excluded.target_hash, origins = excluded.origins, conflict_id = excluded.conflict_id, reason = excluded.reason`,
    [
      lease.operationId,
      lease.token,
      int2Array(rows.map(phaseOf)),
      kinds,
      keys,
      textArray(rows.map((row) => row.action)),
      textArray(rows.map((row) => row.state)),
      boolArray(rows.map((row) => row.cascade)),
      boolArray(rows.map((row) => row.partial)),
      boolArray(rows.map((row) => row.replanned)),
      textArray(ends.map((state) => (state?.kind === 'RELATIONSHIP' ? state.start : null))),
      textArray(ends.map((state) => (state?.kind === 'RELATIONSHIP' ? state.end : null))),
      textArray(rows.map((row) => stateText(row.before))),
      textArray(rows.map((row) => stateText(row.after))),
      byteaArray(rows.map((row) => row.expectedHash)),
      byteaArray(rows.map((row) => row.targetHash)),
      textArray(rows.map((row) => jsonOrNull(row.origins))),
      rows.map((row) => row.conflictId),
      textArray(rows.map((row) => row.reason)),
    ],
  );
  if (count !== rows.length) throw new LeaseLostError(`operation ${lease.operationId} is not ours any more`);
}

function phaseOf({ kind, action, before, after }: PlanRow): number {
  const moved =
    before?.kind === 'RELATIONSHIP' &&
    after?.kind === 'RELATIONSHIP' &&
    (before.type !== after.type || before.start !== after.start || before.end !== after.end);
  return moved ? MOVED : PHASES[`${kind} ${action}`];
}

export function stateText(state: EntityState | null): string | null {
  return jsonOrNull(state);
}

export function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
