import type { CaptureMode } from '../../core/errors.ts';
import type { RecorderLease } from '../../ports/history.ts';
import { StaleTokenError } from '../../ports/knowledge-graph.ts';
import type { RecorderDeps } from './recorder-types.ts';

/** The place of the one instance that records a graph, with what only that one knows: where the head is. */
export class Seat {
  /** The newest complete transaction, and whether it is known to be a cut. */
  head = { seq: 0n, cut: false };
  /** How the graph is captured, as of when the lease was taken, or as the holder changed it. */
  mode: CaptureMode = 'OFF';
  readonly #deps: RecorderDeps;
  readonly #holder: string;
  readonly #leaseMs: number;
  #lease: RecorderLease | null = null;
  #renewAt = 0;
  /** Whether the head is known and nothing is half stored. */
  #settled = false;

  constructor(deps: RecorderDeps, leaseMs: number) {
    this.#deps = deps;
    this.#holder = deps.keys.next();
    this.#leaseMs = leaseMs;
  }

  /** Takes or renews the lease. Null when another instance has it. */
  async take(): Promise<RecorderLease | null> {
    const { clock, history, graphId } = this.#deps;
    const now = clock.now().getTime();
    if (this.#lease !== null && this.#settled && now < this.#renewAt) return this.#lease;
    const lease = await history.acquireLease(graphId, this.#holder, this.#leaseMs);
    if (lease?.token !== this.#lease?.token) this.#settled = false;
    this.#lease = lease;
    if (lease !== null && !this.#settled) await this.#settle(lease);
    this.#renewAt = now + this.#leaseMs / 3;
    return lease;
  }

  /** As `take`, in the middle of recording. @throws StaleTokenError when another instance has taken over */
  async keep(): Promise<RecorderLease> {
    const held = this.#lease;
    const lease = await this.take();
    if (lease === null || lease.token !== held?.token) throw new StaleTokenError('another instance records now');
    return lease;
  }

  /**
   * Keeps the lease during work that may ask the graph for longer than it lasts without storing anything. Where it was lost all the same, the next
   * `keep` says so.
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    let renewing: Promise<void> | null = null;
    // One that fails is tried again; what becomes of the lease meanwhile the next `keep` says.
    const renew = () => {
      renewing ??= this.#renew()
        .catch(() => {})
        .finally(() => {
          renewing = null;
        });
    };
    const timer = setInterval(renew, this.#leaseMs / 3).unref();
    try {
      return await work();
    } finally {
      clearInterval(timer);
      // Whoever gives the lease back next must not be overtaken by this.
      await renewing;
    }
  }

  async #renew(): Promise<void> {
    const { history, graphId } = this.#deps;
    const held = this.#lease;
    if (held === null) return;
    const lease = await history.acquireLease(graphId, this.#holder, this.#leaseMs);
    if (lease?.token !== held.token) this.#renewAt = 0;
  }

  /** After a failure nobody knows what was stored: the next `take` finds out. */
  doubt(): void {
    this.#settled = false;
  }

  async leave(): Promise<void> {
    const lease = this.#lease;
    this.#lease = null;
    if (lease !== null) await this.#deps.history.releaseLease(lease);
  }

  /** Clears away what a predecessor, or a failed attempt, left half stored, and finds the head. */
  async #settle(lease: RecorderLease): Promise<void> {
    const { history, graphId } = this.#deps;
    await history.discardPartial(lease);
    const graph = await history.graph(graphId);
    if (graph === null) throw new Error(`graph ${graphId} is not in history`);
    this.head = { seq: graph.head.seq, cut: false };
    this.mode = graph.captureMode;
    this.#settled = true;
  }
}
