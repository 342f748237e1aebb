import { DatabaseError, type SqlExecutor, SqlState } from '../../ports/database.ts';

/**
 * One transaction's statements. PostgreSQL says of whatever follows a failed one only that the transaction had failed; whoever sent it sooner than
 * it heard of that is given the reason, which tells whether it passes.
 */
export function withFirstError(tx: SqlExecutor): SqlExecutor {
  let first: unknown;
  const explained = (error: unknown): never => {
    const follows = error instanceof DatabaseError && error.code === SqlState.failedTransaction;
    if (!follows) first ??= error;
    throw follows ? (first ?? error) : error;
  };
  return {
    query: (text, params) => tx.query<never>(text, params).catch(explained),
    script: (text) => tx.script(text).catch(explained),
  };
}
