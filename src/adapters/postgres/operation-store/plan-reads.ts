import { NO_CHANGES } from '../../../core/diff.ts';
import type { ChangeAction, EntityChange, EntityRef, EntityState } from '../../../core/entities.ts';
import type { ChangeSummary } from '../../../core/moments.ts';
import type { ConflictType } from '../../../core/policy.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { OperationAccount } from '../../../ports/operation-store.ts';
import type { GroupSize, ListedConflict, OpenConflicts, PlanRow } from '../../../ports/plan-store.ts';
import { kindNumber, kindOf, PLAN_COLUMNS, type PlanRowRecord, refParams, toPlanRow } from './plan-rows.ts';

/** Rows in one page of a stream. */
const PAGE = 10_000;

export async function rows(on: SqlExecutor, operationId: string, refs: readonly EntityRef[]): Promise<PlanRow[]> {
  const found = await on.query<PlanRowRecord>(
    `SELECT ${PLAN_COLUMNS} FROM unnest($2::smallint[], $3::text[]) AS r(kind, key) CROSS JOIN LATERAL (
       SELECT * FROM operation_plan p WHERE p.operation_id = $1 AND p.kind = r.kind AND p.key = r.key LIMIT 1) AS p ORDER BY p.no`,
    [operationId, ...refParams(refs)],
  );
  return found.rows.map(toPlanRow);
}

export async function skippedStructures(on: SqlExecutor, operationId: string): Promise<EntityRef[]> {
  const found = await on.query<{ kind: number; key: string }>(
    `SELECT kind, key FROM operation_plan WHERE operation_id = $1 AND state = 'SKIPPED' AND action <> 'UPDATED'`,
    [operationId],
  );
  return found.rows.map((row) => ({ kind: kindOf(row.kind), key: row.key }));
}

interface StructureRecord {
  no: bigint;
  kind: number;
  key: string;
  action: ChangeAction;
  start_key: string;
  end_key: string;
}

export async function* structuralChanges(
  on: SqlExecutor,
  operationId: string,
  pageSize: number,
): AsyncIterable<EntityChange[]> {
  for (let after = 0n; ; ) {
    const found = await on.query<StructureRecord>(
      `SELECT no, kind, key, action, start_key, end_key FROM operation_plan
       WHERE operation_id = $1 AND no > $2 AND state IN ('PENDING', 'SKIPPED') AND action <> 'UPDATED' ORDER BY no LIMIT $3`,
      [operationId, after, pageSize],
    );
    yield found.rows.map(structureOf);
    const last = found.rows.at(-1);
    if (last === undefined || found.rows.length < pageSize) return;
    after = last.no;
  }
}

function structureOf({ kind, key, action, start_key: start, end_key: end }: StructureRecord): EntityChange {
  const state: EntityState =
    kind === 0
      ? { kind: 'NODE', key, labels: [], properties: {} }
      : { kind: 'RELATIONSHIP', key, type: '', start, end, properties: {} };
  const [before, after] = action === 'CREATED' ? [null, state] : [state, null];
  return { kind: state.kind, key, before, after };
}

/** The number of the last relationship row in the page that starts after `after`; null when there is none. */
export async function lastRelationshipRow(
  on: SqlExecutor,
  operationId: string,
  page: { readonly after: bigint; readonly limit: number },
): Promise<bigint | null> {
  const found = await on.query<{ no: bigint | null }>(
    `SELECT max(no) AS no FROM (SELECT no FROM operation_plan WHERE operation_id = $1 AND kind = 1 AND state = 'PENDING' AND no > $2
     ORDER BY no LIMIT $3) AS page`,
    [operationId, page.after, page.limit],
  );
  return found.rows[0]?.no ?? null;
}

export async function* groups(on: SqlExecutor, operationId: string): AsyncIterable<GroupSize[]> {
  for (let after = -1n; ; ) {
    const found = await on.query<{ group_no: bigint; size: number }>(
      `SELECT group_no, count(*)::int AS size FROM operation_plan
       WHERE operation_id = $1 AND group_no > $2 AND state = 'PENDING' GROUP BY group_no ORDER BY group_no LIMIT $3`,
      [operationId, after, PAGE],
    );
    yield found.rows.map((row) => ({ group: row.group_no, size: row.size }));
    const last = found.rows.at(-1);
    if (last === undefined || found.rows.length < PAGE) return;
    after = last.group_no;
  }
}

export async function summary(on: SqlExecutor, operationId: string): Promise<ChangeSummary> {
  const found = await on.query<{ kind: number; action: ChangeAction; n: bigint }>(
    `SELECT kind, action, count(*) AS n FROM operation_plan WHERE operation_id = $1 AND state IN ('PENDING', 'APPLIED')
     GROUP BY kind, action`,
    [operationId],
  );
  const result = { ...NO_CHANGES };
  const suffix = { CREATED: 'Created', UPDATED: 'Updated', DELETED: 'Deleted' } as const;
  for (const { kind, action, n } of found.rows) {
    result[`${kind === 0 ? 'nodes' : 'relationships'}${suffix[action]}`] = n;
  }
  return result;
}

