import { setTimeout as sleep } from 'node:timers/promises';
import { CaptureError } from '../../core/errors.ts';
import type { RecorderDeps, RecorderOptions } from './recorder-types.ts';

const FIRST_POLL_MS = 10;
const LONGEST_POLL_MS = 250;
/** How long the background of an instance that was asked for its seat leaves it to others. */
const ASIDE_MS = 2000;

/** How the right to record goes from the instance that has it to one that has something to record which nobody else knows. */
export class Handover {
  readonly #deps: Pick<RecorderDeps, 'graphId' | 'bus' | 'clock' | 'onError'>;
  readonly #timeoutMs: number;
  /** Until when the seat is left to another instance, as the clock has it. */
  #asideUntil = 0;
  /** Whether this instance is the one that asks. */
  #asks = false;

  constructor(deps: RecorderDeps, { fenceTimeoutMs }: Pick<RecorderOptions, 'fenceTimeoutMs'>) {
    this.#deps = deps;
    this.#timeoutMs = fenceTimeoutMs;
  }

  get isAside(): boolean {
    return this.#deps.clock.now().getTime() < this.#asideUntil;
  }

  /** Leaves the seat, by `leave`, whenever another instance asks for it. @returns what ends that */
  listen(leave: () => Promise<unknown>): () => void {
    const { bus, graphId, clock, onError } = this.#deps;
    return bus.subscribe(`seat:${graphId}`, () => {
      if (this.#asks) return;
      this.#asideUntil = clock.now().getTime() + ASIDE_MS;
      leave().catch((error: unknown) => onError?.(error));
    });
  }

  /**
   * Asks for the seat until `record` has it.
   * @param record records what waits; false when another instance has the seat
   * @throws CaptureError when that one does not leave it
   */
  async takeOver(record: () => Promise<boolean>): Promise<void> {
    const { bus, graphId, clock } = this.#deps;
    const deadline = clock.now().getTime() + this.#timeoutMs;
    this.#asks = true;
    try {
      for (let wait = FIRST_POLL_MS; !(await record()); wait = Math.min(wait * 2, LONGEST_POLL_MS)) {
        if (clock.now().getTime() > deadline)
          throw new CaptureError('another instance records this graph, and does not let this one', 'CONTINUOUS');
        bus.publish(`seat:${graphId}`);
        await sleep(wait);
      }
    } finally {
      this.#asks = false;
    }
  }
}
