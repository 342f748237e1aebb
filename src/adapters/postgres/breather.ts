import { setImmediate as nextRound } from 'node:timers/promises';

/** How long statements may follow one another before everything else in the process has its turn, in milliseconds. */
const LONGEST_HOLD_MS = 5;

/**
 * PGlite computes in this process and answers without ever waiting for I/O, so work that goes from statement to statement would keep
 * sockets and timers waiting until it ends. To be awaited before each statement.
 */
export class Breather {
  #last = performance.now();

  async breathe(): Promise<void> {
    if (performance.now() - this.#last < LONGEST_HOLD_MS) return;
    await nextRound();
    this.#last = performance.now();
  }
}
