/** The largest blob, in bytes. */
export const MAX_BLOB_BYTES = 2 ** 30;

const NAME = /^[0-9a-f]{64}$/;

/**
 * Large immutable content, outside the database. A blob's name is the SHA-256 of its bytes, 64 lower-case hexadecimal digits, so the same content is
 * stored once, and a name never means something else. Every method throws a RangeError for any other name.
 */
export interface BlobStore {
  /**
   * Stores the content under its name; what is there under that name already is replaced, which mends it should it be damaged. All or nothing:
   * until it returns, `get` finds what it found before, and after a crash or a refusal, too. Afterwards the content survives a power cut.
   * @throws BlobContentError when the content has another name or is larger than MAX_BLOB_BYTES; BlobStoreError
   */
  put(name: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * The content in pieces of bounded size, as it is stored: whoever reads it checks it against the name.
   * @throws BlobNotFoundError, BlobStoreError while it is read
   */
  get(name: string): AsyncIterable<Uint8Array>;
  exists(name: string): Promise<boolean>;
  /** Forgets the blob; one that is not there is forgotten already. */
  delete(name: string): Promise<void>;
  /** Removes what interrupted puts have left behind, if nothing was added to it for `olderThanMs`. */
  sweep(olderThanMs: number): Promise<void>;
}

/** @throws RangeError */
export function assertBlobName(name: string): void {
  if (!NAME.test(name)) throw new RangeError('the name of a blob is a SHA-256 in lower-case hexadecimal digits');
}

/** The store could not do what it was asked: it cannot be reached, is full or refuses. */
export class BlobStoreError extends Error {
  override readonly name: string = 'BlobStoreError';
}

export class BlobNotFoundError extends BlobStoreError {
  override readonly name = 'BlobNotFoundError';
}

/** What was to be stored is not what its name says, or too large. Nothing was stored. */
export class BlobContentError extends BlobStoreError {
  override readonly name = 'BlobContentError';
}
