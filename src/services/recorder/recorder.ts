import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityChange } from '../../core/entities.ts';
import { CaptureError } from '../../core/errors.ts';
import type { RecordedTransaction } from '../../ports/history.ts';
import { type Pending, StaleTokenError } from '../../ports/knowledge-graph.ts';
import { assertCaptured } from '../capture-state.ts';
import { SharedReads } from '../shared-reads.ts';
import { Baseline } from './baseline.ts';
import { CaptureWatch } from './capture-watch.ts';
import { Differences } from './differences.ts';
import { Drain } from './drain.ts';
import { Handover } from './handover.ts';
import { LenientRecorder } from './lenient-recorder.ts';
import { Patience } from './patience.ts';
import { RECORDER_DEFAULTS, type RecorderDeps, type RecorderOptions } from './recorder-types.ts';
import { ScanPass } from './scan-pass.ts';
import { Seat } from './seat.ts';
import { SliceRecorder } from './slice-recorder.ts';
import { STORE_RESTORED } from './store-stamp.ts';

const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 250;

/**
 * Moves what a graph's capture noticed into history: in order, exactly once, by one instance at a time. Every instance has one; those
 * that do not hold the lease stand by.
 */
export class Recorder {
  readonly #deps: RecorderDeps;
  readonly #options: RecorderOptions;
  readonly #seat: Seat;
  readonly #watch: CaptureWatch;
  readonly #slices: SliceRecorder;
  readonly #drain: Drain;
  readonly #baseline: Baseline | null;
  readonly #differences: Differences;
  readonly #handover: Handover;
  /** Fences at the same time ask once what waits, and so begin one scan. */
  readonly #pending = new SharedReads<Pending>();
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<boolean> | null = null;
  #nextPass: Promise<void> | null = null;
  #loop: Promise<void> | null = null;
  readonly #stopping = new AbortController();
  #waking = new AbortController();
  #unsubscribe: (() => void)[] = [];
  /** Until when the background leaves alone what waits, as the clock has it. */
  #idleUntil = 0;
  #poked = false;

