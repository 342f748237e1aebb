import type { AuditFact } from '../../ports/audit-log.ts';
import type { Database } from '../../ports/database.ts';
import type {
  NewRehearsal,
  RehearsalDifference,
  RehearsalEnd,
  RehearsalRecord,
  RehearsalStatus,
  RehearsalStep,
  RehearsalStore,
} from '../../ports/rehearsal-store.ts';
import { auditInsert } from './audit-log.ts';
import { isUuid, jsonText, SqlParameters } from './sql-parameters.ts';

interface RehearsalRow {
  readonly id: string;
  readonly operation_id: string;
  readonly graph_id: number;
  readonly status: RehearsalStatus;
  readonly progress: number;
  readonly plan_hash: string | null;
  readonly requested_by: string | null;
  readonly scratch: string | null;
  readonly matches: boolean | null;
  readonly error_message: string | null;
  readonly planned: bigint;
  readonly copied: bigint;
  readonly applied: bigint;
}

const UNTIL = `clock_timestamp() + make_interval(secs => $3::double precision / 1000)`;
const HELD = `id = $1 AND lease_holder = $2 AND status = 'RUNNING'`;
const UNHELD = `status = 'RUNNING' AND (lease_holder IS NULL OR lease_expires_at <= clock_timestamp())`;

/** Rehearsals and what they found, in PostgreSQL. */
export class PostgresRehearsalStore implements RehearsalStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(rehearsal: NewRehearsal, audit: AuditFact): Promise<void> {
    const params = new SqlParameters();
    const insert = `INSERT INTO rehearsals (id, operation_id, graph_id, status, plan_hash, planned, requested_by)
      VALUES (${params.add(rehearsal.id, 'uuid')}, ${params.add(rehearsal.operationId, 'uuid')}, ${params.add(rehearsal.graphId)}, 'RUNNING',
        ${params.add(rehearsal.planHash)}, ${params.add(rehearsal.planned)}, ${params.add(rehearsal.requestedBy)}) RETURNING id`;
    const entry = auditInsert(params, audit, 'created');
    await this.#database.query(
      `WITH created AS (${insert}), audit AS (${entry}) SELECT id FROM created`,
      params.values,
    );
  }

  async get(id: string): Promise<RehearsalRecord | null> {
    if (!isUuid(id)) return null;
    const { rows } = await this.#database.query<RehearsalRow>('SELECT * FROM rehearsals WHERE id = $1', [id]);
    return rows[0] === undefined ? null : toRecord(rows[0]);
  }

  async running(operationId: string): Promise<string | null> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM rehearsals WHERE operation_id = $1 AND status = 'RUNNING' ORDER BY created_at LIMIT 1`,
      [operationId],
    );
    return rows[0]?.id ?? null;
  }

  async acquire(id: string, holder: string, ttlMs: number): Promise<RehearsalRecord | null> {
    return this.#database.transaction(async (tx) => {
      const { rows } = await tx.query<RehearsalRow>(
        `UPDATE rehearsals SET lease_holder = $2, lease_expires_at = ${UNTIL}, copied = 0, applied = 0
         WHERE id = $1 AND ${UNHELD} RETURNING *`,
        [id, holder, ttlMs],
      );
      if (rows[0] === undefined) return null;
      await tx.query('DELETE FROM rehearsal_differences WHERE rehearsal_id = $1', [id]);
      return toRecord(rows[0]);
    });
  }

  async renew(id: string, holder: string, ttlMs: number): Promise<boolean> {
    const set = `UPDATE rehearsals SET lease_expires_at = ${UNTIL} WHERE ${HELD}`;
    return (await this.#database.query(set, [id, holder, ttlMs])).count > 0;
  }

  async release(id: string, holder: string): Promise<void> {
    await this.#database.query(`UPDATE rehearsals SET lease_holder = NULL, lease_expires_at = NULL WHERE ${HELD}`, [
      id,
      holder,
    ]);
  }

  async forgetLeases(): Promise<void> {
    await this.#database.query(
      `UPDATE rehearsals SET lease_holder = NULL, lease_expires_at = NULL WHERE status = 'RUNNING'`,
    );
  }

  async advance(id: string, holder: string, step: RehearsalStep): Promise<boolean> {
    const { count } = await this.#database.query(
      `UPDATE rehearsals SET progress = greatest(progress, $3::integer), scratch = coalesce($4::text, scratch),
         seq = coalesce($5::bigint, seq), copied = coalesce($6::bigint, copied), applied = coalesce($7::bigint, applied) WHERE ${HELD}`,
      [id, holder, step.progress, step.scratch, step.seq, step.copied, step.applied].map((value) => value ?? null),
    );
    return count > 0;
  }

  async addDifferences(
    id: string,
    holder: string,
    firstNo: bigint,
    differences: readonly RehearsalDifference[],
  ): Promise<boolean> {
    const { count } = await this.#database.query(
      `INSERT INTO rehearsal_differences (rehearsal_id, no, kind, key, expected, actual)
       SELECT held.id, $3 + d.place - 1, d.kind, d.key, d.expected::jsonb, d.actual::jsonb
       FROM (SELECT id FROM rehearsals WHERE ${HELD} FOR SHARE) AS held,
         unnest($4::smallint[], $5::text[], $6::text[], $7::text[]) WITH ORDINALITY AS d(kind, key, expected, actual, place)`,
      [
        id,
        holder,
        firstNo,
        differences.map(({ kind }) => (kind === 'NODE' ? 0 : 1)),
        differences.map(({ key }) => key),
        differences.map(({ expected }) => jsonText(expected)),
        differences.map(({ actual }) => jsonText(actual)),
      ],
    );
    return count > 0 || differences.length === 0;
  }

  async finish(id: string, holder: string, end: RehearsalEnd, audit: AuditFact): Promise<boolean> {
    const params = new SqlParameters();
    const update = `UPDATE rehearsals SET status = ${params.add(end.status)}, progress = 100, matches = ${params.add(end.matches, 'boolean')},
      checked_entities = ${params.add(end.checkedEntities)}, expected_checksum = ${params.add(end.expectedChecksum, 'text')},
      actual_checksum = ${params.add(end.actualChecksum, 'text')}, error_message = ${params.add(end.errorMessage, 'text')},
      completed_at = clock_timestamp(), scratch = NULL, lease_holder = NULL, lease_expires_at = NULL
      WHERE id = ${params.add(id, 'uuid')} AND lease_holder = ${params.add(holder)} AND status = 'RUNNING' RETURNING id`;
    const { rows } = await this.#database.query(
      `WITH ended AS (${update}), audit AS (${auditInsert(params, audit, 'ended')}) SELECT id FROM ended`,
      params.values,
    );
    return rows.length === 1;
  }

  async abandoned(limit: number): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM rehearsals WHERE ${UNHELD} ORDER BY created_at LIMIT $1`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  async inUse(scratches: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.#database.query<{ scratch: string }>(
      `SELECT scratch FROM rehearsals WHERE scratch = ANY($1::text[]) AND status = 'RUNNING'`,
      [scratches],
    );
    return new Set(rows.map(({ scratch }) => scratch));
  }
}

function toRecord(row: RehearsalRow): RehearsalRecord {
  return {
    id: row.id,
    operationId: row.operation_id,
    graphId: row.graph_id,
    status: row.status,
    progress: row.progress,
    planHash: row.plan_hash ?? '',
    requestedBy: row.requested_by,
    scratch: row.scratch,
    matches: row.matches,
    errorMessage: row.error_message,
    counts: { planned: row.planned, copied: row.copied, applied: row.applied },
  };
}
