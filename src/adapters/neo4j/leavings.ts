import type { EndedCapture } from '../../ports/knowledge-graph.ts';
import type { Connection } from './connection.ts';
import { removeKeys } from './entities/keys.ts';
import { MARKER_LABEL, OUTBOX_LABEL } from './names.ts';
import type { CaptureParts } from './neo4j-graph.ts';
import type { OwnMetadata } from './own-metadata.ts';

type Parts = Pick<CaptureParts, 'connection' | 'own' | 'keyProperty'>;

const NODES_PER_DELETE = 500;

/** All that a capture keeps in the graph beside its trigger, which must not run any more: it would write again what is removed here. */
export async function removeEverything(parts: Parts, { removeKeys: alsoKeys }: { readonly removeKeys: boolean }) {
  const { connection, keyProperty, own } = parts;
  await removeOutbox(connection, own, async () => true);
  await connection.write({ metadata: await own.housekeeping() }, (tx) =>
    tx.run(`MATCH (m:${MARKER_LABEL}) DETACH DELETE m`),
  );
  if (alsoKeys) await removeKeys(connection, keyProperty, own);
}

/**
 * The same of a capture that has ended, once no trigger runs. A stamp that it did not write is of another service, whose trigger is away for a
 * while: its markers and its outbox stay. A secret is made before a trigger is installed: with one, what is in the outbox is of the capture that
 * begins, or about to be.
 */
export async function removeLeavings(parts: Parts, ended: EndedCapture): Promise<void> {
  const { connection, own } = parts;
  const isBetween = async (): Promise<boolean> => (await own.secretHash()) === null;
  if (ended.isCapturedAgain) return removeOutbox(connection, own, isBetween);
  const stamps = await connection.read(`MATCH (m:${MARKER_LABEL} {id: 'stamp'}) RETURN m.text AS text LIMIT 10`);
  if (stamps.some(({ text }) => !ended.stamps.some((known) => known === text))) return;
  await removeOutbox(connection, own, isBetween);
  if (await isBetween()) await removeEverything(parts, ended);
}

/** In transactions of bounded size, as long as `goesOn`. */
async function removeOutbox(connection: Connection, own: OwnMetadata, goesOn: () => Promise<boolean>): Promise<void> {
  while (await goesOn()) {
    const rows = await connection.write({ metadata: await own.housekeeping() }, (tx) =>
      tx.run(`MATCH (o:${OUTBOX_LABEL}) WITH o LIMIT ${NODES_PER_DELETE} DETACH DELETE o RETURN count(o) AS removed`),
    );
    if (rows[0]?.removed === 0n) return;
  }
}
