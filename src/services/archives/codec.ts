import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { StateError } from '../../core/errors.ts';
import { BlobNotFoundError, type BlobStore } from '../../ports/blob-store.ts';

/** As snapshots name it. */
export const COMPRESSION = 'ZSTD';

/** How content is stored: the blob's name is the SHA-256 of what is stored, `hash` that of the content; both hexadecimal. */
export interface StoredContent {
  readonly blob: string;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly hash: string;
}

export interface PackedContent extends StoredContent {
  readonly packed: Uint8Array;
}

/** What is stored is not what was stored: the message says in what way. */
export class DamagedContent extends Error {
  override readonly name = 'DamagedContent';
}

export interface Zstd {
  readonly compress: (content: Uint8Array) => Promise<Uint8Array>;
  /** Fails when there is more than `limit` in it. */
  readonly decompress: (packed: Uint8Array, limit: number) => Promise<Uint8Array>;
}

/** @throws StateError where the Node.js that runs has no zstd: it came with 22.15 */
export function zstdOf(module: Partial<Pick<typeof zlib, 'zstdCompress' | 'zstdDecompress'>>): Zstd {
  const { zstdCompress, zstdDecompress } = module;
  if (zstdCompress === undefined || zstdDecompress === undefined) {
    throw new StateError(
      `archives need zstd, which Node.js ${process.version} does not have: run Node.js 24`,
      'UNAVAILABLE',
    );
  }
  const compress = promisify<Uint8Array, Uint8Array>(zstdCompress);
  const decompress = promisify<Uint8Array, zlib.ZstdOptions, Uint8Array>(zstdDecompress);
  return { compress, decompress: (packed, limit) => decompress(packed, { maxOutputLength: limit }) };
}

/** @throws StateError as `zstdOf` */
export function assertCompression(): void {
  zstdOf(zlib);
}

export async function pack(content: Uint8Array): Promise<PackedContent> {
  const packed = await zstdOf(zlib).compress(content);
  return {
    packed,
    blob: hash('sha256', packed, 'hex'),
    bytes: content.byteLength,
    storedBytes: packed.byteLength,
    hash: hash('sha256', content, 'hex'),
  };
}

/** Content back from the blob store, checked against both its hashes. Holds one blob. @throws DamagedContent; BlobStoreError */
export async function unpack(blobs: BlobStore, stored: StoredContent): Promise<Uint8Array> {
  const packed = await readBlob(blobs, stored);
  if (hash('sha256', packed, 'hex') !== stored.blob)
    throw new DamagedContent('is damaged: its bytes are not those that were stored');
  const content = await zstdOf(zlib)
    .decompress(packed, Math.max(1, stored.bytes))
    .catch(() => {
      throw new DamagedContent('cannot be decompressed to what it was');
    });
  if (content.byteLength !== stored.bytes || hash('sha256', content, 'hex') !== stored.hash) {
    throw new DamagedContent('does not decompress to what it was');
  }
  return content;
}

async function readBlob(blobs: BlobStore, { blob, storedBytes }: StoredContent): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of blobs.get(blob)) {
      size += piece.byteLength;
      if (size > storedBytes) throw new DamagedContent(`is damaged: it has more than its ${storedBytes} bytes`);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof BlobNotFoundError) throw new DamagedContent('is missing');
    throw error;
  }
  if (size < storedBytes) throw new DamagedContent(`is truncated: ${size} of its ${storedBytes} bytes are there`);
  return Buffer.concat(pieces, size);
}
