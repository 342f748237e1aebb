import { isFinalOperation, OPERATION_STATUSES } from '../core/states.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { History, RecordedTransaction } from '../ports/history.ts';
import type { OperationEvents, StoredOperationEvent } from '../ports/operation-events.ts';
import type { PointStore } from '../ports/point-store.ts';
import type * as contract from './contract.ts';
import { SharedReads } from './shared-reads.ts';
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
  readonly #events = new SharedReads<readonly StoredOperationEvent[]>();
  readonly #transactions = new SharedReads<readonly RecordedTransaction[]>();

  constructor(deps: FeedsDependencies) {
    this.#deps = deps;
  }

  operationEvents(operationId: string, after: bigint, signal: AbortSignal): AsyncGenerator<StoredOperationEvent> {
    const { events } = this.#deps;
    const read = (position: bigint): Promise<readonly StoredOperationEvent[]> =>
      this.#events.read(`operation:${operationId}:${position}`, () => events.ofOperation(operationId, position, PAGE));
    // Judged by the event at the reader's position and no later one: what was stored since must be delivered first.
    const isOver = async (last: StoredOperationEvent | null): Promise<boolean> =>
      last === null
        ? (await events.ofOperation(operationId, after - 1n, 1)).some(
            (event) => event.seq === after && endsAfter(event),
          )
        : endsAfter(last);
    return this.#follow(`operation:${operationId}`, after, signal, read, ({ seq }) => seq, isOver);
  }

  graphEvents(graphId: number, after: bigint, signal: AbortSignal): AsyncGenerator<StoredOperationEvent> {
    const read = (position: bigint): Promise<readonly StoredOperationEvent[]> =>
      this.#events.read(`graph:${graphId}:${position}`, () => this.#deps.events.ofGraph(graphId, position, PAGE));
    return this.#follow(`graph:${graphId}`, after, signal, read, ({ id }) => id);
  }

  transactions(
    graphId: number,
    after: bigint,
    sessionId: string | null,
    signal: AbortSignal,
  ): AsyncGenerator<RecordedTransaction> {
    const filter = sessionId === null ? {} : { sessionId };
    const { history } = this.#deps;
    const read = (position: bigint): Promise<readonly RecordedTransaction[]> =>
      this.#transactions.read(
        `${graphId}:${sessionId ?? ''}:${position}`,
        async () => (await history.transactions(graphId, filter, { limit: PAGE, after: position })).items,
      );
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
          (point.archivingId === null && !['CREATED', 'CAPTURING', 'VALIDATING'].includes(point.status))
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
    isOver: (last: Row | null) => Promise<boolean> = async () => false,
  ): AsyncGenerator<Row> {
    // Subscribed before the first read: what is stored between the two wakes the reader.
    const wakes = new Wakes(this.#deps.bus, topic, signal);
    try {
      let last: Row | null = null;
      let isJudged = false;
      for (let position = after; !signal.aborted; ) {
        const rows = await read(position);
        for (const row of rows) {
          yield row;
          position = positionOf(row);
          last = row;
          isJudged = false;
        }
        if (rows.length === PAGE) continue;
        // Where the reader stands does not change while nothing comes.
        if (!isJudged && (await isOver(last))) return;
        isJudged = true;
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
