import type { EntityRef, EntityState } from './entities.ts';

/** Whose transactions are taken back. `restore` is everyone's, RECONCILE included; `everyone` leaves RECONCILE out. */
export type UndoSelector =
  | { readonly by: 'restore' }
  | { readonly by: 'everyone' }
  | { readonly by: 'session'; readonly sessionId: string }
  | { readonly by: 'actor'; readonly actor: string }
  | { readonly by: 'operation'; readonly operationId: string }
  | { readonly by: 'transactions'; readonly seqs: readonly bigint[] };

/**
 * The undo set, frozen: the selector's transactions with `from` < seq <= `until`. BASELINE is never in it, RECONCILE only for
 * a restore or when listed; a rollback's transactions are in it only for a restore, for `everyone`, when listed, or by their operation.
 */
export interface UndoSet {
  readonly selector: UndoSelector;
  readonly from: bigint;
  readonly until: bigint;
}

/** One state of one entity in recorded history. `state` null: the entity did not exist (deleted) from `seq` on. */
export interface RecordedVersion extends EntityRef {
  readonly seq: bigint;
  readonly state: EntityState | null;
  /**
   * Aspect -> seq of the transaction that first wrote the value held here, for every aspect that the transaction `seq` did not
   * itself give a new value. Aspects: see core/aspects.ts. Null when `seq` wrote every aspect (a creation).
   */
  readonly origins: Origins | null;
}

/** Values are texts of core/origins.ts: a plain seq, or a put-back's root with what it took away. */
export type Origins = Readonly<Record<string, string>>;
