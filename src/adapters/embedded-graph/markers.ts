import type { SqlExecutor } from '../../ports/database.ts';
import { type Marker, StaleTokenError } from '../../ports/knowledge-graph.ts';

/**
 * Locks an operation's marker for the rest of the transaction, also while there is none yet.
 * @throws StaleTokenError when it holds a newer token
 */
export async function claimMarker(
  tx: SqlExecutor,
  schema: string,
  operation: string,
  token: bigint,
): Promise<Marker | null> {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 1))`, [`${schema} ${operation}`]);
  const { rows } = await tx.query<Marker>(
    `SELECT token, batch FROM ${schema}.markers WHERE operation = $1 FOR UPDATE`,
    [operation],
  );
  const marker = rows[0] ?? null;
  if (marker !== null && marker.token > token) throw stale(operation, token);
  return marker;
}

/** @throws StaleTokenError when the marker holds a newer token */
export async function setMarker(tx: SqlExecutor, schema: string, operation: string, marker: Marker): Promise<void> {
  const { count } = await tx.query(
    `INSERT INTO ${schema}.markers AS m (operation, token, batch) VALUES ($1, $2, $3)
     ON CONFLICT (operation) DO UPDATE SET token = excluded.token, batch = excluded.batch WHERE m.token <= excluded.token`,
    [operation, marker.token, marker.batch],
  );
  if (count === 0) throw stale(operation, marker.token);
}

function stale(operation: string, token: bigint): StaleTokenError {
  return new StaleTokenError(`operation ${operation}: another instance took over since token ${token}`);
}
