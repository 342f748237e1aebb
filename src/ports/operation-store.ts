import type { ChangeSummary, Moment } from '../core/moments.ts';
import type { ConflictPolicy } from '../core/policy.ts';
import type { SchemaChange } from '../core/schema-changes.ts';
import type { Scope } from '../core/scope.ts';
import type { OperationOutcome, OperationStatus } from '../core/states.ts';
import type { UndoSelector } from '../core/undo-set.ts';
import type { AuditFact } from './audit-log.ts';

/** Rollback operations as durable records: their states, leases, events and logs. */

export type OperationEventType =
  | 'STARTED'
  | 'PHASE'
  | 'PROGRESS'
  | 'CONFLICT_DETECTED'
  | 'CONFLICT_RESOLVED'
  | 'WAITING'
  | 'RESUMED'
  | 'COMPLETED'
  | 'FAILED'
  | 'ABORTED';

/** What is taken back. `until` is null until the plan's head froze the set. */
export interface RequestedUndo {
  readonly selector: UndoSelector;
  /** Exclusive. Null: from the first transaction on. */
  readonly from: bigint | null;
  readonly until: bigint | null;
}

export interface OperationCounts {
  readonly planned: bigint;
  readonly applied: bigint;
  readonly skipped: bigint;
  readonly conflicted: bigint;
}

export interface OperationRecord {
  readonly id: string;
  readonly graphId: number;
  readonly type: 'RESTORE' | 'UNDO';
  readonly status: OperationStatus;
  readonly outcome: OperationOutcome | null;
  readonly strategy: 'IMMEDIATE' | 'GRADUAL';
  readonly dryRun: boolean;
  readonly progress: number;
  readonly targetPointId: string | null;
  readonly targetSeq: bigint | null;
  readonly undo: RequestedUndo;
  readonly scope: Scope | null;
  readonly policy: ConflictPolicy;
  readonly batchSize: number | null;
  readonly maxChangesPerSecond: number | null;
  readonly includeSchema: boolean;
  readonly requestedBy: string | null;
  readonly startSeq: bigint | null;
  /** The plan's head: what was recorded later counts as others'. */
  readonly headSeq: bigint | null;
  /** The newest moment that the plan was checked against. */
  readonly checkedSeq: bigint | null;
  readonly epoch: number | null;
  readonly planHash: string | null;
  /** What is to be done to the schema, as it was planned; empty unless includeSchema. */
  readonly schemaChanges: readonly SchemaChange[];
  readonly counts: OperationCounts;
  /** The last group of each batch. */
  readonly batchEnds: readonly bigint[];
  readonly safetyPointId: string | null;
  readonly rehearsalOfId: string | null;
  /** The hash of that preview's plan as it was confirmed. */
  readonly expectPlan: string | null;
  /** The operation whose rest this one does. */
  readonly resumesId: string | null;
  readonly abortRequested: boolean;
  /** A person has paused it: nobody runs it until it is continued or aborted. */
  readonly paused: boolean;
  /** The plan's rows were forgotten to be made again, and are not all there yet. */
  readonly replanning: boolean;
  /** The number of the newest conflict that has its event. */
  readonly announcedConflict: bigint;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
}

export interface NewOperation {
  readonly id: string;
  readonly graphId: number;
  readonly type: 'RESTORE' | 'UNDO';
  readonly strategy: 'IMMEDIATE' | 'GRADUAL';
  readonly dryRun: boolean;
  readonly targetPointId: string | null;
  readonly targetSeq: bigint | null;
  readonly undo: RequestedUndo;
  readonly scope: Scope | null;
  readonly policy: ConflictPolicy;
  readonly batchSize: number | null;
  readonly maxChangesPerSecond: number | null;
  readonly includeSchema: boolean;
  readonly reason: string | null;
  readonly requestedBy: string;
  readonly rehearsalOfId: string | null;
  readonly resumesId: string | null;
  readonly expectPlan: string | null;
}

/** The right to run one operation. Statements with an older token change nothing. */
export interface OperationLease {
  readonly operationId: string;
  readonly holder: string;
  readonly token: bigint;
}

/** Another instance runs the operation now, or it has ended: the caller must stop at once, leaving things as they are. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** A conflict is open, or decided and not planned yet: the operation cannot go on with its writes. */
export class UnsettledError extends Error {
  override readonly name = 'UnsettledError';
}

export interface NewOperationEvent {
  readonly type: OperationEventType;
  readonly message?: string | null;
  readonly conflictId?: string | null;
}

export interface NewLogEntry {
  readonly level: 'INFO' | 'WARN' | 'ERROR';
  readonly message: string;
}

export interface OperationProof {
  readonly method: 'TOUCHED_ENTITIES' | 'CONTINUOUS_CHECKSUM' | 'FULL_SCAN';
  readonly at: Moment;
  readonly planHash: string;
  readonly checkedEntities: bigint;
  readonly matches: boolean;
  /** Hexadecimal; null without a checksum proof. */
  readonly expectedChecksum: string | null;
  readonly actualChecksum: string | null;
}

/** What an operation did, in entities. `left`: planned and neither written nor skipped. */
export interface OperationAccount {
  readonly created: bigint;
  readonly overwritten: bigint;
  readonly deleted: bigint;
  readonly skipped: bigint;
  readonly left: bigint;
  readonly cascaded: bigint;
  readonly planHash: string;
}

