/**
 * What the service proves with, to the capture of one graph, that a transaction is its own; the same for every instance. Goes nowhere but
 * into the metadata of the service's own transactions.
 */
export interface CaptureSecret {
  /** Null while there is none: before the graph is attached, and once it is detached. */
  get(): Promise<string | null>;
  /** The one that there is, else a new one. All who ask at the same time are given the same. */
  claim(): Promise<string>;
}
