import { type Constraint, isUnique } from '../../../core/constraints.ts';
import type { SharedValues } from '../../../ports/constrained-plans.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { OperationLease } from '../../../ports/operation-store.ts';
import type { PlanRow } from '../../../ports/plan-store.ts';
import { HELD, kindNumber, kindOf, PLAN_COLUMNS, type PlanRowRecord, RELEASES, toPlanRow } from './plan-rows.ts';

/** $2, $3 and $4 are the constraint's kind of entity, its label or type, and its properties. What compares values has the constraint, too. */
function params({ entity, subject, properties }: Constraint): unknown[] {
  return [kindNumber(entity), subject, properties];
}

const speaksOf = (state: string): string =>
  `CASE WHEN $2::smallint = 0 THEN ${state} -> 'labels' ? $3::text ELSE ${state} ->> 'type' = $3::text END`;

/** A value, the same for those that `numberText` has the same text for: jsonb compares its own numbers whatever they are written like. */
const byNumber = (value: string): string =>
  `CASE WHEN ${value} ->> '$integer' IS NOT NULL THEN to_jsonb((${value} ->> '$integer')::numeric)
     WHEN ${value} ->> '$float' ~ '^-?[0-9]+[.]0$' AND ${value} ->> '$float' <> '-0.0' THEN to_jsonb((${value} ->> '$float')::numeric)
     WHEN ${value} #>> '{$list,of}' IN ('INTEGER', 'FLOAT') THEN (SELECT jsonb_build_object('numbers', jsonb_agg(
         CASE WHEN jsonb_typeof(e.item) = 'string' AND e.item #>> '{}' ~ '^-?[0-9]+$' THEN to_jsonb((e.item #>> '{}')::numeric) ELSE e.item END ORDER BY e.n))
       FROM jsonb_array_elements(${value} #> '{$list,values}') WITH ORDINALITY AS e(item, n))
     ELSE ${value} END`;

/** The values of the constraint's properties as a JSON list; null where the state lacks one or is no subject. */
const tuple = ({ comparesNumbers }: Constraint, state: string): string => {
  const value = `(${state} -> 'properties' -> c.name)`;
  return `CASE WHEN ${state} IS NOT NULL AND ${speaksOf(state)} AND ${state} -> 'properties' ?& $4::text[] THEN
     (SELECT jsonb_agg(${comparesNumbers === true ? byNumber(value) : value} ORDER BY c.n) FROM unnest($4::text[]) WITH ORDINALITY AS c(name, n)) END`;
};

const differs = `EXISTS (SELECT FROM unnest($4::text[]) AS c(name)
  WHERE s.before -> 'properties' -> c.name IS DISTINCT FROM s.after -> 'properties' -> c.name)`;

/** Rows `p` of plans, and `s`: their states in a form to look into, parsed once a row. */
const PLANNED = `operation_plan p CROSS JOIN LATERAL (SELECT p.before::jsonb AS before, p.after::jsonb AS after OFFSET 0) AS s`;

export async function* constrainedRows(
  on: SqlExecutor,
  operationId: string,
  constraint: Constraint,
  pageSize: number,
): AsyncIterable<PlanRow[]> {
  for (let after = 0n; ; ) {
    const found = await on.query<PlanRowRecord>(
      `SELECT ${PLAN_COLUMNS} FROM ${PLANNED}
       WHERE p.operation_id = $1 AND p.no > $5 AND p.kind = $2 AND p.state = 'PENDING' AND p.action <> 'DELETED' AND ${speaksOf('s.after')}
         AND (s.before IS NULL OR NOT ${speaksOf('s.before')} OR ${differs}) ORDER BY p.no LIMIT $6`,
      [operationId, ...params(constraint), after, pageSize],
    );
    const last = found.rows.at(-1);
    if (last === undefined) return;
    yield found.rows.map(toPlanRow);
    after = last.no;
  }
}

export async function sharedValues(
  on: SqlExecutor,
  operationId: string,
  constraint: Constraint,
  limit: number,
): Promise<SharedValues[]> {
  const { rows } = await on.query<{ kind: number; key: string; holder: string }>(
    `WITH held AS MATERIALIZED (SELECT p.kind, p.key, ${tuple(constraint, 's.after')} AS tuple FROM ${PLANNED}
       WHERE p.operation_id = $1 AND p.kind = $2 AND p.state = 'PENDING' AND p.action <> 'DELETED')
     SELECT h.kind, h.key, h.holder FROM (
       SELECT kind, key, min(key) OVER (PARTITION BY tuple) AS holder FROM held WHERE tuple IS NOT NULL) AS h
     WHERE h.key <> h.holder ORDER BY h.key LIMIT $5`,
    [operationId, ...params(constraint), limit],
  );
  return rows.map(({ kind, key, holder }) => ({
    ref: { kind: kindOf(kind), key },
    holder: { kind: kindOf(kind), key: holder },
  }));
}

/** Rows that give up values which another row gets. Both joins see the pending rows of one kind, once. */
const exchanges = (
  constraint: Constraint,
): string => `pending AS MATERIALIZED (SELECT p.no, p.group_no, p.action, ${tuple(constraint, 's.before')} AS held, ${tuple(constraint, 's.after')} AS gets
    FROM ${PLANNED} WHERE p.operation_id = $1 AND p.kind = $2 AND p.state = 'PENDING'),
  exchanges AS MATERIALIZED (SELECT giver.no, giver.action, giver.group_no AS giver, taker.group_no AS taker
    FROM pending giver JOIN pending taker ON taker.gets = giver.held
    WHERE taker.no <> giver.no AND taker.held IS DISTINCT FROM taker.gets AND giver.gets IS DISTINCT FROM giver.held)`;

export async function markReleases(
  on: SqlExecutor,
  lease: OperationLease,
  constraints: readonly Constraint[],
): Promise<void> {
  for (const constraint of constraints.filter(isUnique)) {
    await on.query(
      `WITH ${HELD.replaceAll('$2', '$5')}, ${exchanges(constraint)}
       UPDATE operation_plan p SET phase = ${RELEASES} FROM held
       WHERE p.operation_id = $1 AND p.action = 'UPDATED' AND p.no IN (SELECT no FROM exchanges)`,
      [lease.operationId, ...params(constraint), lease.token],
    );
  }
}

/** Pairs of groups that one transaction must write, since unique values change hands between them. */
export async function tiedByValues(
  on: SqlExecutor,
  operationId: string,
  constraints: readonly Constraint[],
): Promise<{ a: bigint; b: bigint }[]> {
  const pairs: { a: bigint; b: bigint }[] = [];
  for (const constraint of constraints.filter(isUnique)) {
    const { rows } = await on.query<{ a: bigint; b: bigint }>(
      `WITH ${exchanges(constraint)} SELECT DISTINCT giver AS a, taker AS b FROM exchanges WHERE giver <> taker`,
      [operationId, ...params(constraint)],
    );
    for (const row of rows) pairs.push(row);
  }
  return pairs;
}
