import { Neo4jError } from 'neo4j-driver';
import { GraphError } from '../../ports/graph-error.ts';

const LOST: ReadonlySet<string> = new Set(['ServiceUnavailable', 'SessionExpired', 'ProtocolError']);

/**
 * Beside what the driver says: the leader went, the transaction was ended from outside, an entity vanished while it was being read. Codes as the
 * driver gives them, which calls `Terminated` and `LockClientStopped` errors of the client's, whatever the server said.
 */
const RETRYABLE: ReadonlySet<string> = new Set([
  'Neo.ClientError.Cluster.NotALeader',
  'Neo.ClientError.General.ForbiddenOnReadOnlyDatabase',
  'Neo.ClientError.Transaction.LockClientStopped',
  'Neo.ClientError.Transaction.Terminated',
  'Neo.ClientError.Transaction.TransactionMarkedAsFailed',
  'Neo.ClientError.Statement.EntityNotFound',
  'Neo.DatabaseError.Transaction.TransactionTerminationFailed',
]);

const UNREACHED: ReadonlySet<string> = new Set([
  'Neo.TransientError.Transaction.BookmarkTimeout',
  'Neo.ClientError.Transaction.InvalidBookmark',
  'Neo.ClientError.Transaction.InvalidBookmarkMixture',
]);

/** A leader lost its place, or its followers, while it handed a commit to them: they may have it all the same. */
const MAYBE_REPLICATED = 'Neo.TransientError.Cluster.ReplicationFailure';

/** What the driver says by itself, as of whatever is asked of a transaction that has failed. */
const BY_DRIVER = 'N/A';

/** A server that did not answer within the time in which it should have ended the transaction itself. */
export class SilentServerError extends Error {
  override readonly name = 'SilentServerError';

  constructor() {
    super('the graph does not answer');
  }
}

/** The connection was lost, or gave nonsense. */
export function isLost(error: unknown): boolean {
  if (error instanceof SilentServerError) return true;
  return error instanceof Neo4jError && LOST.has(error.code);
}

/** An error that tells no reason: there may be one before it. */
export function isByDriver(error: unknown): boolean {
  return error instanceof Neo4jError && error.code === BY_DRIVER;
}

/** Every connection of the driver was taken for as long as it waits for one. Nothing but its message says so. */
function isExhausted(error: unknown): boolean {
  return isByDriver(error) && error instanceof Error && error.message.startsWith('Connection acquisition timed out');
}

/** The database has not come as far as it was asked to: it lags behind, or its store was replaced by an earlier one. */
export function isUnreachedBookmark(error: unknown): boolean {
  return error instanceof Neo4jError && UNREACHED.has(error.code);
}

/** A commit that may have taken place: the next try finds out. */
export class UnansweredCommit extends GraphError {
  constructor(cause: unknown) {
    super('the graph did not say whether it committed', 'CommitUnanswered', true, cause);
  }
}

/**
 * Whether a commit that failed so may have taken place all the same: only a refusal by the server itself says that it did not, unless it is one
 * by a leader that does not know.
 */
export function isUnanswered(error: unknown): boolean {
  if (error instanceof SilentServerError) return true;
  if (!(error instanceof Neo4jError)) return false;
  return error.code === MAYBE_REPLICATED || !/^Neo\.(Client|Transient)Error\./.test(error.code);
}

/** True when the same transaction, run again, may succeed: deadlock, leader change, lost connection, a server that starts or stops. */
export function isRetryable(error: unknown): boolean {
  if (error instanceof GraphError) return error.retryable;
  if (isLost(error)) return true;
  if (!(error instanceof Neo4jError)) return false;
  if (error.retryable === true || isUnreachedBookmark(error)) return true;
  return RETRYABLE.has(error.code) || error.code.startsWith('Neo.TransientError.');
}

/**
 * An error of the driver as one of ours; any other as it came. A driver that had no free connection passes, too: whoever asked has waited for one
 * and does not wait as long again, but may come back.
 */
export function toGraphError(error: unknown): unknown {
  if (error instanceof SilentServerError) return new GraphError(error.message, 'ServiceUnavailable', true, error);
  if (!(error instanceof Neo4jError)) return error;
  return new GraphError(error.message, error.code, isRetryable(error) || isExhausted(error), error);
}

/** For whatever leaves the adapter: an error of the driver tells nobody outside whether it passes. */
export function rethrow(error: unknown): never {
  throw toGraphError(error);
}
