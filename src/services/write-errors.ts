import { ConstraintError, InvalidInputError, NotFoundError, type PalinodeError, StateError } from '../core/errors.ts';
import type { GraphWrite, WriteError } from '../core/writes.ts';

/** What a refused write is to the client. Errors without a field for it say in their message which change was refused. */
export function toClientError(error: WriteError): PalinodeError {
  const { changeIndex, path, message } = error;
  switch (error.kind) {
    case 'INVALID':
      return InvalidInputError.field(path, message);
    case 'MISSING':
      return new NotFoundError(`${path.join('.')}: ${message}`);
    case 'EXISTS':
      return new ConstraintError(`${path.join('.')}: ${message}`, error.constraint, changeIndex, error.entity.key);
    case 'STALE':
      return new StateError(`${path.join('.')}: ${message}`, error.actualHash ?? 'ABSENT');
    case 'MISSING_END':
      return new ConstraintError(`${path.join('.')}: ${message}`, 'end', changeIndex, error.otherKey);
    case 'HAS_RELATIONSHIPS':
      return new ConstraintError(`${path.join('.')}: ${message}`, 'relationships', changeIndex, error.otherKey);
    default:
      return error satisfies never;
  }
}

/**
 * A refusal by the graph itself, with the position of the change it is about where the graph said which entity that is. Happens
 * when another writer was faster, or when the graph has constraints of its own.
 */
export function withChangeIndex(error: unknown, writes: readonly GraphWrite[], keys: readonly string[]): unknown {
  if (!(error instanceof ConstraintError) || error.changeIndex !== null || error.otherKey === null) return error;
  const index = keys.lastIndexOf(error.otherKey);
  if (index < 0) return error;
  const [field = ''] = Object.keys(writes[index] ?? {});
  return new ConstraintError(`changes.${index}.${field}: ${error.message}`, error.constraint, index, error.otherKey);
}
