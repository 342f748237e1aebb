import { canonicalValue } from '../../../core/decode.ts';
import type { EntityRef, EntityState } from '../../../core/entities.ts';
import { isFinalOperation, type OperationStatus } from '../../../core/states.ts';
import type { Value } from '../../../core/values.ts';
import type { AuditFact } from '../../../ports/audit-log.ts';
import {
  CONFLICTS_RESOLVED,
  type ConflictSelection,
  type ConflictStates,
  type ConflictStore,
  type Decision,
  type DecisionRefusal,
  type NewRule,
  type StoredConflict,
  type StoredRule,
} from '../../../ports/conflict-store.ts';
import type { Database, SqlExecutor } from '../../../ports/database.ts';
import type { NewOperationEvent } from '../../../ports/operation-store.ts';
import { appendAudit } from '../audit-log.ts';
import { isUuid, jsonText, SqlParameters } from '../sql-parameters.ts';
import { addEvents, insertLogs } from './events.ts';
import { kindOf, refParams } from './plan-rows.ts';
import { deleteRule, putRules, readRule, readRules } from './rule-rows.ts';

const COLUMNS = `c.id, c.operation_id AS "operationId", c.no, c.kind, c.key, c.type, c.aspect, c.property, c.base, c.target, c.live, c.merged,
  c.status, c.version, c.overwritable, c.live_hash AS "liveHash", c.resolution, c.choice, c.resolved_value AS "resolvedValue",
  c.resolved_by AS "resolvedBy", c.remembered, c.rule_id AS "ruleId", c.explanation`;

/** Decisions that get an event of their own; the rest are counted in one. */
const SHOWN_DECISIONS = 100;
/** Rows in one statement. */
const CHUNK = 5000;

/** The planned version of a decision that was changed after the plan had taken it in. */
const REVISED = -1;

type ConflictRow = Omit<StoredConflict, 'kind'> & { readonly kind: number };

/** Thrown to roll a decision's transaction back. */
class Refused extends Error {
  readonly refusal: DecisionRefusal;
  constructor(refusal: DecisionRefusal) {
    super(refusal.kind);
    this.refusal = refusal;
  }
}

/** Conflicts and decisions in PostgreSQL. */
export class PostgresConflictStore implements ConflictStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async byId(operationId: string, ids: readonly string[]): Promise<readonly StoredConflict[]> {
    const { rows } = await this.#database.query<ConflictRow>(
      `SELECT ${COLUMNS} FROM operation_conflicts c WHERE c.operation_id = $1 AND c.id = ANY($2::uuid[]) ORDER BY c.no`,
      [operationId, ids.filter(isUuid)],
    );
    return rows.map(toConflict);
  }

  async ofEntities(operationId: string, refs: readonly EntityRef[]): Promise<readonly StoredConflict[]> {
    if (refs.length === 0) return [];
    const { rows } = await this.#database.query<ConflictRow>(
      `SELECT ${COLUMNS} FROM unnest($2::smallint[], $3::text[]) AS r(kind, key) CROSS JOIN LATERAL (
         SELECT * FROM operation_conflicts c WHERE c.operation_id = $1 AND c.kind = r.kind AND c.key = r.key OFFSET 0) AS c
       ORDER BY c.no`,
      [operationId, ...refParams(refs)],
    );
    return rows.map(toConflict);
  }

  async select(
    operationId: string,
    { status, type, aspect, key }: ConflictSelection,
    after: bigint,
    limit: number,
  ): Promise<readonly StoredConflict[]> {
    const params = new SqlParameters();
    const conditions = [`c.operation_id = ${params.add(operationId, 'uuid')}`, `c.no > ${params.add(after, 'bigint')}`];
    for (const [column, value] of Object.entries({ status, type, aspect, key })) {
      if (value !== null && value !== undefined) conditions.push(`c.${column} = ${params.add(value, 'text')}`);
    }
    const { rows } = await this.#database.query<ConflictRow>(
      `SELECT ${COLUMNS} FROM operation_conflicts c WHERE ${conditions.join(' AND ')} ORDER BY c.no LIMIT ${params.add(limit, 'int')}`,
      params.values,
    );
    return rows.map(toConflict);
  }

  async states(conflictIds: readonly string[]): Promise<ReadonlyMap<string, ConflictStates>> {
    const { rows } = await this.#database.query<{
      id: string;
      base: EntityState | null;
      target: EntityState | null;
      live: EntityState | null;
    }>(
      `SELECT id, base_state AS base, target_state AS target, live_state AS live FROM operation_conflicts WHERE id = ANY($1::uuid[])`,
      [conflictIds],
    );
    return new Map(
      rows.map(({ id, base, target, live }) => [id, { baseState: base, targetState: target, liveState: live }]),
    );
  }

  async unplanned(operationId: string, limit: number): Promise<readonly EntityRef[]> {
    const { rows } = await this.#database.query<{ kind: number; key: string }>(
      `SELECT DISTINCT kind, key FROM operation_conflicts WHERE operation_id = $1 AND version <> planned_version
       ORDER BY kind, key LIMIT $2`,
      [operationId, limit],
    );
    return rows.map((row) => ({ kind: kindOf(row.kind), key: row.key }));
  }

  async hasRevised(operationId: string): Promise<boolean> {
    const { count } = await this.#database.query(
      `SELECT 1 FROM operation_conflicts WHERE operation_id = $1 AND version <> planned_version AND planned_version = ${REVISED} LIMIT 1`,
      [operationId],
    );
    return count > 0;
  }

  async decide(
    operationId: string,
    decisions: readonly Decision[],
    by: string,
    rules: readonly NewRule[],
    audit: AuditFact,
  ): Promise<DecisionRefusal | null> {
    try {
      await this.#database.transaction(async (tx) => {
        // The lock keeps whoever runs the operation from going on between the check and the decision.
        const found = await tx.query<{ status: OperationStatus; dry_run: boolean; graph_id: number; wrote: boolean }>(
          `SELECT status, dry_run, graph_id, applied > 0 OR resumes_id IS NOT NULL AS wrote FROM rollback_operations WHERE id = $1 FOR UPDATE`,
          [operationId],
        );
        const [operation] = found.rows;
        if (operation === undefined || !isDecidable(operation)) {
          throw new Refused({ kind: 'STATE', status: operation?.status ?? 'FAILED' });
        }
        for (let at = 0; at < decisions.length; at += CHUNK) {
          await store(tx, operationId, decisions.slice(at, at + CHUNK), by, operation.wrote);
        }
        await announce(tx, operationId, decisions, by);
        await putRules(tx, operation.graph_id, rules, by);
        await appendAudit(tx, [audit]);
      });
      return null;
    } catch (error) {
      if (error instanceof Refused) return error.refusal;
      throw error;
    }
  }

  async wasDecided(operationId: string, attempt: string): Promise<boolean> {
    const { count } = await this.#database.query(
      `SELECT 1 FROM rollback_audit_log WHERE operation_id = $1 AND event_type = $2 AND event_data->>'attempt' = $3 LIMIT 1`,
      [operationId, CONFLICTS_RESOLVED, attempt],
    );
    return count > 0;
  }

  rules(graphId: number): Promise<readonly StoredRule[]> {
    return readRules(this.#database, graphId);
  }

  async rule(id: string): Promise<StoredRule | null> {
    return isUuid(id) ? readRule(this.#database, id) : null;
  }

  forgetRule(id: string, audit: AuditFact): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      if (!(await deleteRule(tx, id))) return false;
      await appendAudit(tx, [audit]);
      return true;
    });
  }
}

