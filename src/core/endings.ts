import {
  isFinalOperation,
  OPERATION_ACTIONS,
  type OperationAction,
  type OperationEvent,
  type OperationOutcome,
  type OperationStatus,
} from './states.ts';

/** Why an operation stops. INTERRUPTED: it cannot go on now, but what is left could be done by another. */
export type EndCause = 'DONE' | 'INTERRUPTED' | 'ABORTED' | 'FAILED';

/** What decides how an operation ends. The numbers count entities. */
export interface EndFacts {
  readonly cause: EndCause;
  readonly dryRun: boolean;
  readonly planned: bigint;
  readonly conflicted: bigint;
  readonly applied: bigint;
  readonly skipped: bigint;
}

export interface Ending {
  readonly event: Extract<OperationEvent, 'COMPLETE' | 'COMPLETE_PARTLY' | 'FAIL' | 'ABORT'>;
  readonly status: OperationStatus;
  readonly outcome: OperationOutcome;
}

const COMPLETED = { event: 'COMPLETE', status: 'COMPLETED' } as const;
const PARTLY = { event: 'COMPLETE_PARTLY', status: 'PARTIALLY_COMPLETED' } as const;
const FAILED: Ending = { event: 'FAIL', status: 'FAILED', outcome: 'FAILED' };

/**
 * The final state and the outcome. Something skipped makes it partial even when nothing else was to do; an interruption or an abort is
 * partial only once something was written.
 */
export function endingOf(facts: EndFacts): Ending {
  const { cause, dryRun, planned, conflicted, applied, skipped } = facts;
  if (cause === 'FAILED') return FAILED;
  if (cause === 'ABORTED') {
    return applied > 0n ? { ...PARTLY, outcome: 'ABORTED' } : { event: 'ABORT', status: 'ABORTED', outcome: 'ABORTED' };
  }
  if (cause === 'INTERRUPTED') return applied > 0n ? { ...PARTLY, outcome: 'INTERRUPTED' } : FAILED;
  if (dryRun) return { ...COMPLETED, outcome: planned + conflicted > 0n ? 'PREVIEWED' : 'NOTHING_TO_DO' };
  if (skipped > 0n) return { ...PARTLY, outcome: 'SKIPPED' };
  return { ...COMPLETED, outcome: applied > 0n ? 'APPLIED' : 'NOTHING_TO_DO' };
}

/** What decides which actions an operation offers. The numbers count entities. */
export interface ActionFacts {
  readonly status: OperationStatus;
  readonly outcome: OperationOutcome | null;
  readonly dryRun: boolean;
  readonly gradual: boolean;
  readonly paused: boolean;
  /** The preview is too old to be executed. */
  readonly expired: boolean;
  /** Entities that the plan changes or has a conflict about. */
  readonly planned: bigint;
  readonly applied: bigint;
  readonly openConflicts: bigint;
  /** An operation that undoes this one is running or has written something. */
  readonly undone: boolean;
  /** An operation that does what this one left is running or has written something. */
  readonly resumed: boolean;
  /** Capture tells who wrote what, as scans do not. */
  readonly tellsWriters: boolean;
}

/** What may be done with an operation now, in a fixed order. A finished preview can be decided about, then rehearsed, and executed. */
export function availableActions(facts: ActionFacts): OperationAction[] {
  const final = isFinalOperation(facts.status);
  const preview = facts.dryRun && facts.status === 'COMPLETED' && !facts.expired;
  const wrote = !facts.dryRun && facts.applied > 0n;
  const planned = facts.planned > 0n;
  const offered: Readonly<Record<OperationAction, boolean>> = {
    EXECUTE: preview && planned,
    REHEARSE: preview && planned && facts.openConflicts === 0n,
    RESOLVE: (preview || facts.status === 'CONFLICT_RESOLUTION') && facts.openConflicts > 0n,
    PAUSE: canPause(facts) && !facts.paused,
    CONTINUE: !final && facts.paused,
    ABORT: !final,
    RESUME: final && wrote && !facts.resumed && (facts.outcome === 'INTERRUPTED' || facts.outcome === 'FAILED'),
    UNDO: final && wrote && !facts.undone && facts.tellsWriters,
  };
  return OPERATION_ACTIONS.filter((action) => offered[action]);
}

/** Only what is written in batches can stop between them. */
export function canPause({ status, dryRun, gradual }: Pick<ActionFacts, 'status' | 'dryRun' | 'gradual'>): boolean {
  return gradual && !dryRun && !isFinalOperation(status);
}
