import type { EntityChange, EntityRef, NodeState, RelationshipState } from './entities.ts';
import type { Value } from './values.ts';

/** CREATE refuses an existing entity, UPDATE a missing one, UPSERT neither. */
export type PutMode = 'CREATE' | 'UPDATE' | 'UPSERT';

export interface PropertyWrite {
  readonly name: string;
  readonly value: Value;
}

type Maybe<T> = T | null | undefined;

interface PutEntity {
  /** Absent: a new entity. `withKeys` gives it one before the write is applied. */
  readonly key?: Maybe<string>;
  readonly mode: PutMode;
  /** The state hash, in hexadecimal, that the entity must have when the write's turn comes. */
  readonly expectHash?: Maybe<string>;
  readonly set?: Maybe<readonly PropertyWrite[]>;
  readonly remove?: Maybe<readonly string[]>;
  /** Whether `set` is all the properties that are to remain. */
  readonly replace: boolean;
}

/** `labels` replaces the set and excludes the other two. */
export interface PutNode extends PutEntity {
  readonly labels?: Maybe<readonly string[]>;
  readonly addLabels?: Maybe<readonly string[]>;
  readonly removeLabels?: Maybe<readonly string[]>;
}

/** Type and ends are needed to create a relationship and never change afterwards. */
export interface PutRelationship extends PutEntity {
  readonly type?: Maybe<string>;
  readonly start?: Maybe<string>;
  readonly end?: Maybe<string>;
}

/** `cascade` takes a node's relationships with it; it means nothing for a relationship. */
export interface DeleteEntity {
  readonly key: string;
  readonly expectHash?: Maybe<string>;
  readonly cascade: boolean;
}

export type GraphWrite =
  | { readonly putNode: PutNode }
  | { readonly deleteNode: DeleteEntity }
  | { readonly putRelationship: PutRelationship }
  | { readonly deleteRelationship: DeleteEntity };

/** The part of the graph that a list of writes needs; see `requiredEntities`. */
export interface GraphPart {
  readonly nodes: ReadonlyMap<string, NodeState>;
  readonly relationships: ReadonlyMap<string, RelationshipState>;
  /** Every relationship of the nodes that the list deletes, by node key. */
  readonly incident: ReadonlyMap<string, readonly RelationshipState[]>;
}

/** What to load and lock before `applyWrites`. Keys are sorted, so that locks are taken in one order. */
export interface RequiredEntities {
  readonly nodes: readonly string[];
  readonly relationships: readonly string[];
  /** Nodes whose relationships are needed, too. */
  readonly incidentTo: readonly string[];
}

interface Located {
  /** Position in the list of writes. */
  readonly changeIndex: number;
  /** Where in the input, list indexes as text: changes, 17, putNode, set, 2, name. */
  readonly path: readonly string[];
  readonly message: string;
}

export type WriteError =
  /** The write makes no sense, whatever is in the graph, or would change a type or an end. */
  | (Located & { readonly kind: 'INVALID' })
  /** Update or delete of an entity that is not there. */
  | (Located & { readonly kind: 'MISSING'; readonly entity: EntityRef })
  /** Creation of an entity that is there already. */
  | (Located & { readonly kind: 'EXISTS'; readonly entity: EntityRef; readonly constraint: 'key' })
  /** The entity is not in the expected state; `actualHash` is null when it is absent. */
  | (Located & { readonly kind: 'STALE'; readonly entity: EntityRef; readonly actualHash: string | null })
  /** A created relationship would lack an end; `otherKey` is the node's key. */
  | (Located & { readonly kind: 'MISSING_END'; readonly entity: EntityRef; readonly otherKey: string })
  /** A deleted node would leave relationships behind; `otherKey` is one of them. */
  | (Located & { readonly kind: 'HAS_RELATIONSHIPS'; readonly entity: EntityRef; readonly otherKey: string });

export type WriteResult =
  /** `changes` is the net effect per entity; `keys[i]` belongs to write i. */
  | { readonly ok: true; readonly changes: EntityChange[]; readonly keys: string[] }
  | { readonly ok: false; readonly error: WriteError };
