import { setTimeout as sleep } from 'node:timers/promises';
import { ahead } from '../../core/ahead.ts';
import { reconcileOf } from '../../core/recording.ts';
import type { CapturedTransaction } from '../../core/recording-types.ts';
import type { RecorderLease } from '../../ports/history.ts';
import { FeedChangedError } from '../../ports/knowledge-graph.ts';
import type { CaptureWatch } from './capture-watch.ts';
import type { MissedWrites } from './missed-writes.ts';
import type { RecorderDeps } from './recorder-types.ts';
import type { Seat } from './seat.ts';
import type { Outcome, SliceRecorder } from './slice-recorder.ts';

/** Before the next scan, when something waits for its predecessor; doubled each time in a row. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** Moves what waits in the graph into history, one scan of the feed at a time. */
export class Drain {
  readonly #deps: RecorderDeps;
  readonly #seat: Seat;
  readonly #slices: SliceRecorder;
  readonly #watch: Pick<CaptureWatch, 'hear'>;
  readonly #maxChanges: number;
  #waits = 0;
  #stopped = false;

  constructor(
    deps: RecorderDeps,
    seat: Seat,
    slices: SliceRecorder,
    watch: Pick<CaptureWatch, 'hear'>,
    maxChanges: number,
  ) {
    this.#deps = deps;
    this.#seat = seat;
    this.#slices = slices;
    this.#watch = watch;
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
    // What an earlier scan left for it to be noted is gone with the next one.
    await this.#watch.hear();
    this.#slices.beginScan();
    try {
      for await (const slice of ahead(this.#prepared())) {
        if (this.#stopped) return false;
        const lease = await this.#seat.keep();
        if (restarting !== null) await this.#survey(lease, slice, restarting);
        else {
          const outcome = await this.#record(lease, slice);
          if (outcome.kind === 'WAIT') return await this.#pause();
          if (outcome.kind === 'RESTART') restarting = outcome.transaction.id;
        }
        if (restarting !== null && slice.some(({ id, last }) => last && id === restarting)) return false;
      }
      await this.#watch.hear();
    } catch (error) {
      if (!(error instanceof FeedChangedError)) throw error;
      this.#seat.doubt();
      return await this.#pause();
    } finally {
      await this.#slices.endScan();
    }
    this.#waits = 0;
    return restarting === null;
  }

  async *#prepared(): AsyncGenerator<readonly CapturedTransaction[]> {
    for await (const slice of this.#deps.graph.feed(this.#maxChanges)) {
      this.#slices.prepare(slice);
      yield slice;
    }
  }

  async #pause(): Promise<false> {
    await sleep(Math.min(FIRST_PAUSE_MS * 2 ** this.#waits, LONGEST_PAUSE_MS));
    this.#waits += 1;
    return false;
  }

  async #record(lease: RecorderLease, slice: readonly CapturedTransaction[]): Promise<Outcome> {
    const outcome = await this.#slices.record(lease, slice);
    if (outcome.kind !== 'RESTART') {
      const stored = outcome.kind === 'WAIT' ? outcome.stored : slice;
      // What is acknowledged is not fed again: a gap that it showed must be known by then, whatever becomes of this instance.
      await this.#watch.hear();
      await this.#deps.graph.acknowledge(stored.filter(({ last }) => last).map(({ id }) => id));
    }
    if (outcome.kind !== 'STORED') await this.#deps.history.discardPartial(lease);
    if (outcome.kind === 'RESTART') await this.#reconcile(lease, outcome.transaction, outcome.missed);
    return outcome;
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
