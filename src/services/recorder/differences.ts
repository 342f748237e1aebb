import { type EntityChange, entityId } from '../../core/entities.ts';
import { hashOf, sameHash } from '../../core/hash.ts';
import { withMissed } from '../../core/missed.ts';
import { recordSlice } from '../../core/recording.ts';
import type { FullTransaction } from '../../core/recording-types.ts';
import type { RecordedTransaction } from '../../ports/history.ts';
import type { RecorderDeps } from './recorder-types.ts';
import type { Seat } from './seat.ts';
import type { SliceRecorder } from './slice-recorder.ts';

/** Records what a full comparison found as one RECONCILE transaction that opens an epoch. */
export class Differences {
  readonly #deps: RecorderDeps;
  readonly #seat: Seat;
  readonly #slices: SliceRecorder;

  constructor(deps: RecorderDeps, seat: Seat, slices: SliceRecorder) {
    this.#deps = deps;
    this.#seat = seat;
    this.#slices = slices;
  }

  /**
   * What an earlier attempt of the same comparison recorded stays: only what differs since is recorded beside it, under an id of its own.
   * @returns what was recorded last; null when history had all of it already
   */
  async record(id: string, differences: AsyncIterable<readonly EntityChange[]>): Promise<RecordedTransaction | null> {
    const { history, graphId, keys } = this.#deps;
    const earlier = (await history.transactionsByFeedId(graphId, [id])).get(id) ?? null;
    const feedId = earlier === null ? id : keys.next();
    let held: readonly EntityChange[] | null = null;
    let first = true;
    for await (const part of differences) {
      const fitting = await this.#fitting(part);
      if (fitting.length === 0) continue;
      if (held !== null) {
        await this.#store(feedId, held, first, false);
        first = false;
      }
      held = fitting;
    }
    return held === null ? earlier : this.#store(feedId, held, first, true);
  }

  /** As changes of what is recorded by now: where the graph tells what a write changed, and no more, one shows nothing of what was missed before it. */
  async #fitting(part: readonly EntityChange[]): Promise<readonly EntityChange[]> {
    const current = await this.#deps.history.current(this.#deps.graphId, part);
    return part.flatMap((change) => {
      const stored = current.get(entityId(change)) ?? null;
      if (sameHash(hashOf(change.before), stored?.hash ?? null)) return change;
      const before = stored?.state ?? null;
      const after = withMissed(change.before, change.after, before);
      return sameHash(hashOf(after), hashOf(before)) ? [] : { ...change, before, after };
    });
  }

  async #store(
    id: string,
    changes: readonly EntityChange[],
    first: boolean,
    last: boolean,
  ): Promise<RecordedTransaction | null> {
    const { clock, history, graphId } = this.#deps;
    const lease = await this.#seat.keep();
    if (first) await history.beginEpoch(graphId);
    const nobody = { actor: null, session: null, operation: null } as const;
    const time = clock.now();
    const part: FullTransaction = { id, time, source: 'RECONCILE', ...nobody, cut: last, changes, first, last };
    const current = await history.current(graphId, changes);
    const ends = new Set(
      changes.flatMap(({ after }) => (after?.kind === 'RELATIONSHIP' ? [after.start, after.end] : [])),
    );
    // A comparison lists every entity, so a relationship's ends are in it or in history: the order of the parts is free.
    const stored = { seq: this.#seat.head.seq + 1n, current, nodes: ends, putBack: new Map() };
    const recorded = await this.#slices.store(lease, recordSlice([part], stored).entries);
    return recorded.at(-1) ?? null;
  }
}
