import type { EntityChange } from '../../core/entities.ts';
import { ConstraintError } from '../../core/errors.ts';
import { DatabaseError, SqlState } from '../../ports/database.ts';

const EXCLUSION_VIOLATION = '23P01';
const NOT_NULL_VIOLATION = '23502';
const END_CONSTRAINTS: ReadonlySet<string | undefined> = new Set(['relationships_start', 'relationships_end']);
const KEY_CONSTRAINTS: ReadonlySet<string | undefined> = new Set(['nodes_key', 'relationships_key']);
const VALUE_CONSTRAINTS: ReadonlySet<string | undefined> = new Set([
  'properties_hold_values',
  'labels_are_names',
  'key_is_a_name',
  'type_is_a_name',
]);

/**
 * A refusal by the graph as a ConstraintError; any other error as it came. `changes` are those of the
 * request, to say which of them was refused; constraints of the user's own are named as they are.
 */
export function toConstraintError(error: unknown, changes: readonly EntityChange[] = []): unknown {
  if (!(error instanceof DatabaseError)) return error;
  const key = refusedKey(error);
  switch (error.code) {
    case SqlState.foreignKeyViolation:
      return foreignKeyError(error, key, changes);
    case SqlState.uniqueViolation:
      return KEY_CONSTRAINTS.has(error.constraint)
        ? new ConstraintError(`the key ${key} is taken`, 'key', indexOfCreated(changes, error.constraint, key), key)
        : own(error);
    case SqlState.checkViolation:
      return VALUE_CONSTRAINTS.has(error.constraint) ? new ConstraintError(error.message, 'value') : own(error);
    case EXCLUSION_VIOLATION:
    case NOT_NULL_VIOLATION:
      return own(error);
    default:
      return error;
  }
}

/** An entity was not as the writer had locked it: it came or went meanwhile, or was never locked. */
export function vanished(count: number, expected: number, what: string): ConstraintError {
  return new ConstraintError(`${expected - count} of ${expected} ${what} are gone`, 'gone');
}

function foreignKeyError(error: DatabaseError, key: string | null, changes: readonly EntityChange[]): unknown {
  if (!END_CONSTRAINTS.has(error.constraint)) return own(error);
  const deleted = indexWhere(
    changes,
    (change) => change.kind === 'NODE' && change.after === null && change.key === key,
  );
  const left = /is still referenced/.test(error.detail ?? '') || deleted !== null;
  if (left) return new ConstraintError(`node ${key} still has relationships`, 'relationships-left', deleted, key);
  const cut = indexWhere(
    changes,
    ({ after }) => after?.kind === 'RELATIONSHIP' && (after.start === key || after.end === key),
  );
  return new ConstraintError(`there is no node ${key} for the relationship to end at`, 'end', cut, key);
}

function own(error: DatabaseError): ConstraintError {
  const detail = error.detail === undefined ? '' : `: ${error.detail}`;
  return new ConstraintError(error.message + detail, error.constraint ?? error.code);
}

/** `Key (start_key)=(a) is not present in table "nodes".` in any language. */
function refusedKey(error: DatabaseError): string | null {
  const match = /\([^)]*\)=\((.*)\)/s.exec(error.detail ?? '');
  return match?.[1] ?? null;
}

function indexOfCreated(
  changes: readonly EntityChange[],
  constraint: string | undefined,
  key: string | null,
): number | null {
  const kind = constraint === 'nodes_key' ? 'NODE' : 'RELATIONSHIP';
  return indexWhere(changes, (change) => change.kind === kind && change.key === key);
}

function indexWhere(changes: readonly EntityChange[], test: (change: EntityChange) => boolean): number | null {
  const index = changes.findIndex(test);
  return index < 0 ? null : index;
}
