import { InvalidInputError } from '../../../core/errors.ts';
import { type ConflictPolicy, MANUAL_POLICY } from '../../../core/policy.ts';
import { type ApiContext, renewLoaders } from '../context.ts';
import { mapUnionErrors, USER_ERRORS } from '../errors.ts';

const { invalidInput, notFound, forbidden, state, idempotency, limit, capture } = USER_ERRORS;

/** What can go wrong in nearly every mutation. */
export const COMMON_ERRORS = [invalidInput, notFound, forbidden, state, idempotency];
/** And in those that read what may be large. */
export const ARCHIVE_ERRORS = [...COMMON_ERRORS, limit];
/** And in those that start from what the graph holds. */
export const GRAPH_ERRORS = [...COMMON_ERRORS, limit, capture];

/** Runs a mutation through the services and reads its result afresh. */
export function mutate<Made, Result>(
  context: ApiContext,
  work: () => Promise<Made>,
  read: (made: Made) => Promise<Result | null> | Result | null,
): Promise<Result> {
  return mapUnionErrors(async () => {
    const made = await work();
    renewLoaders(context);
    const result = await read(made);
    if (result === null) throw new Error('what the mutation made is not there');
    return result;
  });
}

export function policyFrom(input: ConflictPolicy | null | undefined): ConflictPolicy {
  return input ?? MANUAL_POLICY;
}

/** @throws InvalidInputError naming the field unless it is absent or at least 1 */
export function positive(value: number | null | undefined, field: string): number | null {
  if (value === null || value === undefined) return null;
  if (value >= 1) return value;
  throw InvalidInputError.field([field], 'must be at least 1');
}
