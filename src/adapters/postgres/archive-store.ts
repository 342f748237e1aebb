import type { Scope } from '../../core/scope.ts';
import type {
  ArchivePart,
  ArchiveProgress,
  ArchiveRecord,
  ArchiveSnapshot,
  ArchiveStore,
  NewArchive,
  NewArchiveSnapshot,
} from '../../ports/archive-store.ts';
import type { AuditFact } from '../../ports/audit-log.ts';
import type { Database, SqlExecutor } from '../../ports/database.ts';
import { freeArchives, removeFreedBlobs } from './archive-freeing.ts';
import { type ArchiveRow, archiveInsert, codeOfKind, type PartRow, toArchive, toPart } from './archive-rows.ts';
import { appendAudit, auditInsert } from './audit-log.ts';
import { snapshotChecksum } from './point-sql.ts';
import { isUuid, jsonText, SqlParameters } from './sql-parameters.ts';

const UNTIL = `clock_timestamp() + make_interval(secs => $3::double precision / 1000)`;
const THERE = `EXISTS (SELECT FROM rollback_points p WHERE p.id = a.rollback_point_id AND p.deleted_at IS NULL AND p.status <> 'EXPIRED')`;
const HELD = `a.id = $1 AND a.lease_holder = $2 AND a.status = 'RUNNING' AND ${THERE}`;
const UNHELD = `a.status = 'RUNNING' AND (a.lease_holder IS NULL OR a.lease_expires_at <= clock_timestamp()) AND ${THERE}`;

