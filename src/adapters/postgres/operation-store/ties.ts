import type { EntityRef } from '../../../core/entities.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { PlanTie } from '../../../ports/plan-store.ts';
import { kindOf, refParams } from './plan-rows.ts';

/** Rows of plans that are as they are because of decisions about other entities. */

export async function insertTies(tx: SqlExecutor, operationId: string, ties: readonly PlanTie[]): Promise<void> {
  await tx.query(
    `INSERT INTO operation_ties (operation_id, conflict_id, kind, key)
     SELECT $1, t.conflict_id, t.kind, t.key FROM unnest($2::uuid[], $3::smallint[], $4::text[]) AS t(conflict_id, kind, key)
     ON CONFLICT DO NOTHING`,
    [operationId, ties.map(({ conflictId }) => conflictId), ...refParams(ties)],
  );
}

export async function deleteTies(tx: SqlExecutor, operationId: string, refs: readonly EntityRef[]): Promise<void> {
  await tx.query(
    `DELETE FROM operation_ties t USING unnest($2::smallint[], $3::text[]) AS r(kind, key)
     WHERE t.operation_id = $1 AND t.kind = r.kind AND t.key = r.key`,
    [operationId, ...refParams(refs)],
  );
}

export async function tied(on: SqlExecutor, operationId: string, refs: readonly EntityRef[]): Promise<EntityRef[]> {
  const { rows } = await on.query<{ kind: number; key: string }>(
    `SELECT DISTINCT t.kind, t.key FROM unnest($2::smallint[], $3::text[]) AS r(kind, key)
       JOIN operation_ties t ON t.operation_id = $1 AND t.kind = r.kind AND t.key = r.key`,
    [operationId, ...refParams(refs)],
  );
  return rows.map(({ kind, key }) => ({ kind: kindOf(kind), key }));
}

/**
 * Rows that a decision about another entity put into the plan, changed or left out, while that entity is not written. Pages without any are left
 * out.
 */
export async function* orphans(on: SqlExecutor, operationId: string, pageSize: number): AsyncIterable<EntityRef[]> {
  for (let after = 0n; ; ) {
    const span = await on.query<{ until: bigint | null }>(
      `SELECT max(no) AS until FROM (SELECT no FROM operation_conflicts
         WHERE operation_id = $1 AND no > $2 AND type = 'DEPENDENCY' ORDER BY no LIMIT $3) AS page`,
      [operationId, after, pageSize],
    );
    const until = span.rows[0]?.until ?? null;
    if (until === null) return;
    // Every look into another row is by that row's own key: an operation's id says little, and a database without statistics may think otherwise.
    const { rows } = await on.query<{ kind: number; key: string }>(
      `WITH unwritten AS MATERIALIZED (
         SELECT c.id, c.kind, c.key, c.choice FROM operation_conflicts c
         WHERE c.operation_id = $1 AND c.no > $2 AND c.no <= $3 AND c.type = 'DEPENDENCY' AND coalesce((SELECT o.state FROM operation_plan o
           WHERE o.operation_id = $1 AND o.kind = c.kind AND o.key = c.key LIMIT 1), '') NOT IN ('PENDING', 'APPLIED'))
       SELECT t.kind, t.key FROM unwritten c
         CROSS JOIN LATERAL (SELECT t.kind, t.key FROM operation_ties t WHERE t.conflict_id = c.id OFFSET 0) AS t
         WHERE coalesce((SELECT p.state FROM operation_plan p WHERE p.operation_id = $1 AND p.kind = t.kind AND p.key = t.key LIMIT 1), '') = 'PENDING'
       UNION SELECT p.kind, p.key FROM unwritten c CROSS JOIN LATERAL (
         SELECT p.kind, p.key FROM operation_plan p WHERE p.conflict_id = c.id AND p.state = 'SKIPPED' AND NOT p.cascade OFFSET 0) AS p
         WHERE c.choice = 'TARGET' AND (p.kind, p.key) <> (c.kind, c.key)`,
      [operationId, after, until],
    );
    if (rows.length > 0) yield rows.map(({ kind, key }) => ({ kind: kindOf(kind), key }));
    after = until;
  }
}
