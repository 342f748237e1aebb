import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { FileBlobStore } from '../../src/adapters/blobs/file-blob-store.ts';
import { plain, readGraph } from '../support/api-graph.ts';
import { archivedGraph, blobsIn, settledPoint, storedArchive } from '../support/archives.ts';
import { type Place, places } from '../support/places.ts';
import { runFolder, startProcess } from '../support/processes.ts';
import { type Service, startService } from '../support/service.ts';

const child = fileURLToPath(new URL('./archive-child.ts', import.meta.url));

/** @returns how the service that goes on with the archive ended */
async function runUntil(place: Place, dataFolder: string, point: string, moment: string, count: number) {
  const environment = { ...process.env, PALINODE_TEST_RUN: runFolder() };
  const args = ['--no-warnings', child, place.where, dataFolder, point, moment, `${count}`];
  const running = startProcess(process.execPath, args, { env: environment });
  let output = '';
  for (const stream of [running.stdout, running.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
  const end = await new Promise((resolve) => running.on('exit', (code, signal) => resolve(signal ?? code)));
  if (end !== 0 && end !== 'SIGKILL') throw new Error(output);
  return end;
}

async function served<Result>(
  place: Place,
  dataFolder: string,
  work: (service: Service) => Promise<Result>,
): Promise<Result> {
  const database = await place.open();
  const service = await startService(database, { dataFolder, archiving: { chunkBytes: 2000 } });
  try {
    return await work(service);
  } finally {
    await service.stop();
    await database.close();
  }
}

describe.each(places)('an archive that is cut off by kill -9, on %s', (_, make) => {
  test('goes on where it stopped, holds every entity once, and leaves no blob behind', async () => {
    const place = await make();
    const dataFolder = mkdtempSync(join(runFolder(), 'data-'));
    try {
      const { point, before } = await served(place, dataFolder, async (service) => {
        const text = [{ name: 'text', value: 'some text '.repeat(8) }];
        const nodes = Array.from({ length: 80 }, (__, at) => ({
          putNode: { key: `n${at}`, labels: ['T'], set: text },
        }));
        const ends = nodes.map((__, at) => ({ type: 'NEXT', start: `n${at}`, end: `n${(at + 1) % 80}` }));
        const relationships = ends.map((each, at) => ({ putRelationship: { key: `r${at}`, ...each } }));
        await service.made('writeGraph', 'changed', { graph: 'demo', changes: [...nodes, ...relationships] });
        const made = await service.made('createRollbackPoint', 'id', { graph: 'demo', name: 'p' });
        return { point: made.id, before: await readGraph(service.client) };
      });
      // Begun as by a process that was killed right after the request: nobody writes it yet.
      const database = await place.open();
      await database.query(
        `WITH p AS (UPDATE rollback_points SET archiving_id = $1, progress = 0 RETURNING id)
         INSERT INTO point_archives (id, rollback_point_id, type, status) SELECT $1, id, 'FULL', 'RUNNING' FROM p`,
        ['00000000-0000-4000-8000-00000000a7c1'],
      );
      await database.close();
      // The first blob, one among the nodes, one among the relationships, and whatever comes next, each time from where it stopped.
      for (const [moment, count] of [
        ['before', 1],
        ['inside', 2],
        ['after', 2],
        ['before', 3],
        ['inside', 1],
      ] as const) {
        expect(await runUntil(place, dataFolder, point, moment, count)).toBe('SIGKILL');
      }
      expect(await runUntil(place, dataFolder, point, 'never', 0)).toBe(0);
      await served(place, dataFolder, async (service) => {
        const settled = await settledPoint(service.client, point);
        expect(settled).toMatchObject({ problems: [], progress: 100 });
        expect(settled.snapshots).toHaveLength(2);
        const stored = await storedArchive(service, settled.snapshots[1].id);
        expect(plain(archivedGraph(stored))).toEqual(plain(before));
        const needed = [...stored.chunks.map(({ blob }) => blob), stored.manifest];
        expect(blobsIn(dataFolder)).toEqual([...new Set(needed)].sort());
        expect(readdirSync(join(dataFolder, 'blobs', 'unfinished'))).toHaveLength(2);
        await new FileBlobStore(join(dataFolder, 'blobs')).sweep(0);
        expect(readdirSync(join(dataFolder, 'blobs', 'unfinished'))).toEqual([]);
        await service.made('validateRollbackPoint', 'id', { id: point });
        expect((await settledPoint(service.client, point)).status).toBe('VALID');
      });
    } finally {
      await place.dispose();
    }
  }, 240_000);
});
