import type { EventBus } from '../ports/event-bus.ts';

/** How long a lost notice can delay a reader, in milliseconds. */
const LOOK_AGAIN_MS = 1000;

/**
 * Notices of one topic for one reader. Notices that come while the reader is busy are one: whoever is woken reads the rows, so nothing is
 * missed and nothing piles up.
 */
export class Wakes {
  readonly #unsubscribe: () => void;
  readonly #signal: AbortSignal;
  #pending = false;
  #wake: (() => void) | null = null;
  readonly #onAbort = (): void => this.#wake?.();

  constructor(bus: EventBus, topic: string, signal: AbortSignal) {
    this.#signal = signal;
    this.#unsubscribe = bus.subscribe(topic, () => {
      this.#pending = true;
      this.#wake?.();
    });
    signal.addEventListener('abort', this.#onAbort);
  }

  /** Resolves after the next notice (or one since the last call), after a while without one, or when the reader leaves. */
  async next(): Promise<void> {
    if (!this.#pending && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_AGAIN_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    this.#pending = false;
  }

  close(): void {
    this.#unsubscribe();
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}
