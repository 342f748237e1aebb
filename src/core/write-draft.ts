import { sameState } from './canonical.ts';
import {
  type EntityChange,
  type EntityId,
  type EntityKind,
  type EntityRef,
  type EntityState,
  entityId,
  type NodeState,
  type RelationshipState,
} from './entities.ts';
import type { GraphPart } from './write-types.ts';

/** What the writes so far did to one entity. */
export interface Touch extends EntityRef {
  readonly before: EntityState | null;
  /** The write that last brought the entity into being or did away with it; null if none did. */
  readonly turnedAt: number | null;
}

/** The graph part as the writes so far have left it. */
export interface Draft {
  readonly nodes: Map<string, NodeState>;
  readonly relationships: Map<string, RelationshipState>;
  /** Keys of the relationships at each node, as far as they were loaded or written. */
  readonly attached: Map<string, Set<string>>;
  /** In the order of first touch. */
  readonly touches: Map<EntityId, Touch>;
}

export function startDraft(current: GraphPart): Draft {
  const draft: Draft = {
    nodes: new Map(current.nodes),
    relationships: new Map(current.relationships),
    attached: new Map(),
    touches: new Map(),
  };
  for (const incident of current.incident.values()) {
    for (const relationship of incident) draft.relationships.set(relationship.key, relationship);
  }
  for (const relationship of draft.relationships.values()) attach(draft, relationship);
  return draft;
}

export function stateIn(draft: Draft, kind: EntityKind, key: string): EntityState | null {
  return (kind === 'NODE' ? draft.nodes.get(key) : draft.relationships.get(key)) ?? null;
}

export function putState(draft: Draft, index: number, state: EntityState): void {
  touch(draft, index, state, state);
  if (state.kind === 'NODE') {
    draft.nodes.set(state.key, state);
  } else {
    draft.relationships.set(state.key, state);
    attach(draft, state);
  }
}

export function removeState(draft: Draft, index: number, state: EntityState): void {
  touch(draft, index, state, null);
  if (state.kind === 'NODE') {
    draft.nodes.delete(state.key);
  } else {
    draft.relationships.delete(state.key);
    draft.attached.get(state.start)?.delete(state.key);
    draft.attached.get(state.end)?.delete(state.key);
  }
}

/** The relationships at a node, by key. */
export function attachedTo(draft: Draft, node: string): RelationshipState[] {
  const found: RelationshipState[] = [];
  for (const key of [...(draft.attached.get(node) ?? [])].sort()) {
    const relationship = draft.relationships.get(key);
    if (relationship !== undefined) found.push(relationship);
  }
  return found;
}

/** The net effect per entity; what ended as it began is left out. */
export function netChanges(draft: Draft): EntityChange[] {
  const changes: EntityChange[] = [];
  for (const { kind, key, before } of draft.touches.values()) {
    const after = stateIn(draft, kind, key);
    if (!sameState(before, after)) changes.push({ kind, key, before, after });
  }
  return changes;
}

function touch(draft: Draft, index: number, { kind, key }: EntityRef, after: EntityState | null): void {
  const id = entityId({ kind, key });
  const now = stateIn(draft, kind, key);
  const earlier = draft.touches.get(id) ?? { kind, key, before: now, turnedAt: null };
  const turns = (now === null) !== (after === null);
  draft.touches.set(id, turns ? { ...earlier, turnedAt: index } : earlier);
}

function attach(draft: Draft, relationship: RelationshipState): void {
  for (const node of [relationship.start, relationship.end]) {
    const keys = draft.attached.get(node);
    if (keys === undefined) draft.attached.set(node, new Set([relationship.key]));
    else keys.add(relationship.key);
  }
}