function isDecidable({ status, dry_run: dryRun }: { status: OperationStatus; dry_run: boolean }): boolean {
  return isFinalOperation(status) ? dryRun && status === 'COMPLETED' : status === 'CONFLICT_RESOLUTION';
}

/** A decision that the plan has taken in. */
const PLANNED = `(c.status = 'RESOLVED' AND c.planned_version = c.version)`;

/** What a plan has taken in that is partly written, be it by the operation whose rest this one does, no decision changes any more. */
async function store(
  tx: SqlExecutor,
  operationId: string,
  decisions: readonly Decision[],
  by: string,
  wrote: boolean,
): Promise<void> {
  const { rows } = await tx.query<{ id: string }>(
    `UPDATE operation_conflicts c SET status = 'RESOLVED', version = c.version + 1, resolution = d.resolution, choice = d.choice,
       resolved_value = d.value::jsonb, resolved_by = $2, resolved_at = now(), remembered = false, rule_id = NULL,
       planned_version = CASE WHEN ${PLANNED} THEN ${REVISED} ELSE c.planned_version END
     FROM unnest($3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[]) AS d(id, version, live, choice, resolution, value)
     WHERE c.operation_id = $1 AND c.id = d.id AND c.version = d.version AND (d.live IS NULL OR c.live_hash = d.live)
       AND NOT ($9 AND ${PLANNED})
     RETURNING c.id`,
    [
      operationId,
      by,
      decisions.map((decision) => decision.conflictId),
      decisions.map((decision) => decision.expectVersion),
      decisions.map((decision) => decision.expectLive),
      decisions.map((decision) => decision.choice),
      decisions.map((decision) => decision.resolution),
      decisions.map((decision) => jsonText(decision.value)),
      wrote,
    ],
  );
  if (rows.length === decisions.length) return;
  const decided = new Set(rows.map(({ id }) => id));
  const stale = decisions.find(({ conflictId }) => !decided.has(conflictId));
  if (stale === undefined) throw new RangeError('a conflict was decided twice in one request');
  const { rows: current } = await tx.query<{ version: number; live_hash: string; planned: boolean }>(
    `SELECT version, live_hash, ${PLANNED} AS planned FROM operation_conflicts c WHERE id = $1`,
    [stale.conflictId],
  );
  const { version = 0, live_hash: liveHash = '', planned = false } = current[0] ?? {};
  if (wrote && planned) throw new Refused({ kind: 'WRITTEN', conflictId: stale.conflictId });
  throw new Refused({ kind: 'STALE', conflictId: stale.conflictId, version, liveHash });
}

async function announce(
  tx: SqlExecutor,
  operationId: string,
  decisions: readonly Decision[],
  by: string,
): Promise<void> {
  const events = decisions.slice(0, SHOWN_DECISIONS).map(
    ({ conflictId, choice }): NewOperationEvent => ({
      type: 'CONFLICT_RESOLVED',
      conflictId,
      message: `${choice} chosen by ${by}`,
    }),
  );
  const more = decisions.length - events.length;
  if (more > 0) events.push({ type: 'CONFLICT_RESOLVED', message: `${more} more conflicts were decided by ${by}` });
  await addEvents(tx, operationId, events);
  const what = decisions.length === 1 ? '1 conflict' : `${decisions.length} conflicts`;
  await insertLogs(tx, operationId, [{ level: 'INFO', message: `${what} decided by ${by}` }]);
}

function toConflict({ kind, base, target, live, merged, resolvedValue, ...row }: ConflictRow): StoredConflict {
  const read = (value: Value | null): Value | null => (value === null ? null : canonicalValue(value));
  return {
    ...row,
    kind: kindOf(kind),
    base: read(base),
    target: read(target),
    live: read(live),
    merged: read(merged),
    resolvedValue: read(resolvedValue),
  };
}
