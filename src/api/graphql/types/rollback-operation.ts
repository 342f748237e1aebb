import { isRecord } from '../../../core/decoded.ts';
import { availableActions } from '../../../core/endings.ts';
import type { RollbackOperation } from '../../../generated/prisma/client.ts';
import type { RecordFilter } from '../../../ports/records.ts';
import { builder } from '../builder.ts';
import { pageArguments } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { ConflictFilterInput } from '../inputs/filters.ts';
import { firstRecord } from '../record-connections.ts';
import { storedSchemaChanges, storedSummary } from '../stored.ts';
import { ChangeConnection } from './change.ts';
import {
  ConflictConnection,
  LogEntryConnection,
  OperationEventConnection,
  PlannedChangeConnection,
  RehearsalConnection,
} from './connections.ts';
import { SchemaChangeRef } from './diff.ts';
import {
  ChangeActionEnum,
  OperationActionEnum,
  OperationOutcomeEnum,
  OperationStatusEnum,
  OperationTypeEnum,
  PlannedChangeState,
  RollbackStrategyEnum,
} from './enums.ts';
import { graphOf } from './graph-of.ts';
import { ChangeSummaryRef, MomentRef } from './moment.ts';
import { listEvents } from './operation-event.ts';
import {
  ConflictPolicyRef,
  OperationAccountRef,
  OperationCountsRef,
  policyOf,
  UndoSetRef,
  undoOf,
} from './operation-parts.ts';
import { listCascade, listConflicts, listLog, listPlan } from './operation-plan.ts';
import { ProofRef, proofOf } from './proof.ts';
import { GraphRef, OperationRef, PointRef } from './refs.ts';
import { listRehearsals } from './rehearsal.ts';
import { oneOf } from './stored-enum.ts';
import { checkLimit, SubgraphRef } from './subgraph.ts';

builder.prismaObjectFields(OperationRef, (t) => ({
  graph: t.field({ type: GraphRef, resolve: graphOf }),
  type: t.field({ type: OperationTypeEnum, resolve: ({ type }) => oneOf(OperationTypeEnum, type) }),
  status: t.field({ type: OperationStatusEnum, resolve: ({ status }) => oneOf(OperationStatusEnum, status) }),
  outcome: t.field({
    type: OperationOutcomeEnum,
    nullable: true,
    resolve: ({ outcome }) => (outcome === null ? null : oneOf(OperationOutcomeEnum, outcome)),
  }),
  strategy: t.field({ type: RollbackStrategyEnum, resolve: ({ strategy }) => oneOf(RollbackStrategyEnum, strategy) }),
  dryRun: t.exposeBoolean('dryRun'),
  targetPoint: t.field({
    type: PointRef,
    nullable: true,
    resolve: ({ targetRollbackPointId: id }, _, { loaders }) => (id === null ? null : loaders.point.load(id)),
  }),
  target: t.field({
    type: MomentRef,
    nullable: true,
    resolve: ({ graphId, targetSeq }, _, { loaders }) => loaders.momentOf(graphId, targetSeq),
  }),
  undo: t.field({ type: UndoSetRef, resolve: undoOf }),
  scope: t.field({ type: 'JSON', nullable: true, description: 'As ScopeInput.', resolve: ({ scope }) => scope }),
  policy: t.field({ type: ConflictPolicyRef, resolve: policyOf }),
  progress: t.exposeInt('progress', { description: '0 to 100, never going back.' }),
  availableActions: t.field({
    type: [OperationActionEnum],
    resolve: (operation, _, context) => actionsOf(operation, context),
  }),
  planHash: t.exposeString('planHash', { nullable: true }),
  counts: t.field({ type: OperationCountsRef, resolve: (operation) => operation }),
  planSummary: t.field({
    type: ChangeSummaryRef,
    nullable: true,
    resolve: ({ planSummary }) => storedSummary(planSummary),
  }),
  schemaChanges: t.field({
    type: [SchemaChangeRef],
    resolve: ({ schemaChanges }) => storedSchemaChanges(schemaChanges),
  }),
  plan: t.field({
    type: PlannedChangeConnection,
    args: {
      state: t.arg({ type: [PlannedChangeState] }),
      action: t.arg({ type: ChangeActionEnum }),
      key: t.arg.id(),
      ...pageArguments(t.arg),
    },
    resolve: (operation, args, context) => listPlan(operation, args, context),
  }),
  planSubgraph: t.field({
    type: SubgraphRef,
    nullable: true,
    args: { limit: t.arg.int({ required: true, defaultValue: 200 }) },
    resolve: ({ id, planHash }, { limit }, { services }) =>
      planHash === null ? null : services.rollbacks.planSubgraph(id, checkLimit(limit)),
  }),
  cascade: t.field({
    type: ChangeConnection,
    description: 'What must change with the plan so that the graph stays whole.',
    args: pageArguments(t.arg),
    resolve: (operation, args, context) => listCascade(operation, args, context),
  }),
  conflicts: t.field({
    type: ConflictConnection,
    args: { filter: t.arg({ type: ConflictFilterInput }), ...pageArguments(t.arg) },
    resolve: (operation, args, context) => listConflicts(operation, args, context),
  }),
  openConflictCount: t.field({ type: 'BigInt', resolve: ({ id }, _, context) => openConflicts(id, context) }),
  events: t.field({
    type: OperationEventConnection,
    args: pageArguments(t.arg),
    resolve: ({ id }, args, context) => listEvents(id, args, context),
  }),
  safetyPoint: t.field({
    type: PointRef,
    nullable: true,
    description: 'Pinned before the first write.',
    resolve: ({ safetyPointId: id }, _, { loaders }) => (id === null ? null : loaders.point.load(id)),
  }),
  rehearsalOf: t.field({
    type: OperationRef,
    nullable: true,
    resolve: ({ rehearsalOfId: id }, _, { loaders }) => (id === null ? null : loaders.operation.load(id)),
  }),
  rehearsals: t.field({
    type: RehearsalConnection,
    description: 'Of a dry run, newest first.',
    args: pageArguments(t.arg),
    resolve: ({ id }, args, context) => listRehearsals(id, args, context),
  }),
  executedAs: t.field({
    type: OperationRef,
    nullable: true,
    description: 'The newest operation that was to run by this plan, whatever became of it.',
    resolve: ({ id }, _, context) => newest('rehearsalOfId', id, context),
  }),
  undoes: t.field({
    type: OperationRef,
    nullable: true,
    resolve: ({ undoOperationId: id }, _, { loaders }) => (id === null ? null : loaders.operation.load(id)),
  }),
  undoneBy: t.field({
    type: OperationRef,
    nullable: true,
    description: 'The newest operation that was to take this one back, whatever became of it.',
    resolve: ({ id }, _, context) => newest('undoOperationId', id, context),
  }),
  resumes: t.field({
    type: OperationRef,
    nullable: true,
    description: 'The operation whose rest this one does.',
    resolve: ({ resumesId: id }, _, { loaders }) => (id === null ? null : loaders.operation.load(id)),
  }),
  resumedBy: t.field({
    type: OperationRef,
    nullable: true,
    description: 'The newest operation that was to do what this one left, whatever became of it.',
    resolve: ({ id }, _, context) => newest('resumesId', id, context),
  }),
  paused: t.boolean({
    description: 'Until it is continued or aborted, nothing more is written.',
    resolve: ({ pausedAt }) => pausedAt !== null,
  }),
  proof: t.field({ type: ProofRef, nullable: true, resolve: proofOf }),
  account: t.field({
    type: OperationAccountRef,
    nullable: true,
    resolve: ({ account }) => (isRecord(account) ? account : null),
  }),
  errorMessage: t.exposeString('errorMessage', { nullable: true }),
  logEntries: t.field({
    type: LogEntryConnection,
    args: pageArguments(t.arg),
    resolve: (operation, args, context) => listLog(operation, args, context),
  }),
  requestedBy: t.exposeString('requestedBy', { nullable: true }),
  createdAt: t.expose('createdAt', { type: 'DateTime' }),
  startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true }),
  completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
}));

