import type { Connection } from '../connection.ts';
import { DEFAULT_KEY_PROPERTY, quotedKeyProperty } from '../names.ts';
import type { OwnMetadata } from '../own-metadata.ts';

/** Entities in one transaction. */
const BATCH = 10_000n;

/** Takes the service's own keys away again, in transactions of bounded size. A key property of the user's own stays. */
export async function removeKeys(connection: Connection, keyProperty: string, own: OwnMetadata): Promise<void> {
  if (keyProperty !== DEFAULT_KEY_PROPERTY) return;
  const key = quotedKeyProperty(keyProperty);
  for (const match of ['MATCH (e)', 'MATCH ()-[e]->()']) {
    const [row] = await connection.read(`${match} RETURN coalesce(max(id(e)) + 1, 0) AS end`);
    const end = typeof row?.end === 'bigint' ? row.end : 0n;
    for (let from = 0n; from < end; from += BATCH) {
      await connection.write({ metadata: await own.housekeeping() }, (tx) =>
        tx.run(`${match} WHERE id(e) IN range($from, $to) AND e.${key} IS NOT NULL REMOVE e.${key}`, {
          from,
          to: from + BATCH - 1n,
        }),
      );
    }
  }
}