export async function account(on: SqlExecutor, operationId: string, planHash: string): Promise<OperationAccount> {
  const found = await on.query<Omit<OperationAccount, 'planHash'>>(
    `SELECT count(*) FILTER (WHERE state = 'APPLIED' AND action = 'CREATED') AS created,
       count(*) FILTER (WHERE state = 'APPLIED' AND action = 'UPDATED') AS overwritten,
       count(*) FILTER (WHERE state = 'APPLIED' AND action = 'DELETED') AS deleted,
       count(*) FILTER (WHERE state = 'SKIPPED' OR partial) AS skipped,
       count(*) FILTER (WHERE state IN ('PENDING', 'FAILED') OR state = 'CONFLICTED' AND NOT cascade) AS left,
       count(*) FILTER (WHERE state = 'APPLIED' AND cascade) AS cascaded
     FROM operation_plan WHERE operation_id = $1`,
    [operationId],
  );
  const none = { created: 0n, overwritten: 0n, deleted: 0n, skipped: 0n, left: 0n, cascaded: 0n };
  return { ...(found.rows[0] ?? none), planHash };
}

export function irregular(on: SqlExecutor, operationId: string, pageSize: number): AsyncIterable<PlanRow[]> {
  return pages(
    on,
    operationId,
    pageSize,
    `(p.state NOT IN ('APPLIED', 'ALREADY_SO') OR p.cascade OR p.partial OR p.replanned)`,
  );
}

export function planned(on: SqlExecutor, operationId: string, pageSize: number): AsyncIterable<PlanRow[]> {
  return pages(on, operationId, pageSize, `p.state <> 'ALREADY_SO'`);
}

async function* pages(
  on: SqlExecutor,
  operationId: string,
  pageSize: number,
  condition: string,
): AsyncIterable<PlanRow[]> {
  for (let after = 0n; ; ) {
    const found = await on.query<PlanRowRecord>(
      `SELECT ${PLAN_COLUMNS} FROM operation_plan p WHERE p.operation_id = $1 AND p.no > $2 AND ${condition} ORDER BY p.no LIMIT $3`,
      [operationId, after, pageSize],
    );
    yield found.rows.map(toPlanRow);
    const last = found.rows.at(-1);
    if (last === undefined || found.rows.length < pageSize) return;
    after = last.no;
  }
}

export async function openConflicts(on: SqlExecutor, operationId: string): Promise<OpenConflicts> {
  const found = await on.query<{ count: bigint; types: ConflictType[] | null; first: string | null }>(
    `SELECT count(*) AS count, array_agg(DISTINCT type) AS types, (array_agg(explanation ORDER BY no))[1] AS first
     FROM operation_conflicts WHERE operation_id = $1 AND status = 'OPEN'`,
    [operationId],
  );
  const [row] = found.rows;
  return { count: row?.count ?? 0n, types: row?.types ?? [], first: row?.first ?? null };
}

export async function lastConflict(on: SqlExecutor, operationId: string): Promise<bigint> {
  const sql = 'SELECT coalesce(max(no), 0) AS no FROM operation_conflicts WHERE operation_id = $1';
  return (await on.query<{ no: bigint }>(sql, [operationId])).rows[0]?.no ?? 0n;
}

export async function conflicts(
  on: SqlExecutor,
  operationId: string,
  after: bigint,
  limit: number,
): Promise<ListedConflict[]> {
  const found = await on.query<ListedConflict>(
    `SELECT no, id, explanation, CASE WHEN remembered THEN resolved_by END AS "rememberedFrom" FROM operation_conflicts
     WHERE operation_id = $1 AND no > $2 ORDER BY no LIMIT $3`,
    [operationId, after, limit],
  );
  return found.rows;
}

export async function touchedSince(
  on: SqlExecutor,
  operationId: string,
  graphId: number,
  since: bigint,
  until: bigint,
  limit: number,
  after: EntityRef | null,
): Promise<EntityRef[]> {
  const found = await on.query<{ kind: number; key: string }>(
    `SELECT DISTINCT v.kind, v.key FROM entity_versions v
     WHERE v.graph_id = $2 AND v.valid_from_seq > $3 AND v.valid_from_seq <= $4 AND (v.kind, v.key) > ($6::smallint, $7) AND coalesce((
       SELECT p.state IN ('PENDING', 'CONFLICTED') FROM operation_plan p
       WHERE p.operation_id = $1 AND p.kind = v.kind AND p.key = v.key LIMIT 1), false)
     ORDER BY v.kind, v.key LIMIT $5`,
    [operationId, graphId, since, until, limit, after === null ? -1 : kindNumber(after.kind), after?.key ?? ''],
  );
  return found.rows.map((row) => ({ kind: kindOf(row.kind), key: row.key }));
}
