/**
 * The SQL door that every store uses. Two engines implement it: a PostgreSQL server and PGlite inside
 * the process. Both map types alike:
 *
 * | SQL | JavaScript |
 * | --- | --- |
 * | int2, int4, float4, float8 | number |
 * | int8 | bigint |
 * | numeric, date, timestamp, time, interval | string, as PostgreSQL writes it |
 * | timestamptz | Date |
 * | json, jsonb | the parsed value |
 * | bytea | Buffer |
 * | arrays of these | arrays, NULL elements being null |
 *
 * Parameters: null, string, number, bigint, boolean, Date, Uint8Array and arrays of these. A jsonb
 * parameter is passed as JSON text by the caller (`$1::jsonb`).
 */
export interface SqlExecutor {
  /**
   * Runs one statement.
   * @returns the rows, and how many rows the statement returned or changed
   * @throws DatabaseError
   */
  query<R>(text: string, params?: readonly unknown[]): Promise<SqlResult<R>>;

  /**
   * Runs several statements without parameters, as one request.
   * @throws DatabaseError
   */
  script(text: string): Promise<void>;
}

export interface SqlResult<R> {
  readonly rows: R[];
  readonly count: number;
}

export interface TransactionOptions {
  /** `read committed` unless told. */
  readonly isolation?: 'read committed' | 'repeatable read';
  readonly readOnly?: boolean;
  /** Longest time one statement may take, in milliseconds, 0 for no bound. Only a server enforces it. */
  readonly statementTimeoutMs?: number;
}

export interface Database extends SqlExecutor {
  readonly engine: 'pglite' | 'server';

  /**
   * Runs `work` in one transaction: committed when it returns, rolled back when it throws. Inside,
   * only `tx` may be used; the database itself refuses, since PGlite has a single connection and a
   * pool can run dry.
   * @throws DatabaseError, or whatever `work` threw
   */
  transaction<T>(work: (tx: SqlExecutor) => Promise<T>, options?: TransactionOptions): Promise<T>;

  /**
   * Calls `listener` for every statement sent on this pool or instance, whoever sent it (stores,
   * Prisma, the job queue), BEGIN and COMMIT included.
   * @returns a function that ends this
   */
  onStatement(listener: (text: string) => void): () => void;

  /** Waits for running work, then closes. Further calls fail. */
  close(): Promise<void>;
}

/** What PostgreSQL, or the way to it, refused. */
export class DatabaseError extends Error {
  /** SQLSTATE; a lost or impossible connection is of class 08. */
  readonly code: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
  readonly detail: string | undefined;

  constructor(message: string, code: string, where: DatabaseErrorDetails = {}) {
    super(message, { cause: where.cause });
    this.name = 'DatabaseError';
    this.code = code;
    this.constraint = where.constraint;
    this.table = where.table;
    this.detail = where.detail;
  }
}

export interface DatabaseErrorDetails {
  readonly constraint?: string | undefined;
  readonly table?: string | undefined;
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

/** SQLSTATEs that stores tell apart. */
export const SqlState = {
  uniqueViolation: '23505',
  foreignKeyViolation: '23503',
  checkViolation: '23514',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  undefinedTable: '42P01',
  failedTransaction: '25P02',
  wrongTransactionUse: '25001',
} as const;

/** True when the same transaction, run again, may succeed. */
export function isRetryable(error: unknown): boolean {
  return (
    error instanceof DatabaseError &&
    (error.code === SqlState.serializationFailure || error.code === SqlState.deadlockDetected)
  );
}

/** True when the database could not be reached, is starting or stopping, has no connection left, or gave up a connection that slept. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof DatabaseError && /^(08|57P0|53300|25P03)/.test(error.code);
}

/** True when somebody else kept locked for too long what the transaction wanted. */
export function isLocked(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === SqlState.lockNotAvailable;
}
