import { sortedLabels } from './canonical.ts';
import type { EntityKind, EntityRef, RelationshipState } from './entities.ts';
import type { Properties, Value } from './values.ts';
import { checkDelete, checkPresence, checkPut, invalid, type Place } from './write-check.ts';
import { attachedTo, type Draft, netChanges, putState, removeState, startDraft, stateIn } from './write-draft.ts';
import { checkEnds } from './write-ends.ts';
import type {
  DeleteEntity,
  GraphPart,
  GraphWrite,
  PutNode,
  PutRelationship,
  RequiredEntities,
  WriteError,
  WriteResult,
} from './write-types.ts';

export type * from './write-types.ts';

/** Gives every put of a new entity its key. UPDATE without a key is left as it is, to be refused. */
export function withKeys(writes: readonly GraphWrite[], newKey: () => string): GraphWrite[] {
  const keyed = <Put extends PutNode>(put: Put): Put =>
    (put.key ?? null) === null && put.mode !== 'UPDATE' ? { ...put, key: newKey() } : put;
  return writes.map((write) => {
    if ('putNode' in write) return { putNode: keyed(write.putNode) };
    if ('putRelationship' in write) return { putRelationship: keyed(write.putRelationship) };
    return write;
  });
}

/** What must be loaded, and locked, for `applyWrites` to judge this list. */
export function requiredEntities(writes: readonly GraphWrite[]): RequiredEntities {
  const nodes = new Set<string>();
  const relationships = new Set<string>();
  const incidentTo = new Set<string>();
  const need = (keys: Set<string>, key: string | null | undefined): void => {
    if (key !== null && key !== undefined) keys.add(key);
  };
  for (const write of writes) {
    if ('putNode' in write) {
      need(nodes, write.putNode.key);
    } else if ('deleteNode' in write) {
      need(nodes, write.deleteNode.key);
      need(incidentTo, write.deleteNode.key);
    } else if ('putRelationship' in write) {
      need(relationships, write.putRelationship.key);
      need(nodes, write.putRelationship.start);
      need(nodes, write.putRelationship.end);
    } else {
      need(relationships, write.deleteRelationship.key);
    }
  }
  return { nodes: [...nodes].sort(), relationships: [...relationships].sort(), incidentTo: [...incidentTo].sort() };
}

/**
 * Applies the writes in order, each seeing the ones before it, all or nothing.
 *
 * Relationships and their ends are checked once, at the end of the list, like a deferred constraint: a
 * relationship may name a node that a later write creates, and a node may be deleted before its
 * relationships are, or deleted and made anew under them. The error then names the write at fault. Deleting
 * a node with `cascade` deletes the relationships that it has at that moment.
 */
export function applyWrites(current: GraphPart, writes: readonly GraphWrite[]): WriteResult {
  const draft = startDraft(current);
  const keys: string[] = [];
  for (const [changeIndex, write] of writes.entries()) {
    const error = applyWrite(draft, changeIndex, write);
    if (error !== null) return { ok: false, error };
    keys.push(keyOf(write));
  }
  const error = checkEnds(draft, writes);
  return error === null ? { ok: true, changes: netChanges(draft), keys } : { ok: false, error };
}

/** What is wrong with the writes whatever the graph holds, or null: to be asked before anything is looked up by their keys. */
export function checkWrites(writes: readonly GraphWrite[]): WriteError | null {
  for (const [changeIndex, write] of writes.entries()) {
    const error = checkWrite(changeIndex, write);
    if (error !== null) return error;
  }
  return null;
}

function checkWrite(changeIndex: number, write: GraphWrite): WriteError | null {
  if ('putNode' in write) return checkPut({ changeIndex, field: 'putNode' }, write.putNode);
  if ('deleteNode' in write) return checkDelete({ changeIndex, field: 'deleteNode' }, write.deleteNode);
  if ('putRelationship' in write) {
    return checkPut({ changeIndex, field: 'putRelationship' }, write.putRelationship);
  }
  return checkDelete({ changeIndex, field: 'deleteRelationship' }, write.deleteRelationship);
}

