import { endingOf } from '../../core/endings.ts';
import { type ConflictPolicy, strategyFor } from '../../core/policy.ts';
import type { OperationEventType, OperationMetric, OperationStep } from '../../ports/operation-store.ts';
import type { OpenConflicts } from '../../ports/plan-store.ts';
import type { OperationRun, RollbackDependencies, StopCause } from './operation-run.ts';

const EVENT_OF: Readonly<Record<string, OperationEventType>> = {
  COMPLETE: 'COMPLETED',
  COMPLETE_PARTLY: 'COMPLETED',
  FAIL: 'FAILED',
  ABORT: 'ABORTED',
};

/** Ends the operation: its state, outcome and account, its last event, its audit entry and its figures, in one step. */
export async function end(
  run: OperationRun,
  why: 'DONE' | StopCause,
  message: string | null,
  more: OperationStep = {},
): Promise<void> {
  const { operation, deps } = run;
  const { counts } = operation;
  const ending = endingOf({ cause: why, dryRun: operation.dryRun, ...counts });
  const account = operation.dryRun ? undefined : await deps.plans.account(operation.id, operation.planHash ?? '');
  await run.transit(ending.event, {
    ...more,
    outcome: ending.outcome,
    progress: ending.status === 'COMPLETED' || ending.status === 'PARTIALLY_COMPLETED' ? 100 : operation.progress,
    ...(message !== null && (why !== 'DONE' || more.errorMessage !== undefined) && { errorMessage: message }),
    ...(account !== undefined && { account }),
    abortConflicts: why === 'ABORTED',
    events: [...(more.events ?? []), { type: EVENT_OF[ending.event] ?? 'COMPLETED', message }],
    logs: [
      { level: why === 'DONE' ? 'INFO' : 'ERROR', message: message ?? `Ended ${ending.status}: ${ending.outcome}` },
    ],
    audit: {
      type: `OPERATION_${ending.status}`,
      data: { outcome: ending.outcome, message, dryRun: operation.dryRun, ...counts },
      actor: operation.requestedBy,
      ip: null,
      userAgent: null,
      operationId: operation.id,
      pointId: operation.targetPointId,
    },
    metrics: figures(run, ending.outcome),
  });
  // Nobody resumes an operation that has ended. A marker that stays behind now is found by the next sweep.
  if (operation.safetyPointId !== null) await forgetMarker(deps, operation).catch(() => {});
}

/** Removes what an operation that has ended left in its graph. */
export async function forgetMarker(
  { registry, operations }: Pick<RollbackDependencies, 'registry' | 'operations'>,
  { id, graphId }: { readonly id: string; readonly graphId: number },
): Promise<void> {
  await registry.get(graphId).graph.forgetMarker(id);
  await operations.unmark(id);
}

/** Whether the policy says of one of the open conflicts that the operation is to end. */
export function aborts(policy: ConflictPolicy, open: OpenConflicts): boolean {
  return open.types.some((type) => strategyFor(policy, type) === 'ABORT');
}

function figures({ operation, deps, served }: OperationRun, outcome: string): OperationMetric[] {
  const tags = {
    graph: served.graph.name,
    type: operation.type,
    strategy: operation.strategy,
    outcome,
    dryRun: `${operation.dryRun}`,
  };
  const ms = deps.clock.now().getTime() - operation.createdAt.getTime();
  return [
    { name: 'operation_duration', value: Math.max(0, ms), unit: 'ms', tags },
    { name: 'operation_applied', value: Number(operation.counts.applied), unit: 'entities', tags },
  ];
}
