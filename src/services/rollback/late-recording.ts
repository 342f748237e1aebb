import type { Recording } from '../graph-registry.ts';

/** Changes, and milliseconds, that the record of what is written may lag behind while more is being written. */
const MOST_UNRECORDED = 20_000;
const LONGEST_MS = 1_000;

/**
 * Sees to it that batches which follow one another do not wait for their own recording: it competes with the next batch for the
 * database, and costs less in large pieces. The proof, and whoever else asks for a fence, waits for all of it. Where batches wait for their
 * rate anyway, each is recorded at once.
 */
export class LateRecording {
  readonly #recorder: Pick<Recording, 'poke' | 'holdOff'>;
  readonly #waits: boolean;
  #changes = 0;
  #since = performance.now();

  /** @param paced whether there is time between two batches */
  constructor(recorder: Pick<Recording, 'poke' | 'holdOff'>, paced: boolean) {
    this.#recorder = recorder;
    this.#waits = !paced;
    if (this.#waits) recorder.holdOff(LONGEST_MS);
  }

  wrote(changes: number): void {
    this.#changes += changes;
    if (this.#waits && this.#changes < MOST_UNRECORDED && performance.now() - this.#since < LONGEST_MS) return;
    this.#recorder.poke();
    if (this.#waits) this.#recorder.holdOff(LONGEST_MS);
    this.#changes = 0;
    this.#since = performance.now();
  }

  /** Nothing more is written. */
  end(): void {
    this.#recorder.poke();
  }
}
