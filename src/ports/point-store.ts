import type { PointStatus } from '../core/states.ts';
import type { AuditFact } from './audit-log.ts';
import type { SchemaItem } from './knowledge-graph.ts';
import type { NewSession } from './session-store.ts';

export type PointOrigin = 'MANUAL' | 'SESSION' | 'SCHEDULE' | 'SAFETY';

/** A named pin on a cut. Counts and checksum are those of the cut, as history recorded them. */
export interface PointRecord {
  readonly id: string;
  readonly graphId: number;
  readonly name: string;
  readonly status: PointStatus;
  readonly origin: PointOrigin;
  readonly seq: bigint | null;
  readonly epoch: number;
  readonly timestamp: Date;
  readonly expiresAt: Date | null;
  readonly held: boolean;
  readonly sessionId: string | null;
  readonly nodeCount: bigint | null;
  readonly relationshipCount: bigint | null;
  readonly checksum: Uint8Array | null;
  readonly progress: number;
  readonly problems: readonly string[];
  readonly deletedAt: Date | null;
  /** The archive of it that is being written. */
  readonly archivingId: string | null;
}

export interface NewPoint {
  readonly id: string;
  readonly snapshotId: string;
  readonly graphId: number;
  readonly name: string;
  readonly description: string | null;
  /** A cut. */
  readonly seq: bigint;
  readonly origin: PointOrigin;
  readonly expiresAt: Date | null;
  readonly held: boolean;
  readonly sessionId: string | null;
  /** JSON. */
  readonly metadata: unknown;
  /** As it was read for this point; null when the point lies in the past, where nobody has read it. */
  readonly schema: readonly SchemaItem[] | null;
  readonly createdBy: string | null;
  readonly createdAt: Date;
  /** A full archive that begins with the point. */
  readonly archiveId: string | null;
}

/** A session that is opened with its point. */
export interface PointSession {
  readonly session: NewSession;
  readonly audit: AuditFact;
}

/** Absent fields stay as they are. */
export interface PointPatch {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly expiresAt?: Date | null | undefined;
  readonly held?: boolean | undefined;
}

export interface PointTransition {
  readonly from: PointStatus;
  readonly to: PointStatus;
  readonly progress: number;
  readonly problems: readonly string[];
}

/** What the stored snapshot of a point says, and whether its stored form is undamaged. */
export interface SnapshotCheck {
  readonly id: string;
  readonly type: string;
  readonly undamaged: boolean;
}

/** Every change of a point and its audit entry are one statement. Ids that are no UUIDs are unknown ids. */
export interface PointStore {
  /**
   * Stores the point (STORED), its change-log snapshot and the audit entry, and with `opens` also opens that session with the point as
   * its own, with `archiveId` an archive begins: one statement, whatever the size of the graph.
   * @returns false when history has no transaction `seq`
   * @throws SessionOpenError when a session of that name and actor is open
   */
  create(point: NewPoint, audit: AuditFact, opens?: PointSession): Promise<boolean>;
  /** Deleted points are found, too. */
  get(id: string): Promise<PointRecord | null>;
  /** The constraints and indexes that the graph had, as they were read for the point. Null when they were not, or there is no such point. */
  readSchema(id: string): Promise<readonly SchemaItem[] | null>;
  /** @returns false when the point is deleted or EXPIRED */
  update(id: string, patch: PointPatch, at: Date, audit: AuditFact): Promise<boolean>;
  /** @returns false when the point is not in the state `from`, or it is to be validated and an archive of it is being written */
  transition(id: string, transition: PointTransition, at: Date, audit: AuditFact): Promise<boolean>;
  /** Progress only grows. That something was done is noted in any case. */
  setProgress(id: string, progress: number, at: Date): Promise<void>;
  /** Ids of points that are VALIDATING and of which nothing was noted since `since`, the longest untouched first. */
  stalledValidations(since: Date, limit: number): Promise<readonly string[]>;
  setSnapshotProblems(snapshotId: string, problems: readonly string[]): Promise<void>;
  checkSnapshots(id: string): Promise<readonly SnapshotCheck[]>;
  /** Marks the point as deleted. @returns false when it is deleted already, held, or an operation in flight needs it */
  tombstone(id: string, at: Date, audit: AuditFact): Promise<boolean>;
  /** Whether an operation in flight has the point as target or safety point. */
  isNeeded(id: string): Promise<boolean>;
  /** Expires at most `limit` points that are due, neither held nor needed by an operation in flight. @returns their ids */
  expireDue(now: Date, limit: number): Promise<readonly string[]>;
}