/** Archives and the notes of their blobs, in PostgreSQL. */
export class PostgresArchiveStore implements ArchiveStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(archive: NewArchive, audit: AuditFact): Promise<boolean> {
    if (!isUuid(archive.pointId)) return false;
    const params = new SqlParameters();
    const id = params.add(archive.id, 'uuid');
    const point = `UPDATE rollback_points SET archiving_id = ${id}, progress = 0, updated_at = clock_timestamp()
      WHERE id = ${params.add(archive.pointId, 'uuid')} AND archiving_id IS NULL AND deleted_at IS NULL
        AND status IN ('STORED', 'VALID', 'INVALID') RETURNING id`;
    const insert = archiveInsert(params, archive, 'point');
    const { rows } = await this.#database.query(
      `WITH point AS (${point}), archive AS (${insert}), audit AS (${auditInsert(params, audit, 'archive')}) SELECT id FROM archive`,
      params.values,
    );
    return rows.length === 1;
  }

  async get(id: string): Promise<ArchiveRecord | null> {
    if (!isUuid(id)) return null;
    const { rows } = await this.#database.query<ArchiveRow>('SELECT * FROM point_archives WHERE id = $1', [id]);
    return rows[0] === undefined ? null : toArchive(rows[0]);
  }

  async find(pointId: string, scope: Scope | null): Promise<string | null> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT a.id FROM point_archives a WHERE a.rollback_point_id = $1 AND a.scope IS NOT DISTINCT FROM $2::jsonb AND (a.status = 'RUNNING'
         OR a.status = 'DONE' AND EXISTS (SELECT FROM rollback_snapshots s WHERE s.id = a.id AND s.problems = '{}')) LIMIT 1`,
      [pointId, jsonText(scope)],
    );
    return rows[0]?.id ?? null;
  }

  async count(pointId: string): Promise<number> {
    const { rows } = await this.#database.query<{ count: bigint }>(
      `SELECT count(*) FROM point_archives WHERE rollback_point_id = $1 AND status = 'DONE'`,
      [pointId],
    );
    return Number(rows[0]?.count ?? 0);
  }

  async acquire(id: string, holder: string, ttlMs: number): Promise<ArchiveRecord | null> {
    const { rows } = await this.#database.query<ArchiveRow>(
      `UPDATE point_archives a SET lease_holder = $2, lease_expires_at = ${UNTIL} WHERE a.id = $1 AND ${UNHELD} RETURNING *`,
      [id, holder, ttlMs],
    );
    return rows[0] === undefined ? null : toArchive(rows[0]);
  }

  async renew(id: string, holder: string, ttlMs: number): Promise<boolean> {
    const set = `UPDATE point_archives a SET lease_expires_at = ${UNTIL} WHERE ${HELD}`;
    return (await this.#database.query(set, [id, holder, ttlMs])).count > 0;
  }

  async release(id: string, holder: string): Promise<void> {
    const set =
      'UPDATE point_archives SET lease_holder = NULL, lease_expires_at = NULL WHERE id = $1 AND lease_holder = $2';
    await this.#database.query(set, [id, holder]);
  }

  async forgetLeases(): Promise<void> {
    await this.#database.query(
      `UPDATE point_archives SET lease_holder = NULL, lease_expires_at = NULL WHERE status = 'RUNNING'`,
    );
  }

  note(id: string, holder: string, part: ArchivePart): Promise<boolean> {
    return this.#whileHeld(id, holder, async (tx) => {
      await tx.query('INSERT INTO blobs (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET freed_at = NULL', [
        part.blob,
      ]);
      await tx.query(
        `UPDATE blobs SET freed_at = clock_timestamp() FROM archive_blobs b
         WHERE b.archive_id = $1 AND b.no = $2 AND b.blob <> $3 AND blobs.name = b.blob`,
        [id, part.no, part.blob],
      );
      await tx.query(
        `INSERT INTO archive_blobs (archive_id, no, blob, kind, entities, bytes, stored_bytes, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (archive_id, no) DO UPDATE SET blob = excluded.blob, kind = excluded.kind, entities = excluded.entities,
           bytes = excluded.bytes, stored_bytes = excluded.stored_bytes, hash = excluded.hash`,
        [id, part.no, part.blob, codeOfKind(part.kind), part.entities, part.bytes, part.storedBytes, part.hash],
      );
    });
  }

  async advance(id: string, holder: string, progress: ArchiveProgress): Promise<boolean> {
    const { kind, cursor, chunks, scanned, nodes, relationships, bytes, storedBytes, checksum } = progress;
    const { count } = await this.#database.query(
      `UPDATE point_archives a SET kind = $3, cursor = $4, chunks = $5, scanned = $6, nodes = $7, relationships = $8, bytes = $9,
         stored_bytes = $10, checksum = $11 WHERE ${HELD}`,
      [id, holder, codeOfKind(kind), cursor, chunks, scanned, nodes, relationships, bytes, storedBytes, checksum],
    );
    return count > 0;
  }

  async parts(id: string, after: number, limit: number): Promise<readonly ArchivePart[]> {
    const { rows } = await this.#database.query<PartRow>(
      'SELECT * FROM archive_blobs WHERE archive_id = $1 AND no > $2 ORDER BY no LIMIT $3',
      [id, after, limit],
    );
    return rows.map(toPart);
  }

  finish(id: string, holder: string, snapshot: NewArchiveSnapshot, audit: AuditFact): Promise<boolean> {
    return this.#whileHeld(id, holder, async (tx) => {
      const { rows } = await tx.query<{ id: string }>(
        `SELECT old.id FROM point_archives a JOIN point_archives old ON old.rollback_point_id = a.rollback_point_id
           AND old.status = 'DONE' AND old.scope IS NOT DISTINCT FROM a.scope WHERE a.id = $1`,
        [id],
      );
      await freeArchives(
        tx,
        rows.map((row) => row.id),
        'FREED',
      );
      await tx.query(
        `INSERT INTO rollback_snapshots (id, rollback_point_id, type, data, size_bytes, checksum, compression_type, created_at, problems, scope)
         SELECT a.id, a.rollback_point_id, a.type, content.data, $2, ${snapshotChecksum('content.data')}, $3, clock_timestamp(), '{}', a.scope
         FROM point_archives a CROSS JOIN (SELECT $4::jsonb AS data) content WHERE a.id = $1`,
        [id, snapshot.sizeBytes, snapshot.compressionType, jsonText(snapshot.data)],
      );
      await tx.query(
        `UPDATE point_archives SET status = 'DONE', completed_at = clock_timestamp(), lease_holder = NULL, lease_expires_at = NULL WHERE id = $1`,
        [id],
      );
      await settlePoint(tx, id, null);
      await appendAudit(tx, [audit]);
    });
  }

  fail(id: string, holder: string, message: string, audit: AuditFact): Promise<boolean> {
    return this.#whileHeld(id, holder, async (tx) => {
      await tx.query('UPDATE point_archives SET error_message = $2 WHERE id = $1', [id, message]);
      await freeArchives(tx, [id], 'FAILED');
      await settlePoint(tx, id, message);
      await appendAudit(tx, [audit]);
    });
  }

  async abandoned(limit: number): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT a.id FROM point_archives a WHERE ${UNHELD} ORDER BY a.created_at LIMIT $1`,
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  async snapshots(pointId: string): Promise<readonly ArchiveSnapshot[]> {
    const { rows } = await this.#database.query<ArchiveSnapshot>(
      `SELECT id, type, data FROM rollback_snapshots WHERE rollback_point_id = $1 AND type IN ('FULL', 'PARTIAL') ORDER BY created_at, id`,
      [pointId],
    );
    return rows;
  }

  freeGone(limit: number, audit: AuditFact): Promise<readonly string[]> {
    return this.#database.transaction(async (tx) => {
      const { rows } = await tx.query<{ id: string; rollback_point_id: string }>(
        `SELECT a.id, a.rollback_point_id FROM point_archives a WHERE a.status IN ('RUNNING', 'DONE') AND NOT ${THERE}
         ORDER BY a.id LIMIT $1 FOR UPDATE SKIP LOCKED`,
        [limit],
      );
      if (rows.length === 0) return [];
      const ids = rows.map(({ id }) => id);
      await freeArchives(tx, ids, 'FREED');
      await tx.query(
        'UPDATE rollback_points SET archiving_id = NULL, progress = 100 WHERE archiving_id = ANY($1::uuid[])',
        [ids],
      );
      await appendAudit(
        tx,
        rows.map((row) => ({ ...audit, pointId: row.rollback_point_id, data: { ...audit.data, archive: row.id } })),
      );
      return rows.map((row) => row.rollback_point_id);
    });
  }

  async giveUp(blob: string): Promise<void> {
    await this.#database.query(
      'INSERT INTO blobs (name, freed_at) VALUES ($1, clock_timestamp()) ON CONFLICT (name) DO UPDATE SET freed_at = excluded.freed_at',
      [blob],
    );
  }

  removeFreed(limit: number, remove: (blob: string) => Promise<void>): Promise<number> {
    return removeFreedBlobs(this.#database, limit, remove);
  }

  /** @returns false, and does nothing, when the lease was lost */
  #whileHeld(id: string, holder: string, work: (tx: SqlExecutor) => Promise<void>): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const { rows } = await tx.query(`SELECT FROM point_archives a WHERE ${HELD} FOR UPDATE`, [id, holder]);
      if (rows.length === 0) return false;
      await work(tx);
      return true;
    });
  }
}

/** The point is no longer being archived; what went wrong stands among its problems, once. */
async function settlePoint(tx: SqlExecutor, archiveId: string, problem: string | null): Promise<void> {
  await tx.query(
    `UPDATE rollback_points SET archiving_id = NULL, progress = 100, updated_at = clock_timestamp(),
       problems = CASE WHEN $2::text IS NULL THEN problems ELSE array_append(array_remove(problems, $2), $2) END WHERE archiving_id = $1`,
    [archiveId, problem],
  );
}
