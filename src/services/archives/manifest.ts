import { isRecord } from '../../core/decoded.ts';
import type { EntityKind } from '../../core/entities.ts';
import type { ArchivePart } from '../../ports/archive-store.ts';
import type { StoredContent } from './codec.ts';

export const FORMAT = 'palinode-archive-1';
/** Eight hundred gigabytes before compression, and a manifest that one process can hold. */
export const MAX_CHUNKS = 100_000;

/** What an archive holds: stored inline with its snapshot, of bounded size. */
export interface ArchiveHeader {
  readonly format: typeof FORMAT;
  readonly graph: string;
  readonly point: string;
  readonly seq: string;
  readonly epoch: number;
  readonly scope: unknown;
  readonly nodes: string;
  readonly relationships: string;
  /** Of the states in it, hexadecimal. */
  readonly checksum: string;
  /** Of all chunks before compression. */
  readonly bytes: string;
  readonly chunks: number;
}

/** As the snapshot keeps it. The manifest is a blob, since it grows with the archive. */
export interface ArchiveData extends ArchiveHeader {
  readonly manifest: StoredContent;
}

export interface Chunk extends StoredContent {
  readonly kind: EntityKind;
  readonly entities: number;
}

/** The header in a line, then each chunk in a line: with it the blobs can be read without the database. */
export function manifestText(header: ArchiveHeader, chunks: readonly Chunk[]): string {
  return [header, ...chunks].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** The chunks that a manifest lists. @throws RangeError when it is none, or of another archive */
export function parseManifest(text: string, data: ArchiveData): readonly Chunk[] {
  const [first, ...lines] = text.split('\n').slice(0, -1);
  const { manifest: _, ...header } = data;
  const same = first !== undefined && JSON.stringify(sorted(JSON.parse(first))) === JSON.stringify(sorted(header));
  if (!same || lines.length !== data.chunks) throw new RangeError('the manifest is of another archive');
  return lines.map((line) => chunkOf(JSON.parse(line)));
}

export function chunkOfPart({ blob, kind, entities, bytes, storedBytes, hash }: ArchivePart): Chunk {
  return { blob, kind, entities: Number(entities), bytes: Number(bytes), storedBytes: Number(storedBytes), hash };
}

/** @throws RangeError when a snapshot holds something else */
export function archiveData(json: unknown): ArchiveData {
  if (!isRecord(json) || json.format !== FORMAT) throw new RangeError('its data is none of an archive');
  // The snapshot's own checksum has shown that this is what was stored.
  return json as unknown as ArchiveData;
}

function chunkOf(json: unknown): Chunk {
  if (!isRecord(json) || typeof json.blob !== 'string')
    throw new RangeError('the manifest has a line that is no chunk');
  // The hash of the manifest has shown that this is what was stored.
  return json as unknown as Chunk;
}

/** jsonb keeps no order of fields. */
function sorted(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(sorted);
  if (!isRecord(json)) return json;
  return Object.fromEntries(
    Object.entries(json)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, part]) => [name, sorted(part)]),
  );
}
