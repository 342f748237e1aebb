import { isFinalOperation, OPERATION_STATUSES } from '../core/states.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { History, RecordedTransaction } from '../ports/history.ts';
import type { OperationEvents, StoredOperationEvent } from '../ports/operation-events.ts';
import type { PointStore } from '../ports/point-store.ts';
import type * as contract from './contract.ts';
import { Wakes } from './wakes.ts';

/** Rows read at a time: what a reader who stops taking them can hold in memory. */
const PAGE = 200;

export interface FeedsDependencies {
  readonly events: OperationEvents;
  readonly history: Pick<History, 'transactions'>;
  readonly points: Pick<PointStore, 'get'>;
  readonly bus: EventBus;
}

/** What happens, as it happens: stored rows after the reader's position, then each new one as its notice comes. */
export class Feeds implements contract.Feeds {
  readonly #deps: FeedsDependencies;

  constructor(deps: FeedsDependencies) {
    this.#deps = deps;
  }

  operationEvents(operationId: string, after: bigint, signal: AbortSignal): AsyncGenerator<StoredOperationEvent> {
    const read = (position: bigint): Promise<readonly StoredOperationEvent[]> =>
      this.#deps.events.ofOperation(operationId, position, PAGE);
    // Judged by the event at the reader's position and no later one: what was stored since must be delivered first.
    const isOver = async (position: bigint): Promise<boolean> =>
      (await this.#deps.events.ofOperation(operationId, position - 1n, 1)).some(
        (event) => event.seq === position && endsAfter(event),
      );
    return this.#follow(`operation:${operationId}`, after, signal, read, ({ seq }) => seq, isOver);
  }

  graphEvents(graphId: number, after: bigint, signal: AbortSignal): AsyncGenerator<StoredOperationEvent> {
    const read = (position: bigint): Promise<readonly StoredOperationEvent[]> =>
      this.#deps.events.ofGraph(graphId, position, PAGE);
    return this.#follow(`graph:${graphId}`, after, signal, read, ({ id }) => id);
  }

  transactions(
    graphId: number,
    after: bigint,
    sessionId: string | null,
    signal: AbortSignal,
  ): AsyncGenerator<RecordedTransaction> {
    const filter = sessionId === null ? {} : { sessionId };
    const read = async (position: bigint): Promise<readonly RecordedTransaction[]> =>
      (await this.#deps.history.transactions(graphId, filter, { limit: PAGE, after: position })).items;
    return this.#follow(`graph:${graphId}`, after, signal, read, ({ seq }) => seq);
  }

  async *pointChanges(pointId: string, signal: AbortSignal): AsyncGenerator<void> {
    const wakes = new Wakes(this.#deps.bus, `point:${pointId}`, signal);
    try {
      while (!signal.aborted) {
        const point = await this.#deps.points.get(pointId);
        if (
          point === null ||
          point.deletedAt !== null ||
          !['CREATED', 'CAPTURING', 'VALIDATING'].includes(point.status)
        )
          return;
        yield;
        await wakes.next();
      }
    } finally {
      wakes.close();
    }
  }

  async *captureChanges(graphId: number, signal: AbortSignal): AsyncGenerator<void> {
    const wakes = new Wakes(this.#deps.bus, `capture:${graphId}`, signal);
    try {
      while (!signal.aborted) {
        await wakes.next();
        yield;
      }
    } finally {
      wakes.close();
    }
  }

  async *#follow<Row>(
    topic: string,
    after: bigint,
    signal: AbortSignal,
    read: (position: bigint) => Promise<readonly Row[]>,
    positionOf: (row: Row) => bigint,
    isOver: (position: bigint) => Promise<boolean> = async () => false,
  ): AsyncGenerator<Row> {
    // Subscribed before the first read: what is stored between the two wakes the reader.
    const wakes = new Wakes(this.#deps.bus, topic, signal);
    try {
      for (let position = after; !signal.aborted; ) {
        const rows = await read(position);
        for (const row of rows) {
          yield row;
          position = positionOf(row);
        }
        if (rows.length === PAGE) continue;
        if (await isOver(position)) return;
        await wakes.next();
      }
    } finally {
      wakes.close();
    }
  }
}

function endsAfter(event: StoredOperationEvent): boolean {
  const status = OPERATION_STATUSES.find((known) => known === event.status);
  return status !== undefined && isFinalOperation(status);
}
