import type { Checksum } from '../core/checksum.ts';
import type { EntityKind } from '../core/entities.ts';
import type { Scope } from '../core/scope.ts';
import type { AuditFact } from './audit-log.ts';

export type ArchiveType = 'FULL' | 'PARTIAL';

/** How far an archive has come. Everything before `kind` and `cursor` is stored. */
export interface ArchiveProgress {
  readonly kind: EntityKind;
  /** The key of the last entity that is stored, or was out of scope. Null: none of the kind. */
  readonly cursor: string | null;
  readonly chunks: number;
  /** Entities looked at, and those among them that are stored. */
  readonly scanned: bigint;
  readonly nodes: bigint;
  readonly relationships: bigint;
  /** Of the chunks, before and after compression. */
  readonly bytes: bigint;
  readonly storedBytes: bigint;
  /** Of the stored states. */
  readonly checksum: Checksum;
}

export interface ArchiveRecord extends ArchiveProgress {
  readonly id: string;
  readonly pointId: string;
  readonly type: ArchiveType;
  readonly scope: Scope | null;
  readonly status: 'RUNNING' | 'DONE' | 'FAILED' | 'FREED';
  readonly requestedBy: string | null;
}

export interface NewArchive {
  readonly id: string;
  readonly pointId: string;
  /** Null: the whole state. */
  readonly scope: Scope | null;
  readonly requestedBy: string | null;
}

/** A blob of an archive: 0 is the manifest, 1 and following are the chunks. */
export interface ArchivePart {
  readonly no: number;
  readonly blob: string;
  readonly kind: EntityKind;
  readonly entities: bigint;
  readonly bytes: bigint;
  readonly storedBytes: bigint;
  /** SHA-256 before compression, hexadecimal. */
  readonly hash: string;
}

/** An archive that is whole, as its snapshot shows it. */
export interface NewArchiveSnapshot {
  readonly sizeBytes: bigint;
  readonly compressionType: string;
  /** JSON of bounded size. */
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ArchiveSnapshot {
  readonly id: string;
  readonly type: ArchiveType;
  /** As it was given to `finish`. */
  readonly data: unknown;
}

/**
 * Archives and the blobs that they are made of. An archive is leased to the instance that writes it; what that does without the lease changes
 * nothing. A blob is noted here before it is put into the blob store, so whatever is there and needed by no archive can be found and removed.
 */
export interface ArchiveStore {
  /**
   * Begins an archive of a point that is STORED, VALID or INVALID: it shows as `archivingId` of the point until it ends.
   * @returns false when the point is in another state, or an archive of it is being written
   */
  create(archive: NewArchive, audit: AuditFact): Promise<boolean>;
  get(id: string): Promise<ArchiveRecord | null>;
  /** The archive of the point with this scope that is being written or is whole and undamaged. */
  find(pointId: string, scope: Scope | null): Promise<string | null>;
  /** How many archives of the point are whole. */
  count(pointId: string): Promise<number>;
  /** Takes up an archive that has not ended. Null when it ended, its point is gone, or another's lease is alive. */
  acquire(id: string, holder: string, ttlMs: number): Promise<ArchiveRecord | null>;
  /** @returns false when the lease was lost, or the point was deleted or has expired */
  renew(id: string, holder: string, ttlMs: number): Promise<boolean>;
  release(id: string, holder: string): Promise<void>;
  /** Lets go of every lease: for a database that no other process can have open. */
  forgetLeases(): Promise<void>;
  /** Notes a blob that is about to be put; one noted under the same number before is given up. @returns false when the lease was lost */
  note(id: string, holder: string, part: ArchivePart): Promise<boolean>;
  /** The chunks up to here are in the blob store. @returns false when the lease was lost */
  advance(id: string, holder: string, progress: ArchiveProgress): Promise<boolean>;
  /** Blobs in order, after number `after`. */
  parts(id: string, after: number, limit: number): Promise<readonly ArchivePart[]>;
  /**
   * The archive is whole: it becomes a snapshot of its point, in place of an earlier one with the same scope, whose blobs are given up.
   * @returns false when the lease was lost
   */
  finish(id: string, holder: string, snapshot: NewArchiveSnapshot, audit: AuditFact): Promise<boolean>;
  /** The archive cannot be written: its blobs are given up and its point shows why. @returns false when the lease was lost */
  fail(id: string, holder: string, message: string, audit: AuditFact): Promise<boolean>;
  /** Archives that should be written and that nobody writes. */
  abandoned(limit: number): Promise<readonly string[]>;
  /** The archives of a point that are its snapshots. */
  snapshots(pointId: string): Promise<readonly ArchiveSnapshot[]>;
  /** Gives up the archives of deleted and expired points: their snapshots and what is being written. @returns the points, each once an archive */
  freeGone(limit: number, audit: AuditFact): Promise<readonly string[]>;
  /** A blob was put after its archive had lost the lease. */
  giveUp(blob: string): Promise<void>;
  /**
   * Removes blobs that were given up and that no archive has. Nobody can note such a blob between the look and its removal.
   * @param remove takes it out of the blob store
   * @returns how many were looked at, at most `limit`
   */
  removeFreed(limit: number, remove: (blob: string) => Promise<void>): Promise<number>;
}
