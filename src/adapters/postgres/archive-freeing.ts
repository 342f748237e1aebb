import type { Database, SqlExecutor } from '../../ports/database.ts';

/** Ends archives that nobody is to have any more: their snapshots go, and their blobs are given up. */
export async function freeArchives(tx: SqlExecutor, ids: readonly string[], status: 'FREED' | 'FAILED'): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(
    `WITH given AS (DELETE FROM archive_blobs WHERE archive_id = ANY($1::uuid[]) RETURNING blob)
     UPDATE blobs SET freed_at = clock_timestamp() FROM (SELECT DISTINCT blob FROM given ORDER BY blob) AS g WHERE blobs.name = g.blob`,
    [ids],
  );
  await tx.query('DELETE FROM rollback_snapshots WHERE id = ANY($1::uuid[])', [ids]);
  await tx.query(
    `UPDATE point_archives SET status = $2, completed_at = coalesce(completed_at, clock_timestamp()), lease_holder = NULL, lease_expires_at = NULL
     WHERE id = ANY($1::uuid[])`,
    [ids, status],
  );
}

/**
 * Whoever notes a blob locks its row. So it is locked here first; only then is looked whether an archive has it, in a statement of its own, which sees
 * what was committed while the lock was waited for; and whoever notes it after that waits until it is gone, and puts it anew.
 */
export function removeFreedBlobs(
  database: Database,
  limit: number,
  remove: (blob: string) => Promise<void>,
): Promise<number> {
  return database.transaction(async (tx) => {
    const { rows } = await tx.query<{ name: string }>(
      'SELECT name FROM blobs WHERE freed_at IS NOT NULL ORDER BY freed_at LIMIT $1 FOR UPDATE SKIP LOCKED',
      [limit],
    );
    if (rows.length === 0) return 0;
    const names = rows.map(({ name }) => name);
    const { rows: unused } = await tx.query<{ name: string }>(
      `UPDATE blobs SET freed_at = CASE WHEN EXISTS (SELECT FROM archive_blobs b WHERE b.blob = name) THEN NULL ELSE freed_at END
       WHERE name = ANY($1::text[]) RETURNING CASE WHEN freed_at IS NULL THEN NULL ELSE name END AS name`,
      [names],
    );
    const gone = unused.flatMap(({ name }) => name ?? []);
    for (const name of gone) await remove(name);
    await tx.query('DELETE FROM blobs WHERE name = ANY($1::text[])', [gone]);
    return names.length;
  });
}
