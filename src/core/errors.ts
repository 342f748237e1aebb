import type { EntityRef } from './entities.ts';

/**
 * The one error tree. Services throw these; the GraphQL, REST and CLI edges map them in one place
 * each. A conflict is never an error: it is data.
 */
export type ErrorCode =
  | 'INVALID_INPUT'
  | 'NOT_FOUND'
  | 'FORBIDDEN'
  | 'WRONG_STATE'
  | 'IDEMPOTENCY_MISMATCH'
  | 'PLAN_CHANGED'
  | 'CONSTRAINT_FAILED'
  | 'LIMIT_EXCEEDED'
  | 'CAPTURE_UNAVAILABLE'
  | 'HISTORY_DROPPED';

export abstract class PalinodeError extends Error {
  abstract readonly code: ErrorCode;
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** `path` names the field from the input's root, list indexes included: changes, 17, putNode, set, 2, value. */
export interface FieldProblem {
  readonly path: readonly string[];
  readonly message: string;
}

export class InvalidInputError extends PalinodeError {
  readonly code = 'INVALID_INPUT';
  readonly fields: readonly FieldProblem[];
  constructor(fields: readonly FieldProblem[]) {
    super(fields.map((f) => `${f.path.join('.')}: ${f.message}`).join('; '));
    this.fields = fields;
  }
  static field(path: readonly string[], message: string): InvalidInputError {
    return new InvalidInputError([{ path, message }]);
  }
}

export class NotFoundError extends PalinodeError {
  readonly code = 'NOT_FOUND';
}

export class ForbiddenError extends PalinodeError {
  readonly code = 'FORBIDDEN';
  readonly required: string | null;
  constructor(message: string, required: string | null = null) {
    super(message);
    this.required = required;
  }
}

/** The object exists but is in a state that does not allow this. */
export class StateError extends PalinodeError {
  readonly code = 'WRONG_STATE';
  readonly state: string;
  constructor(message: string, state: string) {
    super(message);
    this.state = state;
  }
}

/** The idempotency key was used before with another input. `first` is the object that the first use returned. */
export class IdempotencyError extends PalinodeError {
  readonly code = 'IDEMPOTENCY_MISMATCH';
  readonly first: { readonly type: string; readonly id: string } | null;
  constructor(message: string, first: { type: string; id: string } | null) {
    super(message);
    this.first = first;
  }
}

/** The graph moved on since the preview in a way that widens the plan. `operationId` is the preview. */
export class PlanChangedError extends PalinodeError {
  readonly code = 'PLAN_CHANGED';
  readonly expected: string;
  readonly operationId: string;
  constructor(message: string, expected: string, operationId: string) {
    super(message);
    this.expected = expected;
    this.operationId = operationId;
  }
}

/**
 * The graph refused a write. `changeIndex` counts from 0 in the request's list of changes; `otherKey` is who stands in the way of it, such as the
 * holder of a unique value; `refused` is the entity that could not be written. Each is null where it is not known.
 */
export class ConstraintError extends PalinodeError {
  readonly code = 'CONSTRAINT_FAILED';
  readonly constraint: string;
  readonly changeIndex: number | null;
  readonly otherKey: string | null;
  readonly refused: EntityRef | null;
  constructor(
    message: string,
    constraint: string,
    changeIndex: number | null = null,
    otherKey: string | null = null,
    refused: EntityRef | null = null,
  ) {
    super(message);
    this.constraint = constraint;
    this.changeIndex = changeIndex;
    this.otherKey = otherKey;
    this.refused = refused;
  }
}

/** An error that says which of some changes was refused, with its entity: whoever wrote in parts knows nothing of their indexes. */
export function withRefused(error: unknown, changes: readonly EntityRef[]): unknown {
  if (!(error instanceof ConstraintError) || error.changeIndex === null || error.refused !== null) return error;
  const change = changes[error.changeIndex];
  if (change === undefined) return error;
  const { message, constraint, changeIndex, otherKey } = error;
  return new ConstraintError(message, constraint, changeIndex, otherKey, { kind: change.kind, key: change.key });
}

export class LimitError extends PalinodeError {
  readonly code = 'LIMIT_EXCEEDED';
  readonly limit: bigint;
  constructor(message: string, limit: bigint) {
    super(message);
    this.limit = limit;
  }
}

export type CaptureMode = 'OFF' | 'BASELINE' | 'CONTINUOUS' | 'SCAN';

export class CaptureError extends PalinodeError {
  readonly code = 'CAPTURE_UNAVAILABLE';
  readonly mode: CaptureMode;
  /** Nothing is wrong with what is recorded: it, or the instance that records, was waited for in vain, and may get there yet. */
  readonly passes: boolean;
  constructor(message: string, mode: CaptureMode, passes = false) {
    super(message);
    this.mode = mode;
    this.passes = passes;
  }
}

/** The moment lies before capture began, or in a span that retention dropped. */
export class HistoryDroppedError extends PalinodeError {
  readonly code = 'HISTORY_DROPPED';
}
