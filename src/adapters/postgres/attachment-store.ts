import type { AttachmentRecord, AttachmentStore, BaselineStep, EndedAttachment } from '../../ports/attachment-store.ts';
import type { AuditFact } from '../../ports/audit-log.ts';
import type { Database, SqlExecutor } from '../../ports/database.ts';
import type { RecorderLease } from '../../ports/history.ts';
import { StaleTokenError } from '../../ports/knowledge-graph.ts';
import { appendAudit } from './audit-log.ts';

interface AttachmentRow {
  readonly graph_id: number;
  readonly store_id: string;
  readonly source: AttachmentRecord['source'];
  readonly phase: AttachmentRecord['phase'];
  readonly cursor: string | null;
  readonly seen: bigint;
  readonly total: bigint;
  readonly keys_removed_seq: bigint | null;
  readonly stamp: string | null;
  readonly next_stamp: string | null;
}

interface EndedRow {
  readonly token: bigint;
  readonly secret_hash: string | null;
  readonly remove_keys: boolean;
  readonly stamps: readonly string[];
  readonly age: number;
}

/** Attachments in PostgreSQL. What a recorder changes is fenced by its lease, in the same statement. */
export class PostgresAttachmentStore implements AttachmentStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async get(graphId: number): Promise<AttachmentRecord | null> {
    const { rows } = await this.#database.query<AttachmentRow>('SELECT * FROM graph_attachments WHERE graph_id = $1', [
      graphId,
    ]);
    const [row] = rows;
    if (row === undefined) return null;
    return {
      graphId: row.graph_id,
      storeId: row.store_id,
      source: row.source,
      phase: row.phase,
      cursor: row.cursor,
      seen: row.seen,
      total: row.total,
      keysRemovedSeq: row.keys_removed_seq,
      stamp: row.stamp,
      nextStamp: row.next_stamp,
    };
  }

  begin(graphId: number, attachment: { storeId: string; total: bigint }, audit: AuditFact): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const { rows } = await tx.query<{ recorded: boolean }>(
        `UPDATE graphs SET capture_mode = 'BASELINE', capture_progress = 0, capture_error = NULL,
           epoch = epoch + CASE WHEN head_seq > 0 THEN 1 ELSE 0 END
         WHERE id = $1 AND capture_mode = 'OFF' RETURNING head_seq > 0 AS recorded`,
        [graphId],
      );
      const [graph] = rows;
      if (graph === undefined) return false;
      await tx.query(
        `INSERT INTO graph_attachments (graph_id, store_id, source, phase, total)
         VALUES ($1, $2, $3, 'PAGES', $4)
         ON CONFLICT (graph_id) DO UPDATE SET store_id = excluded.store_id, phase = 'PAGES', cursor = NULL, seen = 0, stamp = NULL, next_stamp = NULL,
           total = excluded.total, attached_at = now(),
           source = CASE WHEN graph_attachments.source = 'BASELINE' AND graph_attachments.phase <> 'DONE'
             THEN 'BASELINE' ELSE excluded.source END`,
        [graphId, attachment.storeId, graph.recorded ? 'RECONCILE' : 'BASELINE', attachment.total],
      );
      await appendAudit(tx, [audit]);
      return true;
    });
  }

  async noteStamp(graphId: number, stamp: { readonly next: string } | { readonly written: string }): Promise<void> {
    const [column, text] = 'next' in stamp ? ['next_stamp', stamp.next] : ['stamp', stamp.written];
    await this.#database.query(`UPDATE graph_attachments SET ${column} = $2 WHERE graph_id = $1`, [graphId, text]);
  }

  async noteStore(graphId: number, storeId: string): Promise<void> {
    await this.#database.query('UPDATE graph_attachments SET store_id = $2 WHERE graph_id = $1', [graphId, storeId]);
  }

  advance(lease: RecorderLease, { phase, cursor, seen, progress }: BaselineStep): Promise<void> {
    return this.#asRecorder(
      lease,
      'capture_progress = $4',
      async (tx) => {
        await tx.query('UPDATE graph_attachments SET phase = $2, cursor = $3, seen = $4 WHERE graph_id = $1', [
          lease.graphId,
          phase,
          cursor,
          seen,
        ]);
      },
      [progress],
    );
  }

  finish(lease: RecorderLease, mode: 'CONTINUOUS' | 'SCAN'): Promise<void> {
    return this.#asRecorder(
      lease,
      'capture_progress = 100, capture_mode = $4',
      async (tx) => {
        await tx.query(`UPDATE graph_attachments SET phase = 'DONE', cursor = NULL WHERE graph_id = $1`, [
          lease.graphId,
        ]);
      },
      [mode],
    );
  }

  end(graphId: number, audit: AuditFact, removeKeys = false): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const { count } = await tx.query(
        `UPDATE graphs SET capture_mode = 'OFF', capture_progress = 0, capture_error = NULL,
           recorder_token = recorder_token + 1, recorder_holder = NULL, recorder_expires_at = NULL
         WHERE id = $1 AND capture_mode <> 'OFF'`,
        [graphId],
      );
      if (count > 0) {
        // A trigger that an earlier detaching could not drop is still there, unless this capture had one, which was put in its place.
        await tx.query(
          `INSERT INTO ended_captures (graph_id, token, secret_hash, remove_keys, ended_at)
           SELECT g.id, g.recorder_token, encode(sha256(convert_to(s.secret, 'UTF8')), 'hex'), $2, clock_timestamp()
             FROM graphs g LEFT JOIN capture_secrets s ON s.graph_id = g.id WHERE g.id = $1
           ON CONFLICT (graph_id) DO UPDATE SET token = excluded.token, remove_keys = excluded.remove_keys, ended_at = excluded.ended_at,
             secret_hash = COALESCE(excluded.secret_hash, ended_captures.secret_hash)`,
          [graphId, removeKeys],
        );
        await tx.query('DELETE FROM capture_secrets WHERE graph_id = $1', [graphId]);
        await tx.query(
          `UPDATE verifications SET status = 'FAILED', progress = 100, error_message = 'the graph was detached',
             completed_at = clock_timestamp(), lease_holder = NULL, lease_expires_at = NULL
           WHERE graph_id = $1 AND status = 'RUNNING'`,
          [graphId],
        );
      }
      await appendAudit(tx, [audit]);
      return count > 0;
    });
  }

  async ended(graphId: number): Promise<EndedAttachment | null> {
    const { rows } = await this.#database.query<EndedRow>(
      `SELECT e.token, e.secret_hash, e.remove_keys, array_remove(ARRAY[a.stamp, a.next_stamp], NULL) AS stamps,
         extract(epoch FROM clock_timestamp() - e.ended_at)::float8 * 1000 AS age
       FROM ended_captures e LEFT JOIN graph_attachments a USING (graph_id) WHERE e.graph_id = $1`,
      [graphId],
    );
    const [row] = rows;
    if (row === undefined) return null;
    const { token, secret_hash: secretHash, remove_keys: removeKeys, stamps, age: ageMs } = row;
    return { token, secretHash, removeKeys, stamps, ageMs };
  }

  async noteKeysRemoved(graphId: number): Promise<void> {
    await this.#database.query('UPDATE ended_captures SET remove_keys = false WHERE graph_id = $1', [graphId]);
  }

  async forgetEnded(graphId: number, token: bigint): Promise<void> {
    await this.#database.query('DELETE FROM ended_captures WHERE graph_id = $1 AND token = $2', [graphId, token]);
  }

  async forgetKeys(graphId: number): Promise<void> {
    await this.#database.query(
      `UPDATE graph_attachments a SET keys_removed_seq = g.head_seq FROM graphs g WHERE g.id = $1 AND a.graph_id = g.id`,
      [graphId],
    );
  }

  /** Changes the graph's row as the holder of the lease. $1 to $3 are the lease's. */
  async #asRecorder(
    { graphId, holder, token }: RecorderLease,
    sets: string,
    rest: (tx: SqlExecutor) => Promise<void>,
    params: readonly unknown[] = [],
  ): Promise<void> {
    await this.#database.transaction(async (tx) => {
      const { count } = await tx.query(
        `UPDATE graphs SET ${sets} WHERE id = $1 AND recorder_holder = $2 AND recorder_token = $3 AND capture_mode <> 'OFF'`,
        [graphId, holder, token, ...params],
      );
      if (count === 0) throw new StaleTokenError(`the lease on recording graph ${graphId} was taken over`);
      await rest(tx);
    });
  }
}
