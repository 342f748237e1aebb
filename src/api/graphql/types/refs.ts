import type { EntityState, NodeState, RelationshipState } from '../../../core/entities.ts';
import type { At, Moment } from '../../../core/moments.ts';
import type { GraphRecord, RecordedTransaction } from '../../../ports/history.ts';
import type { StoredOperationEvent } from '../../../ports/operation-events.ts';
import type { DiffView } from '../../../services/contract.ts';
import { builder } from '../builder.ts';
import { encodeId, type NodeType } from '../ids.ts';

/** Types that refer to each other, declared before they are described in files of their own. */

/** An entity with the moment at which it is read; what hangs on it is read at the same moment. */
export interface EntityAt<State extends EntityState = EntityState> {
  readonly graphId: number;
  readonly at: Moment;
  readonly state: State;
}

/** `ends`: the two moments as they were named. */
export interface DiffShape {
  readonly view: DiffView;
  readonly ends: { readonly from: At; readonly to: At };
}

export const NodeInterface = builder.nodeInterfaceRef();
export const GraphRef = builder.objectRef<GraphRecord>('Graph');
export const GraphNodeRef = builder.objectRef<EntityAt<NodeState>>('GraphNode');
export const GraphRelationshipRef = builder.objectRef<EntityAt<RelationshipState>>('GraphRelationship');
export const TransactionRef = builder.objectRef<RecordedTransaction>('Transaction');
export const DiffRef = builder.objectRef<DiffShape>('Diff');
export const OperationEventRef = builder.objectRef<StoredOperationEvent>('OperationEvent');

const recordId =
  (type: NodeType) =>
  ({ id }: { readonly id: string }): string =>
    encodeId(type, id);

export const PointRef = builder.prismaObject('RollbackPoint', {
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('RollbackPoint') }) }),
});
export const SnapshotRef = builder.prismaObject('RollbackSnapshot', {
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('RollbackSnapshot') }) }),
});
export const OperationRef = builder.prismaObject('RollbackOperation', {
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('RollbackOperation') }) }),
});
export const ConflictRef = builder.prismaObject('Conflict', {
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('Conflict') }) }),
});
export const ResolutionRuleRef = builder.prismaObject('ResolutionRule', {
  description: 'A remembered decision: operations apply it where their policy would ask a person.',
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('ResolutionRule') }) }),
});
export const RehearsalRef = builder.prismaObject('Rehearsal', {
  description: 'A plan run on a scratch copy of what it touches. The graph itself is only read.',
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('Rehearsal') }) }),
});
export const SessionRef = builder.prismaObject('Session', {
  description: 'A named group of writes by one actor.',
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('Session') }) }),
});
export const VerificationRef = builder.prismaObject('Verification', {
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('Verification') }) }),
});
export const AuditEntryRef = builder.prismaObject('AuditEntry', {
  description: 'Append-only; every entry carries the hash of the one before it.',
  interfaces: [NodeInterface],
  fields: (t) => ({ id: t.id({ resolve: recordId('AuditEntry') }) }),
});
