import { choiceKind, strategyOf } from '../../../core/conflict-choice.ts';
import type { EntityRef } from '../../../core/entities.ts';
import type { Settlement } from '../../../core/settling.ts';
import type { Value } from '../../../core/values.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { NewConflict, RenewedConflict } from '../../../ports/plan-store.ts';
import { jsonOrNull, kindOf, refParams, stateText } from './plan-rows.ts';

/** What both a new and a renewed conflict set, with the type that its column has in `unnest`. */
const FIELDS: readonly (readonly [column: string, type: string, of: (conflict: NewConflict) => unknown])[] = [
  ['type', 'text', ({ type }) => type],
  ['aspect', 'text', ({ aspect }) => aspect],
  ['property', 'text', ({ property }) => property],
  ['base', 'jsonb', ({ base }) => jsonOrNull(base)],
  ['target', 'jsonb', ({ target }) => jsonOrNull(target)],
  ['live', 'jsonb', ({ live }) => jsonOrNull(live)],
  ['merged', 'jsonb', ({ merged }) => jsonOrNull(merged)],
  ['overwritable', 'bool', ({ overwritable }) => overwritable],
  ['base_state', 'jsonb', ({ baseState }) => stateText(baseState)],
  ['target_state', 'jsonb', ({ targetState }) => stateText(targetState)],
  ['live_state', 'jsonb', ({ liveState }) => stateText(liveState)],
  ['live_hash', 'text', ({ liveHash }) => liveHash],
  ['live_seq', 'bigint', ({ liveSeq }) => liveSeq],
  ['status', 'text', ({ settlement }) => (settlement === null ? 'OPEN' : 'RESOLVED')],
  ['resolution', 'text', ({ settlement }) => (settlement === null ? null : strategyOf(settlement.choice))],
  ['choice', 'text', ({ settlement }) => (settlement === null ? null : choiceKind(settlement.choice))],
  ['resolved_value', 'jsonb', (conflict) => jsonOrNull(resolvedValue(conflict, conflict.settlement))],
  ['resolved_by', 'text', ({ settlement }) => settlement?.by ?? null],
  ['remembered', 'bool', ({ settlement }) => settlement?.remembered ?? false],
  ['rule_id', 'uuid', ({ settlement }) => settlement?.ruleId ?? null],
  ['explanation', 'text', ({ explanation }) => explanation],
];

const NAMES = FIELDS.map(([column]) => column);
/** JSON travels as text: an array of jsonb would have its nulls taken for JSON's null. */
const SENT = FIELDS.map(([, type]) => (type === 'jsonb' ? 'text' : type));
const READ = FIELDS.map(([column, type]) => (type === 'jsonb' ? `c.${column}::jsonb` : `c.${column}`));

function params(conflicts: readonly NewConflict[]): unknown[] {
  return FIELDS.map(([, , of]) => conflicts.map(of));
}

/** Placeholders of arrays, from number `first` on. */
function arrays(first: number): string {
  return SENT.map((type, at) => `$${first + at}::${type}[]`).join(', ');
}

export async function insertConflicts(
  tx: SqlExecutor,
  operationId: string,
  conflicts: readonly NewConflict[],
): Promise<void> {
  await tx.query(
    `INSERT INTO operation_conflicts (operation_id, no, id, kind, key, ${NAMES.join(', ')}, resolved_at)
     SELECT $1, (SELECT coalesce(max(no), 0) FROM operation_conflicts WHERE operation_id = $1) + c.n, c.id, c.kind, c.key,
       ${READ.join(', ')}, CASE WHEN c.status = 'RESOLVED' THEN now() END
     FROM unnest($2::uuid[], $3::smallint[], $4::text[], ${arrays(5)})
       WITH ORDINALITY AS c(id, kind, key, ${NAMES.join(', ')}, n)`,
    [operationId, conflicts.map(({ id }) => id), ...refParams(conflicts), ...params(conflicts)],
  );
}

