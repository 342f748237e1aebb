import type { RecordedTransaction } from '../../ports/history.ts';
import type { StoredOperationEvent } from '../../ports/operation-events.ts';

/** Stored rows first, notices second: each feed replays from its cursor and then follows. */
export interface Feeds {
  /** Ends when the operation has ended and its last event was delivered. `after` is an event seq of the operation. */
  operationEvents(operationId: string, after: bigint, signal: AbortSignal): AsyncIterable<StoredOperationEvent>;
  graphEvents(graphId: number, after: bigint, signal: AbortSignal): AsyncIterable<StoredOperationEvent>;
  transactions(
    graphId: number,
    after: bigint,
    sessionId: string | null,
    signal: AbortSignal,
  ): AsyncIterable<RecordedTransaction>;
  /** Wakes on every change of the point (or of capture); the edge reads the row. Ends when the point is in a resting state. */
  pointChanges(pointId: string, signal: AbortSignal): AsyncIterable<void>;
  captureChanges(graphId: number, signal: AbortSignal): AsyncIterable<void>;
}