const OPEN: readonly RecordFilter[] = [{ field: 'status', is: 'EQUAL', value: 'OPEN' }];
/** What a rehearsal, an abort or a failure before the first write leaves is not done. */
const IN_EARNEST: readonly RecordFilter[] = [{ field: 'dryRun', is: 'EQUAL', value: false }];
const FINAL: ReadonlySet<string> = new Set(['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED']);

function openConflicts(id: string, { loaders }: ApiContext): Promise<bigint> {
  return loaders.count({ record: 'conflict', parent: 'operationId', filters: OPEN }, id);
}

function newest(
  parentField: 'rehearsalOfId' | 'undoOperationId' | 'resumesId',
  parent: string,
  context: ApiContext,
): Promise<RollbackOperation | null> {
  return firstRecord(context, { record: 'rollbackOperation', parentField, parent, filters: IN_EARNEST });
}

async function actionsOf(operation: RollbackOperation, context: ApiContext) {
  const [openCount, undo, resumption, graph] = await Promise.all([
    openConflicts(operation.id, context),
    newest('undoOperationId', operation.id, context),
    newest('resumesId', operation.id, context),
    graphOf(operation, {}, context),
  ]);
  return availableActions({
    status: oneOf(OperationStatusEnum, operation.status),
    outcome: operation.outcome === null ? null : oneOf(OperationOutcomeEnum, operation.outcome),
    dryRun: operation.dryRun,
    gradual: operation.strategy === 'GRADUAL',
    paused: operation.pausedAt !== null,
    expired: false,
    planned: operation.planned + operation.conflicted,
    applied: operation.applied,
    openConflicts: openCount,
    undone: hasTaken(undo),
    resumed: hasTaken(resumption),
    tellsWriters: graph.captureMode !== 'SCAN',
  });
}

/** It runs, or has written something. */
function hasTaken(operation: RollbackOperation | null): boolean {
  return operation !== null && (operation.applied > 0n || !FINAL.has(operation.status));
}
