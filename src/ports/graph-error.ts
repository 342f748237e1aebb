/** What a graph, or the way to it, refused, when it is neither a constraint nor a limit. Never holds a secret. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  /** The graph's own code. */
  readonly code: string;
  /** The same transaction, run again, may succeed. */
  readonly retryable: boolean;

  constructor(message: string, code: string, retryable: boolean, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.retryable = retryable;
  }
}
