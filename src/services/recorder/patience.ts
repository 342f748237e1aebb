import type { CapturedTransaction } from '../../core/recording-types.ts';
import type { RecorderDeps, RecorderOptions } from './recorder-types.ts';

interface Waiting {
  readonly id: string;
  readonly since: number;
  /** Everything that committed until then was there when the waiting began. */
  readonly upTo: number;
  scans: number;
}

/**
 * How long a transaction that does not continue what is recorded is left in the graph. A feed that goes by stamps may give it before a
 * predecessor that was committed later than the scan began, and whose stamp is earlier: the next scan has both in order.
 */
export class Patience {
  readonly #deps: Pick<RecorderDeps, 'graph' | 'clock'>;
  readonly #options: Pick<RecorderOptions, 'waitMs' | 'waitScans'>;
  #waiting: Waiting | null = null;
  /** What was there when an earlier waiting ended in vain has been waited for too. */
  #waitedFor = Number.NEGATIVE_INFINITY;

  constructor(deps: Pick<RecorderDeps, 'graph' | 'clock'>, options: Pick<RecorderOptions, 'waitMs' | 'waitScans'>) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Whether to scan again before the transaction is recorded as it is. Asked once per scan. */
  async waitsFor({ id, time }: CapturedTransaction): Promise<boolean> {
    const { graph, clock } = this.#deps;
    if (graph.order === 'EXACT' || time.getTime() <= this.#waitedFor) return false;
    if (this.#waiting?.id !== id) {
      const { newest } = await graph.pending();
      const upTo = Math.max(time.getTime(), newest?.getTime() ?? 0);
      this.#waiting = { id, since: clock.now().getTime(), upTo, scans: 0 };
    }
    const { since, upTo, scans } = this.#waiting;
    this.#waiting.scans += 1;
    if (scans < this.#options.waitScans || clock.now().getTime() - since < this.#options.waitMs) return true;
    this.#waitedFor = upTo;
    return false;
  }
}
