import { hash, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { BlobContentError, BlobNotFoundError, type BlobStore, MAX_BLOB_BYTES } from '../../src/ports/blob-store.ts';

export interface OpenedBlobStore {
  /** Each opened for itself on the same place, as two instances have it. */
  readonly here: BlobStore;
  readonly there: BlobStore;
  /** How many puts left something unfinished behind. */
  unfinished(): Promise<number>;
  close(): Promise<void>;
}

export const nameOf = (content: Uint8Array): string => hash('sha256', content, 'hex');

export async function* piecesOf(...pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

export async function contentOf(blobs: BlobStore, name: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of blobs.get(name)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What every blob store must do. */
export function blobStoreContract(name: string, open: () => Promise<OpenedBlobStore>): void {
  describe(`blob store: ${name}`, () => {
    const using = async (work: (opened: OpenedBlobStore) => Promise<void>): Promise<void> => {
      const opened = await open();
      try {
        await work(opened);
      } finally {
        await opened.close();
      }
    };

    test('what was put is there, byte for byte, for everybody, until it is deleted', () =>
      using(async ({ here, there }) => {
        for (const content of [Buffer.alloc(0), Buffer.from('a'), randomBytes(3_000_000)]) {
          const blob = nameOf(content);
          expect(await there.exists(blob)).toBe(false);
          await here.put(blob, piecesOf(content.subarray(0, 1000), content.subarray(1000)));
          expect(await there.exists(blob)).toBe(true);
          expect((await contentOf(there, blob)).equals(content)).toBe(true);
          await there.delete(blob);
          expect(await here.exists(blob)).toBe(false);
          await expect(contentOf(here, blob)).rejects.toThrow(BlobNotFoundError);
          await here.delete(blob);
        }
      }));

    test('the pieces that are read are of bounded size', () =>
      using(async ({ here }) => {
        const content = randomBytes(5_000_000);
        await here.put(nameOf(content), piecesOf(content));
        let largest = 0;
        for await (const piece of here.get(nameOf(content))) largest = Math.max(largest, piece.byteLength);
        expect(largest).toBeLessThanOrEqual(1_048_576);
      }));

    test('putting again replaces what is there, from several places at once too', () =>
      using(async ({ here, there }) => {
        const content = randomBytes(100_000);
        const blob = nameOf(content);
        await Promise.all([here, there, here, there].map((store) => store.put(blob, piecesOf(content))));
        expect((await contentOf(here, blob)).equals(content)).toBe(true);
        await here.put(blob, piecesOf(content));
        expect((await contentOf(there, blob)).equals(content)).toBe(true);
      }));

    test('content that is not what its name says is refused, and what was there stays', () =>
      using(async ({ here, unfinished }) => {
        const blob = nameOf(Buffer.from('right'));
        await expect(here.put(blob, piecesOf(Buffer.from('wrong')))).rejects.toThrow(BlobContentError);
        expect(await here.exists(blob)).toBe(false);
        await here.put(blob, piecesOf(Buffer.from('right')));
        await expect(here.put(blob, piecesOf(Buffer.from('wrong')))).rejects.toThrow(BlobContentError);
        expect(`${await contentOf(here, blob)}`).toBe('right');
        expect(await unfinished()).toBe(0);
      }));

    test('content that breaks off is not stored', () =>
      using(async ({ here, unfinished }) => {
        const blob = nameOf(Buffer.from('whole'));
        const broken = async function* () {
          yield Buffer.from('who');
          throw new Error('the source is gone');
        };
        await expect(here.put(blob, broken())).rejects.toThrow('the source is gone');
        expect(await here.exists(blob)).toBe(false);
        expect(await unfinished()).toBe(0);
      }));

    test('content beyond the largest size is refused while it comes', () =>
      using(async ({ here, unfinished }) => {
        // One piece that claims to be too large: nothing of it is to be written.
        const piece = new Uint8Array(16);
        Object.defineProperty(piece, 'byteLength', { value: MAX_BLOB_BYTES + 1 });
        await expect(here.put(nameOf(piece.subarray()), piecesOf(piece))).rejects.toThrow(BlobContentError);
        expect(await unfinished()).toBe(0);
      }));

    test('a name that is none reaches nothing', () =>
      using(async ({ here }) => {
        const good = nameOf(Buffer.from('a'));
        const bad = [
          '',
          '..',
          '../../etc/passwd',
          `../${good.slice(3)}`,
          `${good}/..`,
          good.toUpperCase(),
          `${good}\0`,
          good.slice(1),
          `${good}\n`,
        ];
        for (const each of bad) {
          await expect(here.put(each, piecesOf(Buffer.from('a')))).rejects.toThrow(RangeError);
          await expect(contentOf(here, each)).rejects.toThrow(RangeError);
          await expect(here.exists(each)).rejects.toThrow(RangeError);
          await expect(here.delete(each)).rejects.toThrow(RangeError);
        }
      }));
  });
}
