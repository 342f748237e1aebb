import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { BlobStore } from '../../src/ports/blob-store.ts';
import { settledPoint } from '../support/archives.ts';
import { startService } from '../support/service.ts';

/**
 * A service that finds a point being archived and is killed at the n-th blob: `before` it is put, `inside`, when half of it is written, `after`,
 * or `never`. It ends by itself when the archive is there.
 */
const [, , where = '', dataFolder = '', pointId = '', moment = 'never', count = '0'] = process.argv;

let left = Number(count);

function deadly(blobs: BlobStore): BlobStore {
  const strike = (at: string): void => {
    if (at === moment && left === 0) process.kill(process.pid, 'SIGKILL');
  };
  const halved = async function* (content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of content) {
      const half = piece.byteLength >> 1;
      yield piece.subarray(0, half);
      strike('inside');
      yield piece.subarray(half);
    }
  };
  return {
    put: async (name, content) => {
      left -= 1;
      strike('before');
      await blobs.put(name, halved(content));
      strike('after');
    },
    get: (name) => blobs.get(name),
    exists: (name) => blobs.exists(name),
    delete: (name) => blobs.delete(name),
    sweep: (olderThanMs) => blobs.sweep(olderThanMs),
  };
}

const database = where.startsWith('postgres:')
  ? new PgDatabase({ url: where, poolSize: 8 })
  : await PgliteDatabase.open({ dataFolder: where });
const service = await startService(database, {
  dataFolder,
  archiving: { chunkBytes: 2000, leaseMs: 500, sweepMs: 100 },
  wrapBlobs: deadly,
});
await settledPoint(service.client, pointId);
await service.stop();
await database.close();
