import { Prisma } from '../../generated/prisma/client.ts';
import type { RecordName } from '../../ports/records.ts';

/** How a record is stored and in which one order it is listed. */
export interface RecordTable {
  readonly table: string;
  readonly fields: readonly string[];
  /** Fields of the order, all in one direction; together they are unique under a parent. */
  readonly order: readonly string[];
  readonly descending: boolean;
  /** SQL types of the fields that can be a parent's key. */
  readonly parents: Readonly<Record<string, 'uuid' | 'int4' | 'text'>>;
  /** Fields that only services use, or that are large: lists leave them out. */
  readonly omitted?: readonly string[];
}

const fieldsOf = (scalars: Readonly<Record<string, string>>): readonly string[] => Object.values(scalars);

export const RECORD_TABLES: Readonly<Record<RecordName, RecordTable>> = {
  auditEntry: {
    table: 'rollback_audit_log',
    fields: fieldsOf(Prisma.AuditEntryScalarFieldEnum),
    order: ['seq'],
    descending: false,
    parents: { rollbackPointId: 'uuid', operationId: 'uuid' },
  },
  conflict: {
    table: 'operation_conflicts',
    fields: fieldsOf(Prisma.ConflictScalarFieldEnum),
    order: ['no'],
    descending: false,
    parents: { operationId: 'uuid' },
  },
  operationEvent: {
    table: 'operation_events',
    fields: fieldsOf(Prisma.OperationEventScalarFieldEnum),
    order: ['seq'],
    descending: false,
    parents: { operationId: 'uuid' },
  },
  operationLogEntry: {
    table: 'operation_log',
    fields: fieldsOf(Prisma.OperationLogEntryScalarFieldEnum),
    order: ['no'],
    descending: false,
    parents: { operationId: 'uuid' },
  },
  planRow: {
    table: 'operation_plan',
    fields: fieldsOf(Prisma.PlanRowScalarFieldEnum),
    order: ['no'],
    descending: false,
    parents: { operationId: 'uuid', conflictId: 'uuid' },
    omitted: ['batchNo', 'expectedHash', 'groupNo', 'origins', 'phase', 'targetHash'],
  },
  proofDifference: {
    table: 'proof_differences',
    fields: fieldsOf(Prisma.ProofDifferenceScalarFieldEnum),
    order: ['no'],
    descending: false,
    parents: { operationId: 'uuid' },
  },
  rehearsal: {
    table: 'rehearsals',
    fields: fieldsOf(Prisma.RehearsalScalarFieldEnum),
    order: ['createdAt', 'id'],
    descending: true,
    parents: { operationId: 'uuid' },
    omitted: ['leaseExpiresAt', 'leaseHolder', 'scratch'],
  },
  rehearsalDifference: {
    table: 'rehearsal_differences',
    fields: fieldsOf(Prisma.RehearsalDifferenceScalarFieldEnum),
    order: ['no'],
    descending: false,
    parents: { rehearsalId: 'uuid' },
  },
  resolutionRule: {
    table: 'resolution_rules',
    fields: fieldsOf(Prisma.ResolutionRuleScalarFieldEnum),
    order: ['createdAt', 'id'],
    descending: true,
    parents: { graphId: 'int4' },
  },
  rollbackOperation: {
    table: 'rollback_operations',
    fields: fieldsOf(Prisma.RollbackOperationScalarFieldEnum),
    order: ['createdAt', 'id'],
    descending: true,
    parents: {
      graphId: 'int4',
      targetRollbackPointId: 'uuid',
      undoOperationId: 'uuid',
      rehearsalOfId: 'uuid',
      resumesId: 'uuid',
    },
    omitted: [
      'abortRequestedAt',
      'announcedConflict',
      'batchCount',
      'batchEnds',
      'batchSize',
      'checkedSeq',
      'epoch',
      'eventSeq',
      'expectPlan',
      'headSeq',
      'includeSchema',
      'leaseExpiresAt',
      'leaseHolder',
      'leaseToken',
      'markerGone',
      'logEntries',
      'maxChangesPerSecond',
      'reason',
      'replanning',
      'startSeq',
      'updatedAt',
    ],
  },
  rollbackPoint: {
    table: 'rollback_points',
    fields: fieldsOf(Prisma.RollbackPointScalarFieldEnum),
    order: ['createdAt', 'id'],
    descending: true,
    parents: { graphId: 'int4', sessionId: 'text' },
  },
  rollbackSnapshot: {
    table: 'rollback_snapshots',
    fields: fieldsOf(Prisma.RollbackSnapshotScalarFieldEnum),
    order: ['createdAt', 'id'],
    descending: false,
    parents: { rollbackPointId: 'uuid' },
    omitted: ['data'],
  },
  session: {
    table: 'sessions',
    fields: fieldsOf(Prisma.SessionScalarFieldEnum),
    order: ['openedAt', 'id'],
    descending: true,
    parents: { graphId: 'int4' },
  },
  verificationDifference: {
    table: 'verification_differences',
    fields: fieldsOf(Prisma.VerificationDifferenceScalarFieldEnum),
    order: ['no'],
    descending: false,
    parents: { verificationId: 'uuid' },
  },
};

/** The column of a Prisma field. Every name in the schema is mapped from camelCase to snake_case. */
export function columnOf(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
