import type { Database, SqlExecutor } from '../../../ports/database.ts';
import type { RecorderLease } from '../../../ports/history.ts';
import { type Head, lockHead } from './head.ts';

const DISCARD = `
  WITH gone AS (
    DELETE FROM entity_versions WHERE graph_id = $1 AND valid_from_seq > $2 RETURNING kind, key
  )
  UPDATE entity_versions v SET valid_to_seq = NULL FROM (
    SELECT latest.id FROM gone CROSS JOIN LATERAL (
      SELECT e.ctid AS id FROM entity_versions e
      WHERE e.graph_id = $1 AND e.kind = gone.kind AND e.key = gone.key AND e.valid_from_seq <= $2
      ORDER BY e.valid_from_seq DESC LIMIT 1
    ) latest
  ) reopened WHERE v.ctid = reopened.id`;

/** Takes back what is stored of an unfinished transaction. Its totals live with the head, so nothing else has to be undone. */
export async function discard(tx: SqlExecutor, head: Head): Promise<void> {
  await tx.query(DISCARD, [head.graphId, head.seq]);
  await tx.query('UPDATE graphs SET partial = NULL WHERE id = $1', [head.graphId]);
}

/** See `History.discardPartial`. */
export async function discardPartial(database: Database, lease: RecorderLease): Promise<void> {
  await database.transaction(async (tx) => {
    const head = await lockHead(tx, lease);
    if (head.partial !== null) await discard(tx, head);
  });
}
