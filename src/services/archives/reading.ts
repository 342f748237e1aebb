import { setImmediate as breath } from 'node:timers/promises';
import { accumulator, checksumToHex } from '../../core/checksum.ts';
import { hashCanonical } from '../../core/hash.ts';
import { parseState } from '../../core/state-text.ts';
import { type BlobStore, BlobStoreError } from '../../ports/blob-store.ts';
import { DamagedContent, unpack } from './codec.ts';
import { type ArchiveData, archiveData, type Chunk, parseManifest } from './manifest.ts';

/** Problems that are named one by one. */
const MAX_PROBLEMS = 20;
/** Lines that are decoded at a stretch. */
const PAGE = 1000;

/**
 * The lines of a chunk, each the text of an entity of its kind, in pages: others have their turn between two. Holds one chunk.
 * @throws DamagedContent; BlobStoreError
 */
async function* readChunk(blobs: BlobStore, chunk: Chunk): AsyncGenerator<readonly string[]> {
  const lines = Buffer.from(await unpack(blobs, chunk))
    .toString('utf8')
    .split('\n')
    .slice(0, -1);
  if (lines.length !== chunk.entities) {
    throw new DamagedContent(`has ${lines.length} lines for its ${chunk.entities} entities`);
  }
  for (let at = 0; at < lines.length; at += PAGE) {
    const page = lines.slice(at, at + PAGE);
    const bad = page.findIndex((line) => parseState(line)?.kind !== chunk.kind);
    if (bad >= 0) throw new DamagedContent(`has a line that is no ${chunk.kind.toLowerCase()}: ${at + bad + 1}`);
    yield page;
    await breath();
  }
}

/** @throws DamagedContent; BlobStoreError */
async function readManifest(blobs: BlobStore, data: ArchiveData): Promise<readonly Chunk[]> {
  const text = Buffer.from(await unpack(blobs, data.manifest)).toString('utf8');
  try {
    return parseManifest(text, data);
  } catch (error) {
    throw new DamagedContent(error instanceof Error ? error.message : 'cannot be read');
  }
}

export interface ArchivePromise {
  readonly nodes: bigint;
  readonly relationships: bigint;
  readonly checksum: Uint8Array;
}

/**
 * Reads an archive back: hashes every blob, decodes every line, and adds the states up.
 * @param promise what they must be: the point's for a full archive; null: what the archive says of itself
 * @returns what is damaged or cannot be read, in words
 */
export async function checkArchive(
  blobs: BlobStore,
  json: unknown,
  promise: ArchivePromise | null,
  onChunk: (entities: number) => Promise<void>,
): Promise<string[]> {
  const problems = new Problems();
  const read = await problems.guard('its manifest', async () => {
    const data = dataOf(json);
    return { data, chunks: await readManifest(blobs, data) };
  });
  if (read === null) return problems.all();
  const { data, chunks } = read;
  const counts = { NODE: 0n, RELATIONSHIP: 0n };
  const sum = accumulator();
  for (const [at, chunk] of chunks.entries()) {
    await problems.guard(`chunk ${at + 1} of ${chunks.length}`, async () => {
      for await (const lines of readChunk(blobs, chunk)) {
        for (const line of lines) sum.add(hashCanonical(line));
        counts[chunk.kind] += BigInt(lines.length);
      }
    });
    await onChunk(chunk.entities);
  }
  // What damaged chunks lack is told already.
  if (problems.any()) return problems.all();
  const { nodes, relationships } = promise ?? { nodes: BigInt(data.nodes), relationships: BigInt(data.relationships) };
  const checksum = promise === null ? data.checksum : checksumToHex(promise.checksum);
  if (counts.NODE !== nodes) problems.add(`it holds ${counts.NODE} nodes, not ${nodes}`);
  if (counts.RELATIONSHIP !== relationships)
    problems.add(`it holds ${counts.RELATIONSHIP} relationships, not ${relationships}`);
  const actual = checksumToHex(sum.sum());
  if (actual !== checksum) problems.add(`its states add up to checksum ${actual}, not ${checksum}`);
  return problems.all();
}

function dataOf(json: unknown): ArchiveData {
  try {
    return archiveData(json);
  } catch {
    throw new DamagedContent('is not named: the data of the snapshot is none of an archive');
  }
}

/** The first problems, and how many there are more. */
class Problems {
  readonly #named: string[] = [];
  #more = 0;

  add(problem: string): void {
    if (this.#named.length < MAX_PROBLEMS) this.#named.push(problem);
    else this.#more += 1;
  }

  any(): boolean {
    return this.#named.length > 0;
  }

  all(): string[] {
    return this.#more === 0 ? this.#named : [...this.#named, `and ${this.#more} more problems like these`];
  }

  async guard<Result>(what: string, work: () => Promise<Result>): Promise<Result | null> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DamagedContent) this.add(`${what} ${error.message}`);
      else if (error instanceof BlobStoreError) this.add(`${what} cannot be read: ${error.message}`);
      else throw error;
      return null;
    }
  }
}
