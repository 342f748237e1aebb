import type { PointStatus } from '../../core/states.ts';
import type { AuditFact } from '../../ports/audit-log.ts';
import type { NewPoint, PointOrigin, PointRecord, PointSession } from '../../ports/point-store.ts';
import type { NewSession } from '../../ports/session-store.ts';
import { archiveInsert } from './archive-rows.ts';
import { auditInsert } from './audit-log.ts';
import { jsonText, type SqlParameters } from './sql-parameters.ts';

/** Operations that can still write. */
export const IN_FLIGHT = `status NOT IN ('COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED')`;

export interface PointRow {
  readonly id: string;
  readonly graph_id: number;
  readonly name: string;
  readonly status: PointStatus;
  readonly origin: PointOrigin;
  readonly seq: bigint | null;
  readonly epoch: number;
  readonly timestamp: Date;
  readonly expires_at: Date | null;
  readonly held: boolean;
  readonly session_id: string | null;
  readonly node_count: bigint | null;
  readonly relationship_count: bigint | null;
  readonly checksum: Uint8Array | null;
  readonly progress: number;
  readonly problems: readonly string[] | null;
  readonly deleted_at: Date | null;
  readonly archiving_id: string | null;
}

export function toPoint(row: PointRow): PointRecord {
  return {
    id: row.id,
    graphId: row.graph_id,
    name: row.name,
    status: row.status,
    origin: row.origin,
    seq: row.seq,
    epoch: row.epoch,
    timestamp: row.timestamp,
    expiresAt: row.expires_at,
    held: row.held,
    sessionId: row.session_id,
    nodeCount: row.node_count,
    relationshipCount: row.relationship_count,
    checksum: row.checksum,
    progress: row.progress,
    problems: row.problems ?? [],
    deletedAt: row.deleted_at,
    archivingId: row.archiving_id,
  };
}

/** The statement that pins a point: the point, its snapshot, the audit entry and, if asked for, the session that it opens. */
export function pinStatement(params: SqlParameters, point: NewPoint, audit: AuditFact, opens?: PointSession): string {
  const parts = [
    `moment AS (${momentOf(params, point)})`,
    `point AS (${pointInsert(params, point)})`,
    `snapshot AS (${snapshotInsert(params, point)})`,
  ];
  if (point.archiveId !== null) {
    const archive = { id: point.archiveId, scope: null, requestedBy: point.createdBy };
    parts.push(`archive AS (${archiveInsert(params, archive, 'point')})`);
  }
  if (opens !== undefined) {
    parts.push(`session AS (${sessionInsert(params, opens.session, 'point')})`);
    parts.push(`opened AS (${auditInsert(params, opens.audit, 'session')})`);
  }
  parts.push(`audit AS (${auditInsert(params, audit, 'point')})`);
  return `WITH ${parts.join(', ')} SELECT id FROM point`;
}

/** Opens a session once for each row of `source`; its id is the session's point. */
export function sessionInsert(params: SqlParameters, session: NewSession, source: string | null): string {
  const values = [
    params.add(session.id, 'text'),
    params.add(session.graphId, 'integer'),
    params.add(session.name, 'text'),
    params.add(session.actor, 'text'),
    params.add(session.label, 'text'),
    params.add(session.openedAt, 'timestamptz'),
    source === null ? 'NULL::uuid' : `${source}.id`,
  ];
  return `INSERT INTO sessions (id, graph_id, name, actor, label, opened_at, point_id)
    SELECT ${values.join(', ')} ${source === null ? '' : `FROM ${source}`} RETURNING id`;
}

function momentOf(params: SqlParameters, point: NewPoint): string {
  return `SELECT seq, time, epoch, node_count, relationship_count, checksum FROM graph_transactions
    WHERE graph_id = ${params.add(point.graphId)} AND seq = ${params.add(point.seq)}`;
}

function pointInsert(params: SqlParameters, point: NewPoint): string {
  const createdAt = params.add(point.createdAt, 'timestamptz');
  const given = [
    params.add(point.id, 'uuid'),
    params.add(point.graphId, 'integer'),
    params.add(point.name, 'text'),
    params.add(point.description, 'text'),
    params.add(point.expiresAt, 'timestamptz'),
    params.add(point.sessionId, 'text'),
    params.add(jsonText(point.metadata), 'jsonb'),
    params.add(point.origin, 'text'),
    params.add(point.held, 'boolean'),
    params.add(jsonText(point.schema), 'jsonb'),
    params.add(point.createdBy, 'text'),
    params.add(point.archiveId, 'uuid'),
    params.add(point.archiveId === null ? 100 : 0, 'integer'),
  ];
  return `INSERT INTO rollback_points (id, graph_id, name, description, expires_at, session_id, metadata, origin, held, schema,
      created_by, archiving_id, progress, created_at, updated_at, status, problems, timestamp, epoch, seq, node_count, relationship_count, checksum)
    SELECT ${given.join(', ')}, ${createdAt}, ${createdAt}, 'STORED', '{}',
      time, epoch, seq, node_count, relationship_count, checksum FROM moment RETURNING *`;
}

function snapshotInsert(params: SqlParameters, point: NewPoint): string {
  return `INSERT INTO rollback_snapshots
      (id, rollback_point_id, type, data, size_bytes, checksum, compression_type, created_at, problems)
    SELECT ${params.add(point.snapshotId, 'uuid')}, point.id, 'CHANGE_LOG', content.data, octet_length(content.data::text),
      ${snapshotChecksum('content.data')}, 'NONE', point.created_at, '{}'
    FROM point CROSS JOIN LATERAL (SELECT jsonb_build_object('seq', point.seq::text, 'epoch', point.epoch,
      'nodeCount', point.node_count::text, 'relationshipCount', point.relationship_count::text,
      'checksum', encode(point.checksum, 'hex'), 'schema', point.schema) AS data) content RETURNING 1`;
}

/** SHA-256 of what is stored inline. */
export function snapshotChecksum(data: string): string {
  return `encode(sha256(convert_to(${data}::text, 'UTF8')), 'hex')`;
}
