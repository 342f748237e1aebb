import type { PropertyChange } from './diff.ts';
import type { EntityBinding, EntityChange, EntityRef, EntityState } from './entities.ts';
import type { TransactionSource } from './moments.ts';
import type { Origins, RecordedVersion } from './undo-set.ts';

/**
 * What a transaction did to an entity that existed before it, as far as capture knows without knowing the entity: what changed, or, of a
 * deleted entity, all labels and properties that it had. The newest recorded version tells the rest; see deltas.ts.
 */
export interface EntityDelta extends EntityRef {
  readonly deleted: boolean;
  /** What has the key after the transaction, where a deleted entity was created again. */
  readonly recreated: EntityState | null;
  /** Of nodes; sorted by code unit. */
  readonly labelsAdded: readonly string[];
  readonly labelsRemoved: readonly string[];
  readonly properties: readonly PropertyChange[];
}

export type CapturedChange = EntityChange | EntityDelta;

/** One committed transaction as capture saw it, or a slice of one that is too large for one piece. */
export interface CapturedTransaction {
  /** Unique and stable: the same transaction read twice has the same id. */
  readonly id: string;
  readonly time: Date;
  readonly source: TransactionSource;
  readonly actor: string | null;
  /** A session id or a name, as the writer gave it. */
  readonly session: string | null;
  readonly operation: string | null;
  /** Whether the state right after this transaction is one that the graph really had. */
  readonly cut: boolean;
  /** Net per entity, first-before to last-after, no-ops dropped; ordered by kind and key within the transaction. May be empty. */
  readonly changes: readonly CapturedChange[];
  /** Whether the transaction begins and ends in this slice. Only a transaction larger than a slice has several. */
  readonly first: boolean;
  readonly last: boolean;
  /** Where the graph keeps entities that the changes speak of, when it has addresses of its own. */
  readonly bindings?: readonly EntityBinding[];
}

/** A captured transaction whose changes are all known with their full states. */
export interface FullTransaction extends CapturedTransaction {
  readonly changes: readonly EntityChange[];
}

/** A transaction (or a slice of a large one) ready to be stored; see recording.ts, which makes them. */
export interface HistoryEntry {
  /** The seq that it will have: what its origins count on. All slices of one transaction have the same. */
  readonly seq: bigint;
  readonly feedId: string;
  readonly first: boolean;
  readonly last: boolean;
  readonly time: Date;
  readonly actor: string | null;
  readonly sessionId: string | null;
  readonly source: TransactionSource;
  readonly operationId: string | null;
  readonly cut: boolean;
  readonly versions: readonly VersionEntry[];
}

/** `before`/`after` null: absent. Hashes are the state hashes of the sides. */
export interface VersionEntry {
  readonly change: EntityChange;
  readonly beforeHash: Uint8Array | null;
  readonly afterHash: Uint8Array | null;
  readonly origins: Origins | null;
}

/** The newest stored version of an entity, with its state hash (null: deleted). */
export interface CurrentVersion extends RecordedVersion {
  readonly hash: Uint8Array | null;
}
