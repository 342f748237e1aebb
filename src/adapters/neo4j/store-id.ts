import type { Connection } from './connection.ts';

/** The identity of the store behind the database: another one when it was restored, or dropped and made again. */
export async function readStoreId(connection: Connection): Promise<string> {
  const [row] = await connection.read('CALL db.info() YIELD id, creationDate RETURN id + " " + creationDate AS store');
  if (typeof row?.store !== 'string') throw new TypeError('not a store id');
  return row.store;
}
