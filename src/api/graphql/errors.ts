import { randomUUID } from 'node:crypto';
import { GraphQLError } from 'graphql';
import {
  CaptureError,
  ConstraintError,
  ForbiddenError,
  HistoryDroppedError,
  IdempotencyError,
  InvalidInputError,
  LimitError,
  NotFoundError,
  PalinodeError,
  PlanChangedError,
  StateError,
} from '../../core/errors.ts';
import { isUnavailable } from '../../ports/database.ts';

/** The `state` of a StateError that stands for a HistoryDroppedError inside a result union. */
export const HISTORY_DROPPED = 'HISTORY_DROPPED';

/** The error members of result unions. A mutation lists those that can occur. */
export const USER_ERRORS = {
  invalidInput: InvalidInputError,
  notFound: NotFoundError,
  forbidden: ForbiddenError,
  state: StateError,
  idempotency: IdempotencyError,
  planChanged: PlanChangedError,
  constraint: ConstraintError,
  limit: LimitError,
  capture: CaptureError,
} as const;

/** Runs a mutation's work. History that was dropped is a state of the target there, since unions have no type of its own for it. */
export async function mapUnionErrors<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HistoryDroppedError) throw new StateError(error.message, HISTORY_DROPPED);
    throw error;
  }
}

/** An error outside result unions that clients may act on. */
export function codedError(
  code: string,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...details } });
}

/** Where unexpected errors are written, under the reference that the client is given. */
export type ErrorReport = (error: unknown, reference: string) => void;

/**
 * What leaves the service for an error that no result union took: our own errors with their code, GraphQL's own as they are, anything
 * else as a reference to the log.
 */
export function maskError(error: unknown, report: ErrorReport): Error {
  const cause = rootOf(error);
  const where = error instanceof GraphQLError ? placeOf(error) : {};
  if (cause instanceof PalinodeError) {
    return new GraphQLError(cause.message, { ...where, extensions: { code: codeOf(cause), ...detailsOf(cause) } });
  }
  if (cause instanceof GraphQLError && isClients(cause)) {
    if (!(error instanceof GraphQLError)) return cause;
    const extensions = { code: 'INVALID_INPUT', ...cause.extensions, ...error.extensions };
    return new GraphQLError(error.message, { ...where, extensions });
  }
  const reference = randomUUID();
  report(cause, reference);
  const code = isUnavailable(cause) ? 'UNAVAILABLE' : 'INTERNAL';
  return new GraphQLError(`Unexpected error, logged as ${reference}`, { ...where, extensions: { code, reference } });
}

function placeOf({ nodes, source, positions, path }: GraphQLError) {
  return { nodes: nodes ?? null, source: source ?? null, positions: positions ?? null, path: path ?? null };
}

/** GraphQL's own errors are about the request until a field is being resolved; from there on they are defects, unless they are coded. */
function isClients({ path, extensions }: GraphQLError): boolean {
  return path === undefined || extensions.code !== undefined;
}

/** The error that was thrown, below GraphQL's wrappers. */
function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof GraphQLError && root.originalError !== undefined) root = root.originalError;
  return root;
}

/** A query on a graph that is not captured has a code of its own, which result unions do not know. */
function codeOf(error: PalinodeError): string {
  return error instanceof CaptureError && error.mode === 'OFF' ? 'CAPTURE_OFF' : error.code;
}

function detailsOf(error: PalinodeError): Readonly<Record<string, unknown>> {
  if (error instanceof InvalidInputError) return { fields: error.fields };
  if (error instanceof StateError) return { state: error.state };
  if (error instanceof LimitError) return { limit: error.limit.toString() };
  if (error instanceof CaptureError) return { mode: error.mode };
  return error instanceof ForbiddenError ? { required: error.required } : {};
}
