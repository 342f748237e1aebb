import { CONFLICT_STRATEGIES, CONFLICT_TYPES } from '../../../core/policy.ts';
import { OPERATION_ACTIONS, OPERATION_STATUSES, POINT_STATUSES } from '../../../core/states.ts';
import { VALUE_TYPES } from '../../../core/values.ts';
import { builder } from '../builder.ts';

export const ErrorCodeEnum = builder.enumType('ErrorCode', {
  values: [
    'INVALID_INPUT',
    'NOT_FOUND',
    'FORBIDDEN',
    'WRONG_STATE',
    'IDEMPOTENCY_MISMATCH',
    'PLAN_CHANGED',
    'CONSTRAINT_FAILED',
    'LIMIT_EXCEEDED',
    'CAPTURE_UNAVAILABLE',
    'HISTORY_DROPPED',
  ] as const,
});
export const GraphKind = builder.enumType('GraphKind', { values: ['NEO4J', 'EMBEDDED'] as const });
export const CaptureModeEnum = builder.enumType('CaptureMode', {
  values: ['OFF', 'BASELINE', 'CONTINUOUS', 'SCAN'] as const,
});
export const AtKeyword = builder.enumType('AtKeyword', { values: ['LIVE', 'EARLIEST'] as const });
export const Direction = builder.enumType('Direction', { values: ['IN', 'OUT', 'BOTH'] as const });
export const ValueTypeEnum = builder.enumType('ValueType', { values: VALUE_TYPES });
export const EntityKindEnum = builder.enumType('EntityKind', { values: ['NODE', 'RELATIONSHIP'] as const });
export const ChangeActionEnum = builder.enumType('ChangeAction', {
  values: ['CREATED', 'UPDATED', 'DELETED'] as const,
});
export const TransactionSourceEnum = builder.enumType('TransactionSource', {
  values: ['BOLT', 'SQL', 'API', 'ROLLBACK', 'BASELINE', 'RECONCILE'] as const,
});
export const PutModeEnum = builder.enumType('PutMode', { values: ['CREATE', 'UPDATE', 'UPSERT'] as const });
export const Everyone = builder.enumType('Everyone', { values: ['EVERYONE'] as const });

export const RollbackPointStatus = builder.enumType('RollbackPointStatus', { values: POINT_STATUSES });
export const PointOrigin = builder.enumType('PointOrigin', {
  values: ['MANUAL', 'SESSION', 'SCHEDULE', 'SAFETY'] as const,
});
export const SnapshotType = builder.enumType('SnapshotType', {
  values: ['CHANGE_LOG', 'FULL', 'PARTIAL', 'SCHEMA'] as const,
});

export const OperationTypeEnum = builder.enumType('OperationType', { values: ['RESTORE', 'UNDO'] as const });
export const OperationStatusEnum = builder.enumType('OperationStatus', { values: OPERATION_STATUSES });
export const OperationActionEnum = builder.enumType('OperationAction', {
  values: OPERATION_ACTIONS,
});
export const RollbackStrategyEnum = builder.enumType('RollbackStrategy', {
  values: ['IMMEDIATE', 'GRADUAL'] as const,
});
export const OperationOutcomeEnum = builder.enumType('OperationOutcome', {
  values: ['APPLIED', 'NOTHING_TO_DO', 'PREVIEWED', 'SKIPPED', 'INTERRUPTED', 'ABORTED', 'FAILED'] as const,
});
export const PlannedChangeState = builder.enumType('PlannedChangeState', {
  values: ['PENDING', 'APPLIED', 'SKIPPED', 'CONFLICTED', 'ALREADY_SO', 'FAILED'] as const,
});
export const ProofMethod = builder.enumType('ProofMethod', {
  values: ['TOUCHED_ENTITIES', 'CONTINUOUS_CHECKSUM', 'FULL_SCAN'] as const,
});
export const OperationEventType = builder.enumType('OperationEventType', {
  values: [
    'STARTED',
    'PHASE',
    'PROGRESS',
    'CONFLICT_DETECTED',
    'CONFLICT_RESOLVED',
    'WAITING',
    'RESUMED',
    'COMPLETED',
    'FAILED',
    'ABORTED',
  ] as const,
});

export const ConflictStrategyEnum = builder.enumType('ConflictStrategy', { values: CONFLICT_STRATEGIES });
export const ConflictTypeEnum = builder.enumType('ConflictType', { values: CONFLICT_TYPES });
export const ConflictAspectEnum = builder.enumType('ConflictAspect', {
  values: ['PROPERTY', 'LABEL', 'EXISTENCE', 'ENDS', 'CONSTRAINT'] as const,
});
export const ConflictStatus = builder.enumType('ConflictStatus', { values: ['OPEN', 'RESOLVED'] as const });
export const RehearsalStatus = builder.enumType('RehearsalStatus', {
  values: ['RUNNING', 'DONE', 'FAILED'] as const,
});
export const VerificationStatus = builder.enumType('VerificationStatus', {
  values: ['RUNNING', 'DONE', 'FAILED'] as const,
});
