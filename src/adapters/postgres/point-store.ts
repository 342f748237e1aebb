import type { SchemaItem } from '../../core/schema-changes.ts';
import type { AuditFact } from '../../ports/audit-log.ts';
import type { Database } from '../../ports/database.ts';
import type {
  NewPoint,
  PointPatch,
  PointRecord,
  PointSession,
  PointStore,
  PointTransition,
  SnapshotCheck,
} from '../../ports/point-store.ts';
import { auditInsert } from './audit-log.ts';
import { IN_FLIGHT, type PointRow, pinStatement, snapshotChecksum, toPoint } from './point-sql.ts';
import { asSessionOpen } from './session-store.ts';
import { isUuid, SqlParameters } from './sql-parameters.ts';

const NOT_NEEDED = `NOT EXISTS (SELECT FROM rollback_operations o
  WHERE (o.target_rollback_point_id = p.id OR o.safety_point_id = p.id) AND o.${IN_FLIGHT})`;

const EXPIRED: AuditFact = {
  type: 'POINT_EXPIRED',
  data: {},
  actor: null,
  ip: null,
  userAgent: null,
  pointId: null,
  operationId: null,
};

/** Points in PostgreSQL. */
export class PostgresPointStore implements PointStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(point: NewPoint, audit: AuditFact, opens?: PointSession): Promise<boolean> {
    const params = new SqlParameters();
    const text = pinStatement(params, point, audit, opens);
    try {
      const { rows } = await this.#database.query(text, params.values);
      return rows.length === 1;
    } catch (error) {
      throw asSessionOpen(error);
    }
  }

  async get(id: string): Promise<PointRecord | null> {
    if (!isUuid(id)) return null;
    const { rows } = await this.#database.query<PointRow>('SELECT * FROM rollback_points WHERE id = $1', [id]);
    const [row] = rows;
    return row === undefined ? null : toPoint(row);
  }

  update(id: string, patch: PointPatch, at: Date, audit: AuditFact): Promise<boolean> {
    const params = new SqlParameters();
    const columns = [
      ['name', patch.name, 'text'],
      ['description', patch.description, 'text'],
      ['expires_at', patch.expiresAt, 'timestamptz'],
      ['held', patch.held, 'boolean'],
      ['updated_at', at, 'timestamptz'],
    ] as const;
    const set = columns.flatMap(([column, value, type]) =>
      value === undefined ? [] : [`${column} = ${params.add(value, type)}`],
    );
    return this.#change(params, id, set, `p.status <> 'EXPIRED'`, audit);
  }

  transition(
    id: string,
    { from, to, progress, problems }: PointTransition,
    at: Date,
    audit: AuditFact,
  ): Promise<boolean> {
    const params = new SqlParameters();
    const set = [
      `status = ${params.add(to, 'text')}`,
      `progress = ${params.add(progress, 'integer')}`,
      `problems = ${params.add(problems, 'text[]')}`,
      `updated_at = ${params.add(at, 'timestamptz')}`,
    ];
    const free = to === 'VALIDATING' ? ' AND p.archiving_id IS NULL' : '';
    return this.#change(params, id, set, `p.status = ${params.add(from)}${free}`, audit);
  }

  tombstone(id: string, at: Date, audit: AuditFact): Promise<boolean> {
    const params = new SqlParameters();
    const when = params.add(at, 'timestamptz');
    return this.#change(
      params,
      id,
      [`deleted_at = ${when}`, `updated_at = ${when}`],
      `NOT p.held AND ${NOT_NEEDED}`,
      audit,
    );
  }

  async readSchema(id: string): Promise<readonly SchemaItem[] | null> {
    if (!isUuid(id)) return null;
    const { rows } = await this.#database.query<{ schema: readonly SchemaItem[] | null }>(
      'SELECT schema FROM rollback_points WHERE id = $1',
      [id],
    );
    return rows[0]?.schema ?? null;
  }

  async setProgress(id: string, progress: number, at: Date): Promise<void> {
    await this.#database.query(
      'UPDATE rollback_points SET progress = greatest(progress, $2), updated_at = $3 WHERE id = $1',
      [id, progress, at],
    );
  }

  async stalledValidations(since: Date, limit: number): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM rollback_points WHERE status = 'VALIDATING' AND deleted_at IS NULL AND updated_at < $1
       ORDER BY updated_at LIMIT $2`,
      [since, limit],
    );
    return rows.map(({ id }) => id);
  }

  async setSnapshotProblems(snapshotId: string, problems: readonly string[]): Promise<void> {
    await this.#database.query('UPDATE rollback_snapshots SET problems = $2 WHERE id = $1', [snapshotId, problems]);
  }

  async checkSnapshots(id: string): Promise<readonly SnapshotCheck[]> {
    const { rows } = await this.#database.query<SnapshotCheck>(
      `SELECT id, type, data IS NULL OR checksum = ${snapshotChecksum('data')} AS undamaged
       FROM rollback_snapshots WHERE rollback_point_id = $1 ORDER BY created_at, id`,
      [id],
    );
    return rows;
  }

  async isNeeded(id: string): Promise<boolean> {
    const { rows } = await this.#database.query(
      `SELECT FROM rollback_operations WHERE (target_rollback_point_id = $1 OR safety_point_id = $1) AND ${IN_FLIGHT} LIMIT 1`,
      [id],
    );
    return rows.length > 0;
  }

  async expireDue(now: Date, limit: number): Promise<readonly string[]> {
    const params = new SqlParameters();
    const when = params.add(now, 'timestamptz');
    const due = `SELECT id FROM rollback_points p WHERE expires_at <= ${when} AND NOT held AND deleted_at IS NULL
      AND status IN ('STORED', 'VALID', 'INVALID') AND ${NOT_NEEDED} ORDER BY expires_at LIMIT ${params.add(limit)} FOR UPDATE SKIP LOCKED`;
    const audit = auditInsert(params, EXPIRED, 'expired', 'expired.id');
    const { rows } = await this.#database.query<{ id: string }>(
      `WITH due AS (${due}), expired AS (UPDATE rollback_points p SET status = 'EXPIRED', updated_at = ${when} FROM due WHERE p.id = due.id RETURNING p.id),
       audit AS (${audit}) SELECT id FROM expired`,
      params.values,
    );
    return rows.map(({ id }) => id);
  }

  async #change(
    params: SqlParameters,
    id: string,
    set: readonly string[],
    condition: string,
    audit: AuditFact,
  ): Promise<boolean> {
    if (!isUuid(id)) return false;
    const { rows } = await this.#database.query(
      `WITH changed AS (UPDATE rollback_points p SET ${set.join(', ')}
         WHERE p.id = ${params.add(id, 'uuid')} AND p.deleted_at IS NULL AND ${condition} RETURNING p.id),
       audit AS (${auditInsert(params, audit, 'changed')}) SELECT id FROM changed`,
      params.values,
    );
    return rows.length === 1;
  }
}
