/** The states of points and operations, every transition between them, and what may be done in each. Full tables, so that a new state or event does not compile until someone has decided every pair. */

export const POINT_STATUSES = [
  'CREATED',
  'CAPTURING',
  'STORED',
  'VALIDATING',
  'VALID',
  'INVALID',
  'EXPIRED',
  'FAILED',
] as const;
export type PointStatus = (typeof POINT_STATUSES)[number];

/** PASS and REJECT are the two results of a validation. */
export type PointEvent = 'CAPTURE' | 'STORE' | 'FAIL' | 'VALIDATE' | 'PASS' | 'REJECT' | 'EXPIRE';

export const OPERATION_STATUSES = [
  'ROLLBACK_INITIATED',
  'ANALYZING',
  'CONFLICT_DETECTION',
  'CONFLICT_RESOLUTION',
  'EXECUTING',
  'COMPLETED',
  'PARTIALLY_COMPLETED',
  'FAILED',
  'ABORTED',
] as const;
export type OperationStatus = (typeof OPERATION_STATUSES)[number];

/**
 * ASK: a conflict needs a decision, of the plan's or because a guard failed. EXECUTE: nothing is open. COMPLETE_PARTLY: something was
 * written and something was not. ABORT: before anything was written.
 */
export type OperationEvent =
  | 'ANALYZE'
  | 'DETECT'
  | 'ASK'
  | 'EXECUTE'
  | 'COMPLETE'
  | 'COMPLETE_PARTLY'
  | 'FAIL'
  | 'ABORT';

export type OperationOutcome =
  | 'APPLIED'
  | 'NOTHING_TO_DO'
  | 'PREVIEWED'
  | 'SKIPPED'
  | 'INTERRUPTED'
  | 'ABORTED'
  | 'FAILED';
export const OPERATION_ACTIONS = [
  'EXECUTE',
  'REHEARSE',
  'RESOLVE',
  'PAUSE',
  'CONTINUE',
  'ABORT',
  'RESUME',
  'UNDO',
] as const;
export type OperationAction = (typeof OPERATION_ACTIONS)[number];

type Table<State extends string, Event extends string> = Readonly<Record<State, Readonly<Record<Event, State | null>>>>;

const NO_POINT_EVENT = {
  CAPTURE: null,
  STORE: null,
  FAIL: null,
  VALIDATE: null,
  PASS: null,
  REJECT: null,
  EXPIRE: null,
};

export const POINT_TRANSITIONS: Table<PointStatus, PointEvent> = {
  CREATED: { ...NO_POINT_EVENT, CAPTURE: 'CAPTURING' },
  CAPTURING: { ...NO_POINT_EVENT, STORE: 'STORED', FAIL: 'FAILED' },
  STORED: { ...NO_POINT_EVENT, VALIDATE: 'VALIDATING', EXPIRE: 'EXPIRED' },
  VALIDATING: { ...NO_POINT_EVENT, PASS: 'VALID', REJECT: 'INVALID' },
  VALID: { ...NO_POINT_EVENT, VALIDATE: 'VALIDATING', EXPIRE: 'EXPIRED' },
  INVALID: { ...NO_POINT_EVENT, VALIDATE: 'VALIDATING', EXPIRE: 'EXPIRED' },
  EXPIRED: NO_POINT_EVENT,
  FAILED: NO_POINT_EVENT,
};

const NO_OPERATION_EVENT = {
  ANALYZE: null,
  DETECT: null,
  ASK: null,
  EXECUTE: null,
  COMPLETE: null,
  COMPLETE_PARTLY: null,
  FAIL: null,
  ABORT: null,
};

export const OPERATION_TRANSITIONS: Table<OperationStatus, OperationEvent> = {
  ROLLBACK_INITIATED: { ...NO_OPERATION_EVENT, ANALYZE: 'ANALYZING', FAIL: 'FAILED', ABORT: 'ABORTED' },
  ANALYZING: {
    ...NO_OPERATION_EVENT,
    DETECT: 'CONFLICT_DETECTION',
    COMPLETE: 'COMPLETED',
    FAIL: 'FAILED',
    ABORT: 'ABORTED',
  },
  CONFLICT_DETECTION: {
    ...NO_OPERATION_EVENT,
    ASK: 'CONFLICT_RESOLUTION',
    EXECUTE: 'EXECUTING',
    COMPLETE: 'COMPLETED',
    FAIL: 'FAILED',
    ABORT: 'ABORTED',
  },
  CONFLICT_RESOLUTION: {
    ...NO_OPERATION_EVENT,
    EXECUTE: 'EXECUTING',
    COMPLETE_PARTLY: 'PARTIALLY_COMPLETED',
    FAIL: 'FAILED',
    ABORT: 'ABORTED',
  },
  EXECUTING: {
    ...NO_OPERATION_EVENT,
    ASK: 'CONFLICT_RESOLUTION',
    COMPLETE: 'COMPLETED',
    COMPLETE_PARTLY: 'PARTIALLY_COMPLETED',
    FAIL: 'FAILED',
    ABORT: 'ABORTED',
  },
  COMPLETED: NO_OPERATION_EVENT,
  PARTIALLY_COMPLETED: NO_OPERATION_EVENT,
  FAILED: NO_OPERATION_EVENT,
  ABORTED: NO_OPERATION_EVENT,
};

/** The state after the event, or null when the event cannot happen in this state. */
export function nextPointStatus(status: PointStatus, event: PointEvent): PointStatus | null {
  return POINT_TRANSITIONS[status][event];
}

/** The state after the event, or null when the event cannot happen in this state. */
export function nextOperationStatus(status: OperationStatus, event: OperationEvent): OperationStatus | null {
  return OPERATION_TRANSITIONS[status][event];
}

/** Whether nothing can follow. */
export function isFinalPoint(status: PointStatus): boolean {
  return Object.values(POINT_TRANSITIONS[status]).every((next) => next === null);
}

/** Whether nothing can follow. */
export function isFinalOperation(status: OperationStatus): boolean {
  return Object.values(OPERATION_TRANSITIONS[status]).every((next) => next === null);
}

/** Progress as shown: 0..100, whole, never going back. */
export function nextProgress(shown: number, computed: number): number {
  return Math.max(shown, Math.min(100, Math.max(0, Math.floor(computed))));
}
