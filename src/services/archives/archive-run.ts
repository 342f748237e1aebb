import { canonicalState } from '../../core/canonical.ts';
import { accumulator, type ChecksumAccumulator, checksumToHex } from '../../core/checksum.ts';
import type { EntityKind, EntityState } from '../../core/entities.ts';
import { LimitError, StateError } from '../../core/errors.ts';
import { hashCanonical } from '../../core/hash.ts';
import { scopeToJson } from '../../core/scope.ts';
import type { ArchivePart, ArchiveProgress, ArchiveRecord } from '../../ports/archive-store.ts';
import type { PointRecord } from '../../ports/point-store.ts';
import { auditFact } from '../audit-facts.ts';
import { type LeaseTerms, type Turn, TurnLost } from '../leased-jobs.ts';
import { HandOver } from '../rollback/operation-run.ts';
import type { ArchiverDependencies } from './archiver.ts';
import { COMPRESSION, pack, type StoredContent } from './codec.ts';
import { type ArchiveHeader, type Chunk, chunkOfPart, FORMAT, MAX_CHUNKS, manifestText } from './manifest.ts';
import { ArchiveSource, KINDS } from './source.ts';

/** A chunk ends with the entity that fills it: so much is held before compression, or the one entity that is larger. */
export const CHUNK_BYTES = 8 * 1024 * 1024;
const PARTS_PAGE = 1000;

export interface ArchiveRunOptions extends LeaseTerms {
  readonly chunkBytes: number;
}

/** One archive while this instance holds its lease: history is read in pages, and one chunk is held at a time. */
export class ArchiveRun implements Turn {
  readonly #deps: ArchiverDependencies;
  readonly #archive: ArchiveRecord;
  readonly #point: PointRecord;
  readonly #options: ArchiveRunOptions;
  readonly #sum: ChecksumAccumulator;
  /** As it was stored last, but for `scanned`. */
  #progress: ArchiveProgress;
  readonly #counts: { NODE: bigint; RELATIONSHIP: bigint };
  #lines: string[] = [];
  #size = 0;
  #lost = false;

  constructor(deps: ArchiverDependencies, archive: ArchiveRecord, point: PointRecord, options: ArchiveRunOptions) {
    this.#deps = deps;
    this.#archive = archive;
    this.#point = point;
    this.#options = options;
    this.#progress = archive;
    this.#counts = { NODE: archive.nodes, RELATIONSHIP: archive.relationships };
    this.#sum = accumulator(archive.checksum);
  }

