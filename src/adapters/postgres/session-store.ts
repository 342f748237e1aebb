import type { AuditFact } from '../../ports/audit-log.ts';
import { type Database, DatabaseError, SqlState } from '../../ports/database.ts';
import { type NewSession, SessionOpenError, type SessionRecord, type SessionStore } from '../../ports/session-store.ts';
import { auditInsert } from './audit-log.ts';
import { sessionInsert } from './point-sql.ts';
import { SqlParameters } from './sql-parameters.ts';

interface SessionRow {
  readonly id: string;
  readonly graph_id: number;
  readonly name: string;
  readonly actor: string;
  readonly label: string | null;
  readonly opened_at: Date;
  readonly closed_at: Date | null;
  readonly last_write_at: Date | null;
  readonly point_id: string | null;
  readonly rollback_id: string | null;
}

/** Sessions in PostgreSQL. */
export class PostgresSessionStore implements SessionStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async get(id: string): Promise<SessionRecord | null> {
    if (id.includes('\0')) return null;
    const [row] = await this.#rows('WHERE id = $1', [id]);
    return row ?? null;
  }

  async newest(graphId: number, name: string, actor: string): Promise<SessionRecord | null> {
    const where = 'WHERE graph_id = $1 AND name = $2 AND actor = $3 ORDER BY opened_at DESC, id DESC LIMIT 1';
    const [row] = await this.#rows(where, [graphId, name, actor]);
    return row ?? null;
  }

  named(graphId: number, name: string, limit: number): Promise<readonly SessionRecord[]> {
    const where = 'WHERE graph_id = $1 AND name = $2 ORDER BY opened_at DESC, id DESC LIMIT $3';
    return this.#rows(where, [graphId, name, limit]);
  }

  async open(session: NewSession, audit: AuditFact | null): Promise<void> {
    const params = new SqlParameters();
    const insert = sessionInsert(params, session, null);
    try {
      await this.#database.query(`WITH opened AS (${insert}) ${audited(params, audit, 'opened')}`, params.values);
    } catch (error) {
      throw asSessionOpen(error);
    }
  }

  async close(id: string, at: Date, audit: AuditFact | null): Promise<boolean> {
    if (id.includes('\0')) return false;
    const params = new SqlParameters();
    const update = `UPDATE sessions SET closed_at = greatest(${params.add(at, 'timestamptz')}, opened_at)
      WHERE id = ${params.add(id)} AND closed_at IS NULL RETURNING id`;
    const text = `WITH closed AS (${update}) ${audited(params, audit, 'closed')}`;
    const { rows } = await this.#database.query(text, params.values);
    return rows.length === 1;
  }

  async setRollback(id: string, operationId: string): Promise<void> {
    await this.#database.query('UPDATE sessions SET rollback_id = $2 WHERE id = $1', [id, operationId]);
  }

  async touch(writes: ReadonlyMap<string, Date>): Promise<void> {
    if (writes.size === 0) return;
    // In one order, so that two instances cannot wait for each other.
    const sorted = [...writes].sort(([a], [b]) => (a < b ? -1 : 1));
    await this.#database.query(
      `WITH written AS MATERIALIZED (SELECT s.id, w.at FROM unnest($1::text[], $2::timestamptz[]) AS w(id, at)
         JOIN sessions s ON s.id = w.id ORDER BY s.id FOR NO KEY UPDATE OF s)
       UPDATE sessions s SET last_write_at = greatest(s.last_write_at, written.at) FROM written WHERE s.id = written.id`,
      [sorted.map(([id]) => id), sorted.map(([, at]) => at)],
    );
  }

  async #rows(where: string, params: readonly unknown[]): Promise<readonly SessionRecord[]> {
    const { rows } = await this.#database.query<SessionRow>(`SELECT * FROM sessions ${where}`, params);
    return rows.map(toSession);
  }
}

/** The driver's error as the port's when a session of the same name and actor is open. */
export function asSessionOpen(error: unknown): unknown {
  const taken =
    error instanceof DatabaseError &&
    error.code === SqlState.uniqueViolation &&
    error.constraint === 'sessions_open_key';
  return taken ? new SessionOpenError('a session of that name is open') : error;
}

function audited(params: SqlParameters, audit: AuditFact | null, source: string): string {
  const entry = audit === null ? '' : `, audit AS (${auditInsert(params, audit, source)})`;
  return `${entry} SELECT id FROM ${source}`;
}

function toSession(row: SessionRow): SessionRecord {
  return {
    id: row.id,
    graphId: row.graph_id,
    name: row.name,
    actor: row.actor,
    label: row.label,
    openedAt: row.opened_at,
    closedAt: row.closed_at,
    lastWriteAt: row.last_write_at,
    pointId: row.point_id,
    rollbackId: row.rollback_id,
  };
}
