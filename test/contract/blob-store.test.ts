import { mkdtempSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { FileBlobStore } from '../../src/adapters/blobs/file-blob-store.ts';
import { BlobStoreError } from '../../src/ports/blob-store.ts';
import { runFolder } from '../support/processes.ts';
import { blobStoreContract, contentOf, nameOf, piecesOf } from './blob-store.contract.ts';

const newFolder = (): string => join(mkdtempSync(join(runFolder(), 'blobs-')), 'made', 'when needed');
const unfinishedIn = (folder: string): Promise<string[]> => readdir(join(folder, 'unfinished')).catch(() => []);

blobStoreContract('files', async () => {
  const folder = newFolder();
  return {
    here: new FileBlobStore(folder),
    there: new FileBlobStore(folder),
    unfinished: async () => (await unfinishedIn(folder)).length,
    close: async () => {},
  };
});

const content = Buffer.from('some content');
const blob = nameOf(content);

test('files: nobody else on the machine can read blobs', async () => {
  const folder = newFolder();
  await new FileBlobStore(folder).put(blob, piecesOf(content));
  expect(statSync(folder).mode & 0o077).toBe(0);
  expect(statSync(join(folder, blob.slice(0, 2), blob)).mode & 0o077).toBe(0);
});

test('files: a damaged blob is mended by putting it again', async () => {
  const folder = newFolder();
  const blobs = new FileBlobStore(folder);
  await blobs.put(blob, piecesOf(content));
  await truncate(join(folder, blob.slice(0, 2), blob), 3);
  await blobs.put(blob, piecesOf(content));
  expect((await contentOf(blobs, blob)).equals(content)).toBe(true);
});

test('files: what an interrupted put left is swept once nothing was added to it for long', async () => {
  const folder = newFolder();
  const blobs = new FileBlobStore(folder);
  await blobs.sweep(1000);
  await blobs.put(blob, piecesOf(content));
  const [old, fresh] = ['old', 'fresh'].map((name) => join(folder, 'unfinished', name));
  for (const file of [old, fresh]) writeFileSync(`${file}`, 'half');
  utimesSync(`${old}`, new Date(0), new Date(0));
  await blobs.sweep(3_600_000);
  expect(await unfinishedIn(folder)).toEqual(['fresh']);
  expect(await blobs.exists(blob)).toBe(true);
});

test('files: what the file system refuses is said by its code, without the path', async () => {
  const folder = newFolder();
  const blobs = new FileBlobStore(folder);
  await blobs.put(blob, piecesOf(content));
  const occupied = new FileBlobStore(join(folder, blob.slice(0, 2), blob));
  const refused = occupied.put(blob, piecesOf(content));
  await expect(refused).rejects.toThrow(BlobStoreError);
  await expect(refused).rejects.toThrow(/^a blob could not be written \(ENOTDIR\)$/);
  const looped = newFolder();
  await new FileBlobStore(looped).put(blob, piecesOf(content));
  await new FileBlobStore(looped).delete(blob);
  symlinkSync(blob, join(looped, blob.slice(0, 2), blob));
  await expect(contentOf(new FileBlobStore(looped), blob)).rejects.toThrow(/^a blob could not be read \(ELOOP\)$/);
});
