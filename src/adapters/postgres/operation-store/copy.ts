import type { SqlExecutor } from '../../../ports/database.ts';
import type { OperationLease } from '../../../ports/operation-store.ts';
import { assertHeld } from './plan-rows.ts';

/**
 * Copies a plan with its conflicts and their decisions. A copied conflict's id follows from both, so that rows find theirs without
 * a table in between.
 */
export async function copyPlan(
  tx: SqlExecutor,
  lease: OperationLease,
  from: string,
  rows: 'ALL' | 'LEFT',
): Promise<void> {
  await assertHeld(tx, lease);
  const left = (row: string): string =>
    rows === 'ALL' ? '' : ` AND ${row}.state IN ('PENDING', 'CONFLICTED', 'FAILED')`;
  const copied = (id: string): string => `md5($1::text || ${id}::text)::uuid`;
  await tx.query(
    `INSERT INTO operation_plan (operation_id, no, group_no, phase, kind, key, action, state, cascade, partial, replanned, start_key,
       end_key, before, after, expected_hash, target_hash, origins, conflict_id, reason)
     SELECT $1::uuid, no, no, phase, kind, key, action, state, cascade, partial, replanned, start_key, end_key, before, after,
       expected_hash, target_hash, origins, ${copied('conflict_id')}, reason
     FROM operation_plan p WHERE operation_id = $2${left('p')}`,
    [lease.operationId, from],
  );
  await tx.query(
    `INSERT INTO operation_conflicts (operation_id, no, id, kind, key, type, aspect, property, label, base, target, live, merged, base_state,
       target_state, live_state, live_hash, live_seq, status, version, resolution, resolved_value, remembered, resolved_by, resolved_at,
       explanation, choice, overwritable, planned_version, rule_id)
     SELECT $1::uuid, no, ${copied('id')}, kind, key, type, aspect, property, label, base, target, live, merged, base_state, target_state,
       live_state, live_hash, live_seq, status, version, resolution, resolved_value, remembered, resolved_by, resolved_at, explanation,
       choice, overwritable, planned_version, rule_id
     FROM operation_conflicts c WHERE operation_id = $2${
       rows === 'ALL'
         ? ''
         : ` AND (EXISTS (SELECT 1 FROM operation_plan p WHERE p.operation_id = $2 AND p.kind = c.kind AND p.key = c.key${left('p')})
       OR EXISTS (SELECT 1 FROM operation_plan p WHERE p.operation_id = $2 AND p.conflict_id = c.id${left('p')})
       OR EXISTS (SELECT 1 FROM operation_ties t JOIN operation_plan p ON (p.operation_id, p.kind, p.key) = (t.operation_id, t.kind, t.key)
         WHERE t.conflict_id = c.id${left('p')}))`
     }`,
    [lease.operationId, from],
  );
  await tx.query(
    `INSERT INTO operation_ties (operation_id, conflict_id, kind, key)
     SELECT $1::uuid, ${copied('t.conflict_id')}, t.kind, t.key FROM operation_ties t
     WHERE t.operation_id = $2 AND EXISTS (SELECT 1 FROM operation_plan p
       WHERE p.operation_id = $2 AND p.kind = t.kind AND p.key = t.key${left('p')})`,
    [lease.operationId, from],
  );
}
