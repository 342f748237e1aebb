import type { ChangeSummary } from '../../../core/moments.ts';
import type { OperationLogEntry, PlanRow } from '../../../generated/prisma/client.ts';
import type { CaptureProblem, EntityTimelineEntry, RecordedChange } from '../../../ports/history.ts';
import { builder } from '../builder.ts';
import { connectionType } from '../connections.ts';
import {
  AuditEntryRef,
  ConflictRef,
  GraphNodeRef,
  GraphRelationshipRef,
  OperationEventRef,
  OperationRef,
  PointRef,
  RehearsalRef,
  ResolutionRuleRef,
  SessionRef,
  TransactionRef,
} from './refs.ts';

export interface TimelineAt {
  readonly graphId: number;
  readonly entry: EntityTimelineEntry;
}
export interface RecordedChangeIn {
  readonly graphId: number;
  readonly change: RecordedChange;
}
export interface ContributionShape {
  readonly actor: string | null;
  readonly sessionId: string | null;
  readonly transactions: bigint;
  readonly summary: ChangeSummary;
}
export interface NameCountShape {
  readonly name: string;
  readonly count: bigint;
}

export const EntityVersionRef = builder.objectRef<TimelineAt>('EntityVersion');
export const RecordedChangeRef = builder.objectRef<RecordedChangeIn>('RecordedChange');
export const ContributionRef = builder.objectRef<ContributionShape>('Contribution');
export const NameCountRef = builder.objectRef<NameCountShape>('NameCount');
export const CaptureProblemRef = builder.objectRef<CaptureProblem>('CaptureProblem');
export const PlannedChangeRef = builder.objectRef<PlanRow>('PlannedChange');
export const LogEntryRef = builder.objectRef<OperationLogEntry>('LogEntry');

export const GraphNodeConnection = connectionType('GraphNode', GraphNodeRef);
export const GraphRelationshipConnection = connectionType('GraphRelationship', GraphRelationshipRef);
export const NameCountConnection = connectionType('NameCount', NameCountRef);
export const TransactionConnection = connectionType('Transaction', TransactionRef);
export const RecordedChangeConnection = connectionType('RecordedChange', RecordedChangeRef);
export const ContributionConnection = connectionType('Contribution', ContributionRef);
export const CaptureProblemConnection = connectionType('CaptureProblem', CaptureProblemRef);
export const EntityVersionConnection = connectionType('EntityVersion', EntityVersionRef);
export const SessionConnection = connectionType('Session', SessionRef);
export const PointConnection = connectionType('RollbackPoint', PointRef);
export const OperationConnection = connectionType('RollbackOperation', OperationRef);
export const ConflictConnection = connectionType('Conflict', ConflictRef);
export const ResolutionRuleConnection = connectionType('ResolutionRule', ResolutionRuleRef);
export const RehearsalConnection = connectionType('Rehearsal', RehearsalRef);
export const PlannedChangeConnection = connectionType('PlannedChange', PlannedChangeRef);
export const LogEntryConnection = connectionType('LogEntry', LogEntryRef);
export const AuditEntryConnection = connectionType('AuditEntry', AuditEntryRef);
export const OperationEventConnection = connectionType('OperationEvent', OperationEventRef);
