import { ZERO } from '../../core/checksum.ts';
import type { EntityKind } from '../../core/entities.ts';
import type { Scope } from '../../core/scope.ts';
import type { ArchivePart, ArchiveRecord, ArchiveType, NewArchive } from '../../ports/archive-store.ts';
import { jsonText, type SqlParameters } from './sql-parameters.ts';

export interface ArchiveRow {
  readonly id: string;
  readonly rollback_point_id: string;
  readonly type: ArchiveType;
  readonly scope: Scope | null;
  readonly status: ArchiveRecord['status'];
  readonly kind: number;
  readonly cursor: string | null;
  readonly chunks: number;
  readonly scanned: bigint;
  readonly nodes: bigint;
  readonly relationships: bigint;
  readonly bytes: bigint;
  readonly stored_bytes: bigint;
  readonly checksum: Uint8Array | null;
  readonly requested_by: string | null;
}

export interface PartRow {
  readonly no: number;
  readonly blob: string;
  readonly kind: number;
  readonly entities: bigint;
  readonly bytes: bigint;
  readonly stored_bytes: bigint;
  readonly hash: string;
}

export function toArchive(row: ArchiveRow): ArchiveRecord {
  return {
    id: row.id,
    pointId: row.rollback_point_id,
    type: row.type,
    scope: row.scope,
    status: row.status,
    kind: kindOf(row.kind),
    cursor: row.cursor,
    chunks: row.chunks,
    scanned: row.scanned,
    nodes: row.nodes,
    relationships: row.relationships,
    bytes: row.bytes,
    storedBytes: row.stored_bytes,
    checksum: row.checksum ?? ZERO,
    requestedBy: row.requested_by,
  };
}

export function toPart({ no, blob, kind, entities, bytes, stored_bytes, hash }: PartRow): ArchivePart {
  return { no, blob, kind: kindOf(kind), entities, bytes, storedBytes: stored_bytes, hash };
}

export function codeOfKind(kind: EntityKind): number {
  return kind === 'NODE' ? 0 : 1;
}

function kindOf(code: number): EntityKind {
  return code === 0 ? 'NODE' : 'RELATIONSHIP';
}

/** Begins an archive once for each row of `source`, whose id is the point's. */
export function archiveInsert(params: SqlParameters, archive: Omit<NewArchive, 'pointId'>, source: string): string {
  const { id, scope, requestedBy } = archive;
  return `INSERT INTO point_archives (id, rollback_point_id, type, scope, status, requested_by)
    SELECT ${params.add(id, 'uuid')}, ${source}.id, '${scope === null ? 'FULL' : 'PARTIAL'}', ${params.add(jsonText(scope), 'jsonb')}, 'RUNNING',
      ${params.add(requestedBy, 'text')} FROM ${source} RETURNING id`;
}
