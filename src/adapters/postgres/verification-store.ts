import type { EntityChange, EntityRef, EntityState } from '../../core/entities.ts';
import type { AuditFact } from '../../ports/audit-log.ts';
import type { Database } from '../../ports/database.ts';
import type { VerificationEnd, VerificationRecord, VerificationStore } from '../../ports/verification-store.ts';
import { auditInsert } from './audit-log.ts';
import { isUuid, jsonText, SqlParameters } from './sql-parameters.ts';

interface VerificationRow {
  readonly id: string;
  readonly graph_id: number;
  readonly status: VerificationRecord['status'];
  readonly progress: number;
  readonly entities_checked: bigint;
  readonly matches: boolean | null;
  readonly transaction_seq: bigint | null;
  readonly error_message: string | null;
}

interface DifferenceRow {
  readonly kind: number;
  readonly key: string;
  readonly before: EntityState | null;
  readonly after: EntityState | null;
}

const UNTIL = `clock_timestamp() + make_interval(secs => $3::double precision / 1000)`;

/** Verifications and what they found, in PostgreSQL. */
export class PostgresVerificationStore implements VerificationStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(id: string, graphId: number, audit: AuditFact): Promise<boolean> {
    const params = new SqlParameters();
    const insert = `INSERT INTO verifications (id, graph_id, status)
      VALUES (${params.add(id, 'uuid')}, ${params.add(graphId)}, 'RUNNING')
      ON CONFLICT (graph_id) WHERE status = 'RUNNING' DO NOTHING RETURNING id`;
    const entry = auditInsert(params, audit, 'created');
    const { rows } = await this.#database.query(
      `WITH created AS (${insert}), audit AS (${entry}) SELECT id FROM created`,
      params.values,
    );
    return rows.length === 1;
  }

  async get(id: string): Promise<VerificationRecord | null> {
    if (!isUuid(id)) return null;
    const { rows } = await this.#database.query<VerificationRow>('SELECT * FROM verifications WHERE id = $1', [id]);
    const [row] = rows;
    if (row === undefined) return null;
    return {
      id: row.id,
      graphId: row.graph_id,
      status: row.status,
      progress: row.progress,
      entitiesChecked: row.entities_checked,
      matches: row.matches,
      transactionSeq: row.transaction_seq,
      errorMessage: row.error_message,
    };
  }

  async running(graphId: number): Promise<string | null> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM verifications WHERE graph_id = $1 AND status = 'RUNNING' ORDER BY created_at LIMIT 1`,
      [graphId],
    );
    return rows[0]?.id ?? null;
  }

  async acquire(id: string, holder: string, ttlMs: number): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const { count } = await tx.query(
        `UPDATE verifications SET lease_holder = $2, lease_expires_at = ${UNTIL}, progress = 0, entities_checked = 0
         WHERE id = $1 AND status = 'RUNNING' AND (lease_holder IS NULL OR lease_holder = $2 OR lease_expires_at <= clock_timestamp())`,
        [id, holder, ttlMs],
      );
      if (count > 0) await tx.query('DELETE FROM verification_differences WHERE verification_id = $1', [id]);
      return count > 0;
    });
  }

  async release(id: string, holder: string): Promise<void> {
    await this.#database.query(
      'UPDATE verifications SET lease_holder = NULL, lease_expires_at = NULL WHERE id = $1 AND lease_holder = $2',
      [id, holder],
    );
  }

  async abandoned(limit: number): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM verifications WHERE status = 'RUNNING' AND (lease_holder IS NULL OR lease_expires_at <= clock_timestamp())
       ORDER BY created_at LIMIT $1`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  async advance(id: string, holder: string, ttlMs: number, progress: number, checked: bigint): Promise<boolean> {
    const { count } = await this.#database.query(
      `UPDATE verifications SET lease_expires_at = ${UNTIL}, progress = greatest(progress, $4::integer), entities_checked = $5
       WHERE id = $1 AND lease_holder = $2 AND status = 'RUNNING'`,
      [id, holder, ttlMs, progress, checked],
    );
    return count > 0;
  }

  async addDifferences(id: string, firstNo: bigint, differences: readonly EntityChange[]): Promise<void> {
    await this.#database.query(
      `INSERT INTO verification_differences (verification_id, no, kind, key, before, after)
       SELECT $1, $2 + d.place - 1, d.kind, d.key, d.before::jsonb, d.after::jsonb
       FROM unnest($3::smallint[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS d(kind, key, before, after, place)`,
      [
        id,
        firstNo,
        differences.map(({ kind }) => (kind === 'NODE' ? 0 : 1)),
        differences.map(({ key }) => key),
        differences.map(({ before }) => jsonText(before)),
        differences.map(({ after }) => jsonText(after)),
      ],
    );
  }

  async differences(id: string, after: EntityRef | null, limit: number): Promise<readonly EntityChange[]> {
    const { rows } = await this.#database.query<DifferenceRow>(
      `SELECT kind, key, before, after FROM verification_differences
       WHERE verification_id = $1 AND (kind, key) > ($2::smallint, $3 COLLATE "C") ORDER BY kind, key LIMIT $4`,
      [id, after === null ? -1 : after.kind === 'NODE' ? 0 : 1, after?.key ?? '', limit],
    );
    return rows.map(({ kind, ...row }) => ({ kind: kind === 0 ? 'NODE' : 'RELATIONSHIP', ...row }));
  }

  async finish(id: string, holder: string, end: VerificationEnd, audit: AuditFact): Promise<boolean> {
    const params = new SqlParameters();
    const update = `UPDATE verifications SET status = ${params.add(end.status)}, progress = 100, matches = ${params.add(end.matches, 'boolean')},
      entities_checked = ${params.add(end.entitiesChecked)}, transaction_seq = ${params.add(end.transactionSeq, 'bigint')},
      error_message = ${params.add(end.errorMessage, 'text')}, completed_at = clock_timestamp(), lease_holder = NULL, lease_expires_at = NULL
      WHERE id = ${params.add(id, 'uuid')} AND lease_holder = ${params.add(holder)} AND status = 'RUNNING' RETURNING id`;
    const { rows } = await this.#database.query(
      `WITH ended AS (${update}), audit AS (${auditInsert(params, audit, 'ended')}) SELECT id FROM ended`,
      params.values,
    );
    return rows.length === 1;
  }
}
