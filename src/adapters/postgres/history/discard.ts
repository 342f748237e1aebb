import type { Database, SqlExecutor } from '../../../ports/database.ts';
import type { RecorderLease } from '../../../ports/history.ts';
import { type Head, lockHead } from './head.ts';

const DISCARD = `
  DELETE FROM entity_versions WHERE graph_id = $1 AND valid_from_seq > $2`;

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
