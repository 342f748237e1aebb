/** A position in a graph's recorded history. `time` never goes back as `seq` grows. */
export interface Moment {
  readonly seq: bigint;
  readonly time: Date;
}

/** How a client names a moment. Exactly one form. LIVE is the newest committed state, EARLIEST where capture began. */
export type At =
  | { readonly point: string }
  | { readonly time: Date }
  | { readonly seq: bigint }
  | { readonly keyword: 'LIVE' | 'EARLIEST' };

export type TransactionSource = 'BOLT' | 'SQL' | 'API' | 'ROLLBACK' | 'BASELINE' | 'RECONCILE';

/** How many entities of each kind were created, updated, deleted. */
export interface ChangeSummary {
  readonly nodesCreated: bigint;
  readonly nodesUpdated: bigint;
  readonly nodesDeleted: bigint;
  readonly relationshipsCreated: bigint;
  readonly relationshipsUpdated: bigint;
  readonly relationshipsDeleted: bigint;
}

/** A keyset page request: at most `limit` items after (or, going backwards, before) an opaque position. */
export interface PageRequest<Position> {
  readonly limit: number;
  readonly after?: Position | undefined;
  readonly before?: Position | undefined;
  /** Take the last `limit` items before the position instead of the first after it; the items still come in the fixed order. */
  readonly backwards?: boolean | undefined;
}

/** `hasMore` speaks of the direction that was read. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}
