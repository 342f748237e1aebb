import type { Page, PageRequest } from '../core/moments.ts';
import type {
  AuditEntry,
  Conflict,
  OperationEvent,
  OperationLogEntry,
  PlanRow,
  ProofDifference,
  Rehearsal,
  RehearsalDifference,
  ResolutionRule,
  RollbackOperation,
  RollbackPoint,
  RollbackSnapshot,
  Session,
  VerificationDifference,
} from '../generated/prisma/client.ts';

/**
 * Records that are listed page by page. Fields that only services use (leases, checkpoints, hashes) and those that are large and kept
 * elsewhere too (an operation's log, a snapshot's data) are not read.
 */
export interface RecordTypes {
  auditEntry: AuditEntry;
  conflict: Conflict;
  operationEvent: OperationEvent;
  operationLogEntry: OperationLogEntry;
  planRow: PlanRow;
  proofDifference: ProofDifference;
  rehearsal: Rehearsal;
  rehearsalDifference: RehearsalDifference;
  resolutionRule: ResolutionRule;
  rollbackOperation: RollbackOperation;
  rollbackPoint: RollbackPoint;
  rollbackSnapshot: RollbackSnapshot;
  session: Session;
  verificationDifference: VerificationDifference;
}
export type RecordName = keyof RecordTypes;

export type ParentKey = string | number;
export type FilterValue = string | number | bigint | boolean | Date;

/** One required property of the records that are listed. A list means any of its items. */
export interface RecordFilter {
  readonly field: string;
  readonly is: 'EQUAL' | 'ANY' | 'ABOVE' | 'AT_MOST' | 'ABSENT' | 'DIFFERENT';
  readonly value?: FilterValue | readonly FilterValue[];
}

/** A keyset position: the values of the order's columns as PostgreSQL writes them. */
export type RecordPosition = readonly string[];

export interface RecordQuery<Name extends RecordName = RecordName> {
  readonly record: Name;
  /** The field that holds the parent's key. */
  readonly parent: string;
  readonly filters: readonly RecordFilter[];
}

export interface Listed<Record> {
  readonly record: Record;
  readonly position: RecordPosition;
}

/** Lists records under many parents at once, in each record's one fixed order. */
export interface RecordReader {
  /** The same page of every parent, by one statement. Parents without records have an empty page. */
  pages<Name extends RecordName>(
    query: RecordQuery<Name>,
    parents: readonly ParentKey[],
    page: PageRequest<RecordPosition>,
  ): Promise<Map<ParentKey, Page<Listed<RecordTypes[Name]>>>>;
  /** How many records every parent has, by one statement. */
  counts(query: RecordQuery, parents: readonly ParentKey[]): Promise<Map<ParentKey, bigint>>;
}
