import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isNativeError } from 'node:util/types';
import {
  assertBlobName,
  BlobContentError,
  BlobNotFoundError,
  type BlobStore,
  BlobStoreError,
  MAX_BLOB_BYTES,
} from '../../ports/blob-store.ts';

/** What archives hold is as private as the graph. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const PIECE_BYTES = 256 * 1024;

/**
 * Blobs as files of one folder, which instances may share: `ab/ab...` by the first digits of the name. A blob is written to a file of its own under
 * `unfinished`, synced, and renamed, so there is never half of one. Paths are made of checked names only.
 */
export class FileBlobStore implements BlobStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const target = this.#path(name);
    await doing('written', async () => {
      const unfinished = join(this.#unfinished, `${name}.${randomUUID()}`);
      await mkdir(this.#unfinished, { recursive: true, mode: FOLDER_MODE });
      try {
        await writeWhole(unfinished, name, content);
        await this.#place(unfinished, target);
      } catch (error) {
        await rm(unfinished, { force: true });
        throw error;
      }
    });
  }

  async *get(name: string): AsyncGenerator<Uint8Array> {
    const path = this.#path(name);
    const pieces: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: PIECE_BYTES });
    try {
      yield* pieces;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') throw new BlobNotFoundError(`blob ${name} is not there`);
      throw storeError('read', error);
    }
  }

  async exists(name: string): Promise<boolean> {
    const path = this.#path(name);
    return doing('read', async () => (await stat(path)).isFile()).catch((error: unknown) => {
      if (error instanceof BlobStoreError && codeOf(error.cause) === 'ENOENT') return false;
      throw error;
    });
  }

  async delete(name: string): Promise<void> {
    const path = this.#path(name);
    await doing('removed', () => rm(path, { force: true }));
  }

  async sweep(olderThanMs: number): Promise<void> {
    await doing('swept', async () => {
      for (const file of await readdir(this.#unfinished).catch(noneIfAbsent)) {
        const path = join(this.#unfinished, file);
        const age =
          Date.now() -
          (await stat(path).then(
            ({ mtimeMs }) => mtimeMs,
            () => Number.POSITIVE_INFINITY,
          ));
        if (age >= olderThanMs) await rm(path, { force: true });
      }
    });
  }

  get #unfinished(): string {
    return join(this.#folder, 'unfinished');
  }

  #path(name: string): string {
    assertBlobName(name);
    return join(this.#folder, name.slice(0, 2), name);
  }

  /** The folders are synced too: without that a power cut may take the name of a file whose content is safe. */
  async #place(from: string, to: string): Promise<void> {
    const folder = join(to, '..');
    const made = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    await rename(from, to);
    await syncFolder(folder);
    if (made !== undefined) await syncFolder(this.#folder);
  }
}

async function writeWhole(path: string, name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    await writeChecked(file, name, content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function writeChecked(file: FileHandle, name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of content) {
    size += piece.byteLength;
    if (size > MAX_BLOB_BYTES) throw new BlobContentError(`blob ${name} has more than ${MAX_BLOB_BYTES} bytes`);
    hash.update(piece);
    for (let at = 0; at < piece.byteLength; ) at += (await file.write(piece, at)).bytesWritten;
  }
  if (hash.digest('hex') !== name)
    throw new BlobContentError(`blob ${name} would have other content than its name says`);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Errors of the file system name paths, which are nobody's business outside: the code says enough. */
async function doing<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw codeOf(error) === undefined ? error : storeError(what, error);
  }
}

function storeError(what: string, error: unknown): BlobStoreError {
  return new BlobStoreError(`a blob could not be ${what} (${codeOf(error)})`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  return isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function noneIfAbsent(error: unknown): readonly string[] {
  if (codeOf(error) === 'ENOENT') return [];
  throw error;
}