  async renew(): Promise<void> {
    const { holder, leaseMs } = this.#options;
    if (!(await this.#deps.archives.renew(this.#archive.id, holder, leaseMs))) this.#lost = true;
  }

  /**
   * Goes on where the archive is stored up to. A process that dies between two chunks loses the one in hand: it is made of the same entities again,
   * and takes the place of what was put of it.
   */
  async complete(): Promise<void> {
    const { graphId, seq } = this.#point;
    if (seq === null) throw new StateError('the point names no moment', this.#point.status);
    const source = new ArchiveSource(this.#deps, graphId, seq, this.#archive.scope);
    for (const kind of KINDS.slice(KINDS.indexOf(this.#progress.kind))) {
      const after = kind === this.#progress.kind ? this.#progress.cursor : null;
      let end = after;
      for await (const { scanned, states, last } of source.pages(kind, after)) {
        for (const state of states) await this.#add(state);
        this.#progress = { ...this.#progress, scanned: this.#progress.scanned + BigInt(scanned) };
        end = last ?? end;
        await this.#report();
      }
      const next = KINDS[KINDS.indexOf(kind) + 1];
      await this.#flush(kind, next === undefined ? { kind, cursor: end } : { kind: next, cursor: null });
    }
    this.#check();
    await this.#finish(seq);
  }

  async fail(error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : 'it failed';
    const message = `the archive could not be written: ${why}`;
    const data = { archive: this.#archive.id, error: message };
    const fact = auditFact(null, 'POINT_ARCHIVE_FAILED', { pointId: this.#point.id }, data);
    await this.#deps.archives.fail(this.#archive.id, this.#options.holder, message, fact);
    this.#deps.bus.publish(`point:${this.#point.id}`);
  }

  async #add(state: EntityState): Promise<void> {
    const text = canonicalState(state);
    this.#sum.add(hashCanonical(text));
    this.#lines.push(text, '\n');
    this.#size += Buffer.byteLength(text) + 1;
    this.#counts[state.kind] += 1n;
    if (this.#size >= this.#options.chunkBytes) {
      await this.#flush(state.kind, { kind: state.kind, cursor: state.key });
    }
  }

  /** Stores what is held as a chunk, and that everything up to `place` is stored. */
  async #flush(kind: EntityKind, place: Pick<ArchiveProgress, 'kind' | 'cursor'>): Promise<void> {
    let { chunks, bytes, storedBytes } = this.#progress;
    if (this.#lines.length > 0) {
      chunks += 1;
      if (chunks > MAX_CHUNKS) throw new LimitError(`it would have more than ${MAX_CHUNKS} chunks`, BigInt(MAX_CHUNKS));
      const stored = await this.#put(chunks, kind, this.#lines.length / 2, this.#lines.join(''));
      this.#lines = [];
      this.#size = 0;
      bytes += BigInt(stored.bytes);
      storedBytes += BigInt(stored.storedBytes);
    }
    const { NODE: nodes, RELATIONSHIP: relationships } = this.#counts;
    const stored = { nodes, relationships, chunks, bytes, storedBytes, checksum: this.#sum.sum() };
    this.#progress = { ...this.#progress, ...place, ...stored };
    this.#checkpoint();
    const { archives } = this.#deps;
    if (!(await archives.advance(this.#archive.id, this.#options.holder, this.#progress))) throw new TurnLost();
  }

  /** Notes a blob, then puts it. */
  async #put(no: number, kind: EntityKind, entities: number, text: string): Promise<StoredContent> {
    const { archives, blobs } = this.#deps;
    const { packed, ...stored } = await pack(Buffer.from(text));
    const part: ArchivePart = {
      ...stored,
      no,
      kind,
      entities: BigInt(entities),
      bytes: BigInt(stored.bytes),
      storedBytes: BigInt(stored.storedBytes),
    };
    this.#checkpoint();
    if (!(await archives.note(this.#archive.id, this.#options.holder, part))) throw new TurnLost();
    await blobs.put(stored.blob, piecesOf(packed));
    // Whoever took over may have let the blob go before it was put.
    if (!(await archives.renew(this.#archive.id, this.#options.holder, this.#options.leaseMs))) {
      await archives.giveUp(stored.blob);
      throw new TurnLost();
    }
    return stored;
  }

  /** @throws StateError when the archive does not hold what it should */
  #check(): void {
    const { nodes, relationships, checksum } = this.#progress;
    const { status } = this.#point;
    if (this.#archive.type === 'PARTIAL') {
      if (nodes + relationships === 0n) throw new StateError('its scope matches nothing at the point', status);
      return;
    }
    const promised = this.#point.checksum === null ? null : checksumToHex(this.#point.checksum);
    const same = nodes === this.#point.nodeCount && relationships === this.#point.relationshipCount;
    if (same && checksumToHex(checksum) === promised) return;
    throw new StateError('history does not hold what the point promises: validate the point', status);
  }

  async #finish(seq: bigint): Promise<void> {
    const { archives, history, bus } = this.#deps;
    const { id, scope, type } = this.#archive;
    const { chunks, nodes, relationships, bytes, storedBytes, checksum } = this.#progress;
    const graph = (await history.graphsById([this.#point.graphId])).get(this.#point.graphId);
    const header: ArchiveHeader = {
      format: FORMAT,
      graph: graph?.name ?? '',
      point: this.#point.id,
      seq: `${seq}`,
      epoch: this.#point.epoch,
      scope: scope === null ? null : scopeToJson(scope),
      nodes: `${nodes}`,
      relationships: `${relationships}`,
      checksum: checksumToHex(checksum),
      bytes: `${bytes}`,
      chunks,
    };
    const manifest = await this.#put(0, 'NODE', 0, manifestText(header, await this.#chunks()));
    const snapshot = {
      sizeBytes: storedBytes + BigInt(manifest.storedBytes),
      compressionType: COMPRESSION,
      data: { ...header, manifest },
    };
    const data = {
      archive: id,
      type,
      nodes: header.nodes,
      relationships: header.relationships,
      sizeBytes: `${snapshot.sizeBytes}`,
    };
    const fact = auditFact(null, 'POINT_ARCHIVED', { pointId: this.#point.id }, data);
    if (!(await archives.finish(id, this.#options.holder, snapshot, fact))) throw new TurnLost();
    bus.publish(`point:${this.#point.id}`);
  }

  async #chunks(): Promise<Chunk[]> {
    const chunks: Chunk[] = [];
    for (let after = 0; ; ) {
      const page = await this.#deps.archives.parts(this.#archive.id, after, PARTS_PAGE);
      chunks.push(...page.map(chunkOfPart));
      if (page.length < PARTS_PAGE) return chunks;
      after = page.at(-1)?.no ?? after;
    }
  }

  async #report(): Promise<void> {
    this.#checkpoint();
    const { nodeCount, relationshipCount, id } = this.#point;
    const total = Number((nodeCount ?? 0n) + (relationshipCount ?? 0n));
    const progress = Math.min(99, Math.floor((Number(this.#progress.scanned) * 100) / Math.max(1, total)));
    await this.#deps.points.setProgress(id, progress, this.#deps.clock.now());
    this.#deps.bus.publish(`point:${id}`);
  }

  /** @throws TurnLost, HandOver */
  #checkpoint(): void {
    if (this.#lost) throw new TurnLost();
    if (this.#options.signal.aborted) throw new HandOver('shutting down');
  }
}

async function* piecesOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