export interface OperationMetric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * One step of an operation: everything in it becomes visible at once, or nothing does. Absent fields stay as they are. A new status comes
 * with at least one event and an audit entry.
 */
export interface OperationStep {
  readonly status?: OperationStatus;
  /** Gives the lease back. */
  readonly release?: boolean;
  /** Refuses the step with UnsettledError while a conflict is open or a decision is not planned. */
  readonly whenSettled?: boolean;
  readonly outcome?: OperationOutcome;
  readonly errorMessage?: string | null;
  /** 0..100; a lower one than shown is ignored. */
  readonly progress?: number;
  readonly undoUntil?: bigint;
  readonly startSeq?: bigint;
  readonly headSeq?: bigint;
  readonly checkedSeq?: bigint;
  readonly epoch?: number;
  readonly planHash?: string;
  readonly planSummary?: ChangeSummary;
  readonly announcedConflict?: bigint;
  readonly schemaChanges?: readonly SchemaChange[];
  /** All rows of the plan are there again. */
  readonly replanned?: true;
  readonly batchEnds?: readonly bigint[];
  readonly safetyPointId?: string;
  readonly proof?: OperationProof;
  readonly account?: OperationAccount;
  /** Marks the pending rows of these groups (both inclusive) as written and counts them. */
  readonly applied?: { readonly fromGroup: bigint; readonly toGroup: bigint };
  /** Marks what was written after this group as pending again: the graph has lost it. Wants `recount`. */
  readonly lost?: { readonly afterGroup: bigint };
  /** Counts planned, applied, skipped and conflicted anew from the plan's rows. */
  readonly recount?: boolean;
  /** Marks the open conflicts as decided by ABORT. */
  readonly abortConflicts?: boolean;
  readonly events?: readonly NewOperationEvent[];
  readonly logs?: readonly NewLogEntry[];
  readonly audit?: AuditFact;
  readonly metrics?: readonly OperationMetric[];
}

/** The step after a batch: rows of the plan that are written now, how far the operation is, and what is told of it. */
export type BatchStep = Required<Pick<OperationStep, 'applied' | 'progress' | 'events'>>;

/** A step that was begun before it is known whether it is to be made. Whoever begins one finishes or drops it. */
export interface BegunStep {
  /** Makes it: as `advance`. @throws LeaseLostError */
  finish(): Promise<OperationRecord>;
  /** Leaves nothing of it. After `finish` it waits for that and does nothing. Never throws. */
  drop(): Promise<void>;
}

/**
 * Another operation is in the way of a new one: two restores of the same part of a graph cannot be under way at once, since each would take the
 * other's writes for another's, and what an operation left is done by one other.
 */
export class OtherOperationError extends Error {
  override readonly name = 'OtherOperationError';
  readonly status: OperationStatus;

  constructor(message: string, status: OperationStatus) {
    super(message);
    this.status = status;
  }
}

export interface OperationStore {
  /**
   * Stores a new operation in ROLLBACK_INITIATED with its STARTED event and audit row.
   * @throws OtherOperationError
   */
  create(operation: NewOperation, audit: AuditFact): Promise<void>;
  get(id: string): Promise<OperationRecord | null>;
  /**
   * Null when it has ended, is paused, or is another's; an operation whose abort was requested can always be taken up, and so can a preview
   * with decisions that its plan does not account for.
   */
  acquire(
    id: string,
    holder: string,
    ttlMs: number,
  ): Promise<{ lease: OperationLease; operation: OperationRecord } | null>;
  /** False when the lease was lost. */
  renew(lease: OperationLease, ttlMs: number): Promise<boolean>;
  release(lease: OperationLease): Promise<void>;
  /** Lets go of every lease: for a database that no other process can have open. */
  forgetLeases(): Promise<void>;
  /**
   * One step, in one transaction. Ending the operation gives the lease back. Returns the operation as it is then.
   * @throws LeaseLostError, UnsettledError
   */
  advance(lease: OperationLease, step: OperationStep): Promise<OperationRecord>;
  /**
   * Does most of the work of a step while the graph is still committing its batch. Nobody sees anything of it until it is finished. Absent: the
   * store can do one thing at a time only.
   */
  begin?(lease: OperationLease, step: BatchStep): BegunStep;
  /** Asks the runner to stop. False when the operation has ended. */
  requestAbort(id: string, reason: string | null, audit: AuditFact): Promise<boolean>;
  /** Pauses or continues, with a WAITING or RESUMED event. False when it has ended or is as wanted already. */
  setPaused(id: string, paused: boolean, audit: AuditFact): Promise<boolean>;
  /** Operations that should be running and that nobody runs. */
  abandoned(limit: number): Promise<readonly string[]>;
  /** Operations that wait for a person, whose graph has moved on and that had no step for `restMs`, the longest unchecked first. */
  outdated(limit: number, restMs: number): Promise<readonly string[]>;
  /** Operations that have ended after they wrote, and whose marker may still be in their graph. */
  marked(limit: number): Promise<readonly { readonly id: string; readonly graphId: number }[]>;
  /** The operation's marker is gone from its graph. */
  unmark(id: string): Promise<void>;
  /** Operations of a graph in flight, for tests of whether a point or graph is in use. */
  countRunning(graphId: number): Promise<number>;
}
