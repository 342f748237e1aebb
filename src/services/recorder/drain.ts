import { reconcileOf } from '../../core/recording.ts';
import type { CapturedTransaction } from '../../core/recording-types.ts';
import type { RecorderLease } from '../../ports/history.ts';
import { ahead } from '../ahead.ts';
import type { MissedWrites } from './missed-writes.ts';
import type { RecorderDeps } from './recorder-types.ts';
import type { Seat } from './seat.ts';
import type { SliceRecorder } from './slice-recorder.ts';

/** Moves what waits in the graph into history, one scan of the feed at a time. */
export class Drain {
  readonly #deps: RecorderDeps;
  readonly #seat: Seat;
  readonly #slices: SliceRecorder;
  readonly #maxChanges: number;
  #stopped = false;

  constructor(deps: RecorderDeps, seat: Seat, slices: SliceRecorder, maxChanges: number) {
    this.#deps = deps;
    this.#seat = seat;
    this.#slices = slices;
    this.#maxChanges = maxChanges;
  }

  /** No further slice is begun. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Records everything that had committed when it was called.
   * @returns false when another instance records, or this one was stopped meanwhile
   */
  async run(): Promise<boolean> {
    try {
      while (!this.#stopped) {
        if ((await this.#seat.take()) === null) return false;
        if (await this.#scan()) return true;
      }
      return false;
    } catch (error) {
      this.#seat.doubt();
      throw error;
    }
  }

  /** @returns false when the scan has to be made anew */
  async #scan(): Promise<boolean> {
    let restarting: string | null = null;
    for await (const slice of ahead(this.#deps.graph.feed(this.#maxChanges))) {
      if (this.#stopped) return false;
      const lease = await this.#seat.keep();
      if (restarting === null) restarting = await this.#record(lease, slice);
      else await this.#survey(lease, slice, restarting);
      if (restarting !== null && slice.some(({ id, last }) => last && id === restarting)) return false;
    }
    return restarting === null;
  }

  /** @returns the transaction that has to be stored anew, or null when the slice is recorded and acknowledged */
  async #record(lease: RecorderLease, slice: readonly CapturedTransaction[]): Promise<string | null> {
    const restart = await this.#slices.record(lease, slice);
    if (restart === null) {
      await this.#deps.graph.acknowledge(slice.filter(({ last }) => last).map(({ id }) => id));
      return null;
    }
    await this.#deps.history.discardPartial(lease);
    await this.#reconcile(lease, restart.transaction, restart.missed);
    return restart.transaction.id;
  }

  /** Puts what the later slices of a transaction show to be missing in front of it too, before it is stored anew. */
  async #survey(lease: RecorderLease, slice: readonly CapturedTransaction[], id: string): Promise<void> {
    const own = slice.filter((transaction) => transaction.id === id);
    const [transaction] = own;
    if (transaction !== undefined) await this.#reconcile(lease, transaction, await this.#slices.survey(own));
  }

  async #reconcile(lease: RecorderLease, before: CapturedTransaction, missed: MissedWrites): Promise<void> {
    const fixes = [...missed.values()].flat();
    if (fixes.length > 0) await this.#slices.record(lease, [reconcileOf(this.#deps.keys.next(), before, fixes)]);
  }
}