  constructor(deps: RecorderDeps, options: Partial<RecorderOptions> = {}) {
    this.#deps = deps;
    this.#options = { ...RECORDER_DEFAULTS, ...options };
    this.#seat = new Seat(deps, this.#options.leaseMs);
    this.#handover = new Handover(deps, this.#options);
    this.#watch = new CaptureWatch(deps, this.#options.inspectMs);
    const lenient = new LenientRecorder(deps);
    const slices = new SliceRecorder(deps, this.#seat, this.#watch, lenient, new Patience(deps, this.#options));
    this.#slices = slices;
    this.#drain = new Drain(deps, this.#seat, slices, this.#watch, this.#options.maxChanges);
    this.#baseline =
      deps.attachments === undefined ? null : new Baseline(deps, deps.attachments, this.#seat, slices, lenient);
    this.#differences = new Differences(deps, this.#seat, slices);
  }

  /** Records in the background from now on. */
  start(): void {
    if (this.#loop !== null) return;
    const { bus, graphId } = this.#deps;
    this.#unsubscribe = [
      bus.subscribe(`pending:${graphId}`, () => this.poke()),
      this.#handover.listen(() => this.#rest()),
    ];
    this.#loop = this.#run();
  }

  /** Ends after the slice under way and gives the lease back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#drain.stop();
    for (const end of this.#unsubscribe.splice(0)) end();
    this.poke();
    await this.#loop;
    await this.#last;
    await this.#baseline?.reset();
    await this.#seat.leave();
  }

  /** There is something to record: do not wait for the next look. */
  poke(): void {
    this.#poked = true;
    this.#idleUntil = 0;
    this.#waking.abort();
  }

  /** See Recording. */
  async reportGap(message: string): Promise<void> {
    await this.#watch.gap([{ kind: STORE_RESTORED, message, key: null }]);
  }

  /** See Recording. */
  holdOff(ms: number): void {
    this.#idleUntil = this.#deps.clock.now().getTime() + ms;
  }

  /**
   * Resolves when everything that had committed in the graph before the call is recorded. Calls at the same time share one scan.
   * A graph that is captured by scans has nothing to wait for.
   * @throws CaptureError when the instance that records does not get there in time, the graph is not captured, or this one is stopping
   */
  async fence(): Promise<void> {
    return this.#fence(false);
  }

  /** See Recording. */
  async certainFence(): Promise<void> {
    await this.#fence(true);
    await this.#watch.assertWhole();
  }

  async #fence(lookAnyway: boolean): Promise<void> {
    this.#assertRunning();
    if (this.#deps.graph.capture() !== 'SCAN') await this.#lookAndRecord(lookAnyway);
    // Asked last: capture that is on now was on when the scan began.
    await this.#assertCaptured();
  }

  /** As `fence`; a graph that is captured by scans is compared as a whole, so that what it holds now is recorded. */
  async refresh(): Promise<void> {
    await this.fence();
    if (this.#deps.graph.capture() !== 'SCAN') return;
    this.#nextPass ??= this.#serial(() => {
      this.#nextPass = null;
      return this.#scanAll();
    });
    await this.#nextPass;
  }

  /**
   * Records differences between history and the graph as one RECONCILE transaction of a new epoch. What history no longer has as
   * `before` is left out, and so is what an earlier attempt under the same `id` recorded. Null when neither left anything. An instance that records the graph is asked to let this one do it.
   * @throws CaptureError when that one does not
   */
  reconcile(id: string, differences: AsyncIterable<readonly EntityChange[]>): Promise<RecordedTransaction | null> {
    return this.#serial(async () => {
      await this.#handover.takeOver(() => {
        this.#assertRunning();
        return this.#seat.during(() => this.#drain.run());
      });
      try {
        return await this.#seat.during(() => this.#differences.record(id, differences));
      } catch (error) {
        this.#seat.doubt();
        throw error;
      }
    });
  }

  /** Both at the same time, since every point waits for them; what the look finds is asked for when both are done. */
  async #lookAndRecord(lookAnyway: boolean): Promise<void> {
    await Promise.all([this.#watch.look(lookAnyway), this.#recordPending()]);
  }

  async #recordPending(): Promise<void> {
    const before = await this.#pending.read('', () => this.#deps.graph.pending());
    if (before.transactions === 0n) return;
    if (await this.#nextDrain()) return;
    this.#assertRunning();
    await this.#waitForOther(before);
  }

  /** Waits for another instance that compares the graph. */
  async #scanAll(): Promise<void> {
    const { clock } = this.#deps;
    const deadline = clock.now().getTime() + this.#options.scanTimeoutMs;
    while ((await this.#seat.take()) === null) {
      this.#assertRunning();
      if (clock.now().getTime() > deadline)
        throw new CaptureError('another instance still compares this graph', 'SCAN', true);
      await sleep(LONGEST_POLL_MS);
    }
    try {
      await this.#seat.during(() => new ScanPass(this.#deps, this.#seat, this.#slices).run());
    } finally {
      this.#seat.doubt();
      await this.#seat.leave();
    }
  }

  /** A scan that has not begun yet. */
  #nextDrain(): Promise<boolean> {
    this.#next ??= this.#serial(() => {
      this.#next = null;
      return this.#seat.during(() => this.#drain.run());
    }).catch((error: unknown) => {
      if (error instanceof StaleTokenError) return false;
      throw error;
    });
    return this.#next;
  }

  #serial<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** What waited then is recorded when everything that still waits is younger, or when the lease falls to this instance. */
  async #waitForOther({ newest }: Pending): Promise<void> {
    const { graph, bus, graphId, clock } = this.#deps;
    const deadline = clock.now().getTime() + this.#options.fenceTimeoutMs;
    bus.publish(`pending:${graphId}`);
    for (let wait = FIRST_POLL_MS; clock.now().getTime() < deadline; wait = Math.min(wait * 2, LONGEST_POLL_MS)) {
      await sleep(wait);
      this.#assertRunning();
      const { transactions, oldest } = await graph.pending();
      if (transactions === 0n || (oldest !== null && newest !== null && oldest > newest)) return;
      if (await this.#nextDrain()) return;
    }
    throw new CaptureError(
      'what was written is not recorded yet: the instance that records does not keep up',
      'CONTINUOUS',
      true,
    );
  }

  async #run(): Promise<void> {
    const { busyMs, idleMs } = this.#options;
    let pause = busyMs;
    while (!this.#stopping.signal.aborted) {
      pause = (await this.#lookOnce()) ? busyMs : Math.min(pause * 2, idleMs);
      await sleep(pause, undefined, { signal: this.#waking.signal }).catch(() => {
        this.#waking = new AbortController();
        pause = busyMs;
      });
    }
  }

  /** @returns whether there was something to record */
  async #lookOnce(): Promise<boolean> {
    try {
      if (this.#handover.isAside) return false;
      if (this.#deps.graph.capture() === 'SCAN' && this.#seat.mode === 'SCAN') return await this.#rest();
      if ((await this.#serial(() => this.#seat.take())) === null) return false;
      if (this.#seat.mode === 'OFF' || this.#seat.mode === 'SCAN') return await this.#rest();
      if (this.#seat.mode === 'BASELINE') return await this.#recordBaseline();
      await this.#watch.look();
      if (!this.#poked && this.#deps.clock.now().getTime() < this.#idleUntil) return false;
      this.#poked = false;
      const found = (await this.#deps.graph.pending()).transactions > 0n && (await this.#nextDrain());
      await this.#watch.mark(this.#seat.head.seq);
      this.#deps.onSuccess?.();
      return found;
    } catch (error) {
      this.#deps.onError?.(error);
      return false;
    }
  }

  /** Nothing is to be recorded until somebody asks: whoever asks first may hold the lease. */
  async #rest(): Promise<false> {
    await this.#serial(async () => {
      this.#seat.doubt();
      await this.#seat.leave();
    });
    return false;
  }

  /** Pages, with scans of the feed between them, until all is recorded or the recorder stops. */
  async #recordBaseline(): Promise<boolean> {
    const baseline = this.#baseline;
    if (baseline === null) throw new Error('a graph that is always attached has no baseline');
    while (!this.#stopping.signal.aborted && this.#seat.mode === 'BASELINE') {
      if (await this.#serial(() => this.#seat.during(() => baseline.step()))) {
        await this.#serial(async () => {
          if (await this.#seat.during(() => this.#drain.run())) await baseline.finish();
        });
      } else if ((await this.#deps.graph.pending()).transactions > 0n) await this.#nextDrain();
      await this.#watch.look();
    }
    return true;
  }

  async #assertCaptured(): Promise<void> {
    const record = await this.#deps.history.graph(this.#deps.graphId);
    if (record !== null) assertCaptured(record);
  }

  #assertRunning(): void {
    if (this.#stopping.signal.aborted) throw new CaptureError('the recorder is stopping', 'CONTINUOUS');
  }
}
