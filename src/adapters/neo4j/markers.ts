import { type Marker, StaleTokenError } from '../../ports/knowledge-graph.ts';
import type { Statements } from './connection.ts';
import type { Locks } from './entities/locks.ts';
import { MARKER_LABEL } from './names.ts';

/** See `GraphTransaction.claimMarker`. */
export async function claimMarker(
  tx: Statements,
  locks: Locks,
  operation: string,
  token: bigint,
): Promise<Marker | null> {
  await locks.takeForOperation(tx, operation);
  const [row] = await tx.run(`MATCH (m:${MARKER_LABEL} {id: $id}) RETURN m.token AS token, m.batch AS batch`, {
    id: idOf(operation),
  });
  if (typeof row?.token !== 'bigint' || typeof row.batch !== 'bigint') return null;
  if (row.token > token) throw stale(operation, token);
  return { token: row.token, batch: row.batch };
}

/** See `GraphTransaction.setMarker`. */
export async function setMarker(tx: Statements, locks: Locks, operation: string, marker: Marker): Promise<void> {
  await locks.takeForOperation(tx, operation);
  const [row] = await tx.run(
    `MERGE (m:${MARKER_LABEL} {id: $id}) WITH m, m.token AS held
     FOREACH (_ IN CASE WHEN held IS NULL OR held <= $token THEN [1] ELSE [] END | SET m.token = $token, m.batch = $batch)
     RETURN held`,
    { id: idOf(operation), ...marker },
  );
  if (typeof row?.held === 'bigint' && row.held > marker.token) throw stale(operation, marker.token);
}

export async function forgetMarker(tx: Statements, locks: Locks, operation: string): Promise<void> {
  await locks.takeForOperation(tx, operation);
  await tx.run(`MATCH (m:${MARKER_LABEL} {id: $id}) DELETE m`, { id: idOf(operation) });
}

function idOf(operation: string): string {
  return `operation:${operation}`;
}

function stale(operation: string, token: bigint): StaleTokenError {
  return new StaleTokenError(`operation ${operation}: another instance took over since token ${token}`);
}
