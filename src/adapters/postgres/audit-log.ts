import { isIP } from 'node:net';
import type { AuditCheck, AuditFact, AuditLog } from '../../ports/audit-log.ts';
import type { Database, SqlExecutor } from '../../ports/database.ts';
import { SqlParameters } from './sql-parameters.ts';

const COLUMNS =
  '"id", "rollback_point_id", "operation_id", "event_type", "event_data", "user_id", "session_id", "ip_address", "user_agent", "created_at"';

/** The audit log. A trigger numbers, chains and hashes what is inserted. */
export class PostgresAuditLog implements AuditLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async append(facts: readonly AuditFact[]): Promise<void> {
    await appendAudit(this.#database, facts);
  }

  async verify(): Promise<AuditCheck> {
    const { rows } = await this.#database.query<{ entries: bigint; broken_at: bigint | null }>(
      `SELECT count(*) AS entries, min(seq) FILTER (WHERE hash IS DISTINCT FROM expected
         OR previous_hash IS DISTINCT FROM prior OR seq <> place) AS broken_at
       FROM (SELECT l.seq, l.hash, l.previous_hash, palinode_audit_hash(l) AS expected,
         lag(l.hash) OVER chain AS prior, row_number() OVER chain AS place
         FROM rollback_audit_log l WINDOW chain AS (ORDER BY l.seq)) entry`,
    );
    const [row] = rows;
    return { entries: row?.entries ?? 0n, brokenAt: row?.broken_at ?? null };
  }
}

/** Appends within whatever transaction `on` is. It locks the log until the commit, so it comes last. */
export async function appendAudit(on: SqlExecutor, facts: readonly AuditFact[]): Promise<void> {
  if (facts.length === 0) return;
  const params = new SqlParameters();
  const rows = facts.map((fact) => `(${auditValues(params, fact)})`);
  await on.query(`INSERT INTO rollback_audit_log (${COLUMNS}) VALUES ${rows.join(', ')}`, params.values);
}

/**
 * A CTE body that appends the fact once for each row of `source`, a CTE of the same statement. With `pointId`, an expression
 * over that row, each entry speaks of another point.
 */
export function auditInsert(params: SqlParameters, fact: AuditFact, source: string, pointId?: string): string {
  const values = auditValues(params, fact, pointId);
  return `INSERT INTO rollback_audit_log (${COLUMNS}) SELECT ${values} FROM ${source} RETURNING 1`;
}

function auditValues(params: SqlParameters, fact: AuditFact, pointId?: string): string {
  const values = [
    'gen_random_uuid()',
    pointId ?? params.add(fact.pointId, 'uuid'),
    params.add(fact.operationId, 'uuid'),
    params.add(fact.type, 'text'),
    params.add(JSON.stringify(fact.data, auditPart), 'jsonb'),
    params.add(storable(fact.actor), 'text'),
    params.add(fact.sessionId ?? null, 'text'),
    params.add(fact.ip !== null && isIP(fact.ip) > 0 && !fact.ip.includes('%') ? fact.ip : null, 'inet'),
    params.add(storable(fact.userAgent), 'text'),
    'clock_timestamp()',
  ];
  return values.join(', ');
}

function auditPart(_name: string, part: unknown): unknown {
  if (typeof part === 'bigint') return part.toString();
  return typeof part === 'string' ? storable(part) : part;
}

/** What PostgreSQL refuses in a text must not cost the entry. */
function storable(text: string | null): string | null {
  return text === null ? null : text.toWellFormed().replaceAll('\0', '\u2400');
}
