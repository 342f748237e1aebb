/** An event of an operation as it is stored. */
export interface StoredOperationEvent {
  /** Position over all operations of the graph. */
  readonly id: bigint;
  readonly operationId: string;
  /** Position within the operation, without gaps. */
  readonly seq: bigint;
  readonly at: Date;
  readonly type: string;
  readonly status: string;
  readonly progress: number;
  readonly counts: {
    readonly planned: string;
    readonly applied: string;
    readonly skipped: string;
    readonly conflicted: string;
  };
  readonly message: string | null;
  readonly conflictId: string | null;
}

/** The events of operations, oldest first. Within a graph, ids become visible in their order. */
export interface OperationEvents {
  ofOperation(operationId: string, afterSeq: bigint, limit: number): Promise<readonly StoredOperationEvent[]>;
  ofGraph(graphId: number, afterId: bigint, limit: number): Promise<readonly StoredOperationEvent[]>;
}