function keyOf(write: GraphWrite): string {
  if ('putNode' in write) return write.putNode.key ?? '';
  if ('putRelationship' in write) return write.putRelationship.key ?? '';
  return 'deleteNode' in write ? write.deleteNode.key : write.deleteRelationship.key;
}

function applyWrite(draft: Draft, changeIndex: number, write: GraphWrite): WriteError | null {
  if ('putNode' in write) return putNode(draft, { changeIndex, field: 'putNode' }, write.putNode);
  if ('deleteNode' in write) {
    return deleteEntity(draft, { changeIndex, field: 'deleteNode' }, 'NODE', write.deleteNode);
  }
  if ('putRelationship' in write) {
    return putRelationship(draft, { changeIndex, field: 'putRelationship' }, write.putRelationship);
  }
  return deleteEntity(draft, { changeIndex, field: 'deleteRelationship' }, 'RELATIONSHIP', write.deleteRelationship);
}

function putNode(draft: Draft, place: Place, put: PutNode): WriteError | null {
  const ref: EntityRef = { kind: 'NODE', key: put.key ?? '' };
  const state = draft.nodes.get(ref.key) ?? null;
  const error = checkPut(place, put) ?? checkPresence(place, ref, state, put);
  if (error !== null) return error;
  const removed = new Set(put.removeLabels ?? []);
  const kept = put.labels ?? (state?.labels ?? []).filter((label) => !removed.has(label));
  putState(draft, place.changeIndex, {
    kind: 'NODE',
    key: ref.key,
    labels: sortedLabels([...kept, ...(put.addLabels ?? [])]),
    properties: nextProperties(state?.properties ?? {}, put),
  });
  return null;
}

function putRelationship(draft: Draft, place: Place, put: PutRelationship): WriteError | null {
  const ref: EntityRef = { kind: 'RELATIONSHIP', key: put.key ?? '' };
  const state = draft.relationships.get(ref.key) ?? null;
  const error = checkPut(place, put) ?? checkPresence(place, ref, state, put);
  if (error !== null) return error;
  const shape = shapeOf(place, put, state);
  if ('error' in shape) return shape.error;
  const properties = nextProperties(state?.properties ?? {}, put);
  putState(draft, place.changeIndex, { kind: 'RELATIONSHIP', key: ref.key, ...shape, properties });
  return null;
}

type Shape = Pick<RelationshipState, 'type' | 'start' | 'end'>;

/** Type and ends: those given for a new relationship, those it has for an existing one. */
function shapeOf(place: Place, put: PutRelationship, state: Shape | null): Shape | { error: WriteError } {
  for (const field of ['type', 'start', 'end'] as const) {
    const given = put[field] ?? null;
    if (state === null && given === null) {
      return { error: invalid(place, [field], 'is needed to create a relationship') };
    }
    if (state !== null && given !== null && given !== state[field]) {
      return { error: invalid(place, [field], `of an existing relationship is ${state[field]} and cannot change`) };
    }
  }
  return state ?? { type: put.type ?? '', start: put.start ?? '', end: put.end ?? '' };
}

function deleteEntity(draft: Draft, place: Place, kind: EntityKind, write: DeleteEntity): WriteError | null {
  const state = stateIn(draft, kind, write.key);
  const ref: EntityRef = { kind, key: write.key };
  const error = checkDelete(place, write) ?? checkPresence(place, ref, state, { expectHash: write.expectHash });
  if (error !== null || state === null) return error;
  if (kind === 'NODE' && write.cascade) {
    for (const relationship of attachedTo(draft, write.key)) removeState(draft, place.changeIndex, relationship);
  }
  removeState(draft, place.changeIndex, state);
  return null;
}

/** Built as entries, never by assignment: a property may be called `__proto__`. */
function nextProperties(before: Properties, put: PutNode): Properties {
  const next = new Map<string, Value>(put.replace ? [] : Object.entries(before));
  for (const name of put.remove ?? []) next.delete(name);
  for (const { name, value } of put.set ?? []) next.set(name, value);
  return Object.fromEntries(next);
}
