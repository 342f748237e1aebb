import type { Properties } from './values.ts';

export type EntityKind = 'NODE' | 'RELATIONSHIP';

/** The full content of a node. `labels` is sorted by code unit and has no duplicates. */
export interface NodeState {
  readonly kind: 'NODE';
  readonly key: string;
  readonly labels: readonly string[];
  readonly properties: Properties;
}

/** The full content of a relationship. `start` and `end` are node keys. */
export interface RelationshipState {
  readonly kind: 'RELATIONSHIP';
  readonly key: string;
  readonly type: string;
  readonly start: string;
  readonly end: string;
  readonly properties: Properties;
}

export type EntityState = NodeState | RelationshipState;

/** Where a graph keeps an entity: the address that the graph itself gives out, and may give to another entity once this one is gone. */
export interface EntityBinding {
  readonly kind: EntityKind;
  readonly key: string;
  readonly localId: bigint;
}

/** An entity is known by kind and key together: a node and a relationship may share a key. */
export interface EntityRef {
  readonly kind: EntityKind;
  readonly key: string;
}

/** A string that is unique per entity, for maps and sets. */
export type EntityId = string;

export function entityId(ref: EntityRef): EntityId {
  return (ref.kind === 'NODE' ? 'n:' : 'r:') + ref.key;
}

/** Each entity once, the last of several that are given. */
export function distinct<Ref extends EntityRef>(refs: readonly Ref[]): Ref[] {
  return [...new Map(refs.map((ref) => [entityId(ref), ref])).values()];
}

/** What one transaction, or the span between two moments, did to one entity. Never both sides null. */
export interface EntityChange extends EntityRef {
  readonly before: EntityState | null;
  readonly after: EntityState | null;
}

export type ChangeAction = 'CREATED' | 'UPDATED' | 'DELETED';

export function actionOf(change: Pick<EntityChange, 'before' | 'after'>): ChangeAction {
  if (change.before === null) return 'CREATED';
  return change.after === null ? 'DELETED' : 'UPDATED';
}
