import type { SqlExecutor } from '../../../ports/database.ts';
import type { RecorderLease } from '../../../ports/history.ts';

// The token grows when the holder changes, so that what the one before still has under way is refused. The database's clock
// decides: those of the instances may differ.
const ACQUIRE = `
  UPDATE graphs SET
    recorder_token = recorder_token + CASE WHEN recorder_holder = $2 THEN 0 ELSE 1 END,
    recorder_holder = $2,
    recorder_expires_at = now() + make_interval(secs => $3::float8 / 1000)
  WHERE id = $1 AND (recorder_holder IS NULL OR recorder_holder = $2 OR recorder_expires_at <= now())
  RETURNING recorder_token AS token`;

/** Takes or renews the right to record. Null while another holder's lease is alive, or when there is no such graph. */
export async function acquireLease(
  on: SqlExecutor,
  graphId: number,
  holder: string,
  ttlMs: number,
): Promise<RecorderLease | null> {
  const { rows } = await on.query<{ token: bigint }>(ACQUIRE, [graphId, holder, ttlMs]);
  return rows[0] === undefined ? null : { graphId, holder, token: rows[0].token };
}

export async function releaseLease(on: SqlExecutor, lease: RecorderLease): Promise<void> {
  await on.query(
    `UPDATE graphs SET recorder_holder = NULL, recorder_expires_at = NULL
     WHERE id = $1 AND recorder_holder = $2 AND recorder_token = $3`,
    [lease.graphId, lease.holder, lease.token],
  );
}