export async function renewConflicts(
  tx: SqlExecutor,
  operationId: string,
  conflicts: readonly RenewedConflict[],
): Promise<void> {
  const set = NAMES.map((name, at) => `${name} = ${READ[at]}`).join(', ');
  await tx.query(
    `UPDATE operation_conflicts o SET ${set}, version = c.version, planned_version = c.version, resolved_at = CASE
       WHEN c.status = 'OPEN' THEN NULL WHEN o.status = 'OPEN' OR o.version <> c.version THEN now() ELSE o.resolved_at END
     FROM unnest($2::uuid[], $3::int[], $4::int[], ${arrays(5)}) AS c(id, seen, version, ${NAMES.join(', ')})
     WHERE o.operation_id = $1 AND o.id = c.id AND o.version = c.seen`,
    [
      operationId,
      conflicts.map(({ id }) => id),
      conflicts.map(({ seenVersion }) => seenVersion),
      conflicts.map(({ version }) => version),
      ...params(conflicts),
    ],
  );
}

/** The planned version of a conflict in question; never one that a plan accounts for. */
const IN_QUESTION = '(-10 - o.version)';

/** Marks conflicts, and returns what is tied to them, was left out, or waits, because of them. */
export async function questionConflicts(
  tx: SqlExecutor,
  operationId: string,
  refs: readonly EntityRef[] | null,
): Promise<EntityRef[]> {
  const [kinds, keys] = refParams(refs ?? []);
  const some = '(o.kind, o.key) IN (SELECT r.kind, r.key FROM unnest($2::smallint[], $3::text[]) AS r(kind, key))';
  const { rows } = await tx.query<{ id: string }>(
    `UPDATE operation_conflicts o SET planned_version = ${IN_QUESTION} WHERE o.operation_id = $1 AND ($4::boolean OR ${some}) RETURNING o.id`,
    [operationId, kinds, keys, refs === null],
  );
  if (rows.length === 0 || refs === null) return [];
  const ids = rows.map(({ id }) => id);
  const tied = await tx.query<{ kind: number; key: string }>(
    `SELECT kind, key FROM operation_plan WHERE operation_id = $1 AND conflict_id = ANY($2::uuid[])
       AND (state = 'CONFLICTED' OR (state = 'SKIPPED' AND NOT cascade))
     UNION SELECT p.kind, p.key FROM operation_ties t JOIN operation_plan p ON (p.operation_id, p.kind, p.key) = (t.operation_id, t.kind, t.key)
     WHERE t.operation_id = $1 AND t.conflict_id = ANY($2::uuid[]) AND p.state IN ('PENDING', 'CONFLICTED')`,
    [operationId, ids],
  );
  return tied.rows.map((row) => ({ kind: kindOf(row.kind), key: row.key }));
}

/** A decision of which nothing is left stays as it is: should the matter come up again, it holds. */
export async function dropUnfound(tx: SqlExecutor, operationId: string): Promise<void> {
  const unfound = `o.operation_id = $1 AND o.version <> o.planned_version AND o.planned_version = ${IN_QUESTION}`;
  await tx.query(
    `UPDATE operation_conflicts o SET planned_version = o.version WHERE ${unfound} AND o.status = 'RESOLVED'`,
    [operationId],
  );
  await tx.query(
    `UPDATE operation_conflicts o SET status = 'RESOLVED', version = o.version + 1, planned_version = o.version + 1, resolved_at = now(),
       explanation = 'Nothing is left to decide, since others have changed it. ' || o.explanation WHERE ${unfound}`,
    [operationId],
  );
}

function resolvedValue(conflict: NewConflict, settlement: Settlement | null): Value | null {
  if (settlement === null) return null;
  const { choice } = settlement;
  if ('absent' in choice) return null;
  if ('value' in choice) return choice.value;
  const { base, target, live, merged } = conflict;
  return { BASE: base, TARGET: target, LIVE: live, MERGED: merged }[choice.side];
}
