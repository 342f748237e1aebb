/** The committed transactions that one moment could see. */
export interface Snapshot {
  /** Every transaction below had ended. */
  readonly xmin: bigint;
  /** No transaction from here on had begun. */
  readonly xmax: bigint;
  readonly running: ReadonlySet<bigint>;
}

/** Reads PostgreSQL's `xmin:xmax:running,...`. */
export function parseSnapshot(text: string): Snapshot {
  const [xmin = '0', xmax = '0', running = ''] = text.split(':');
  const ids = running === '' ? [] : running.split(',').map(BigInt);
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running: new Set(ids) };
}

/** Whether a transaction that is known to have committed had done so at the snapshot. */
export function isVisible(snapshot: Snapshot, xid: bigint): boolean {
  return xid < snapshot.xmin || (xid < snapshot.xmax && !snapshot.running.has(xid));
}

/**
 * Tells which transactions of a scan, taken in commit order, are cuts: moments at which exactly what is
 * recorded up to there was committed. When the next transaction took its horizon, all transactions below it
 * had ended, and neither it nor any that comes later in the order had committed. So if everything recorded
 * so far lies below that horizon, exactly that was committed then. The last of a scan is a cut because the
 * scan saw all that was committed. See docs/decisions/004-order-and-cuts.md.
 */
export class CutJudge {
  #newest: bigint;

  /** `newestRecorded`: the highest transaction id that was ever acknowledged. */
  constructor(newestRecorded: bigint) {
    this.#newest = newestRecorded;
  }

  /** Whether the transaction is a cut. `nextHorizon` is the horizon of the one after it, null after the last. */
  isCut(xid: bigint, nextHorizon: bigint | null): boolean {
    if (xid > this.#newest) this.#newest = xid;
    return nextHorizon === null || this.#newest < nextHorizon;
  }
}
