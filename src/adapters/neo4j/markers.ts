import { hash } from 'node:crypto';
import { type EntityRef, entityId } from '../../core/entities.ts';
import { type Marker, StaleTokenError } from '../../ports/knowledge-graph.ts';
import type { Connection, Statements } from './connection.ts';
import type { Cypher } from './cypher.ts';
import { MARKER_LABEL } from './names.ts';

/** The constraint that makes two writers who create one marker wait for each other. */
const MARKER_CONSTRAINT = '_palinode_marker';
/** Locks that stand for all keys: few enough to take all of them, many enough that writers of a few keys seldom meet. */
const KEY_LOCKS = 64;

/** Creates what markers need. Idempotent. */
export async function installMarkers(connection: Connection): Promise<void> {
  await connection.command(
    `CREATE CONSTRAINT ${MARKER_CONSTRAINT} IF NOT EXISTS FOR (m:${MARKER_LABEL}) REQUIRE m.id IS UNIQUE`,
  );
}

export async function markersInstalled(connection: Connection): Promise<boolean> {
  const rows = await connection.read('SHOW CONSTRAINTS YIELD name WHERE name = $name', { name: MARKER_CONSTRAINT });
  return rows.length > 0;
}

/** Removes all markers and what they need. Idempotent. */
export async function removeMarkers(
  connection: Connection,
  metadata: Readonly<Record<string, unknown>>,
): Promise<void> {
  await connection.write({ metadata }, (tx) => tx.run(`MATCH (m:${MARKER_LABEL}) DELETE m`));
  await connection.command(`DROP CONSTRAINT ${MARKER_CONSTRAINT} IF EXISTS`);
}

/** See `GraphTransaction.claimMarker`. */
export async function claimMarker(
  tx: Statements,
  cypher: Cypher,
  operation: string,
  token: bigint,
): Promise<Marker | null> {
  const [row] = await tx.run(`${cypher.takeMarker} RETURN m.token AS token, m.batch AS batch`, {
    id: ofOperation(operation),
  });
  if (typeof row?.token !== 'bigint' || typeof row.batch !== 'bigint') return null;
  if (row.token > token) throw stale(operation, token);
  return { token: row.token, batch: row.batch };
}

/** See `GraphTransaction.setMarker`. */
export async function setMarker(tx: Statements, cypher: Cypher, operation: string, marker: Marker): Promise<void> {
  const [row] = await tx.run(
    `${cypher.takeMarker}, m.token AS held
     FOREACH (_ IN CASE WHEN held IS NULL OR held <= $token THEN [1] ELSE [] END | SET m.token = $token, m.batch = $batch)
     RETURN held`,
    { id: ofOperation(operation), ...marker },
  );
  if (typeof row?.held === 'bigint' && row.held > marker.token) throw stale(operation, marker.token);
}

export async function forgetMarker(tx: Statements, operation: string): Promise<void> {
  await tx.run(`MATCH (m:${MARKER_LABEL} {id: $id}) DELETE m`, { id: ofOperation(operation) });
}

/**
 * Makes writers of the same keys follow one another until their transactions end. Neo4j knows no unique property without a label, so it
 * alone would let two of them create one key.
 */
export async function lockKeys(tx: Statements, cypher: Cypher, refs: readonly EntityRef[]): Promise<void> {
  const numbers = new Set(refs.map((ref) => hash('sha256', entityId(ref), 'buffer').readUInt32BE() % KEY_LOCKS));
  const ids = [...numbers].sort((a, b) => a - b).map((number) => `keys:${number}`);
  await tx.run(
    `UNWIND $ids AS id CALL (id) { WITH id AS id ${cypher.takeMarker.replace('$id', 'id')} RETURN m } RETURN count(m)`,
    {
      ids,
    },
  );
}

function ofOperation(operation: string): string {
  return `operation:${operation}`;
}

function stale(operation: string, token: bigint): StaleTokenError {
  return new StaleTokenError(`operation ${operation}: another instance took over since token ${token}`);
}
