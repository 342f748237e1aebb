import { sameState, sameValue } from './canonical.ts';
import { actionOf, type EntityChange, type EntityId, type EntityState, entityId } from './entities.ts';
import type { ChangeSummary } from './moments.ts';
import type { Value } from './values.ts';

/** States of entities by id; what is not in the map does not exist. */
export type StateMap = ReadonlyMap<EntityId, EntityState>;

/** Null: absent. Never both sides null, never both the same. */
export interface PropertyChange {
  readonly name: string;
  readonly before: Value | null;
  readonly after: Value | null;
}

type Sides = Pick<EntityChange, 'before' | 'after'>;

/** The properties that differ, by name. */
export function propertyChanges({ before, after }: Sides): PropertyChange[] {
  const names = new Set([...Object.keys(before?.properties ?? {}), ...Object.keys(after?.properties ?? {})]);
  return [...names].sort().flatMap((name) => {
    const change = { name, before: propertyValue(before, name), after: propertyValue(after, name) };
    return same(change.before, change.after) ? [] : [change];
  });
}

/** Labels that only the later state has, sorted; empty for relationships. */
export function labelsAdded({ before, after }: Sides): string[] {
  const had = new Set(labelsOf(before));
  return labelsOf(after).filter((label) => !had.has(label));
}

/** Labels that only the earlier state has, sorted; empty for relationships. */
export function labelsRemoved({ before, after }: Sides): string[] {
  return labelsAdded({ before: after, after: before });
}

/** The net changes that turn one state of the graph into another. Cost by the size of both: for tests and small maps. */
export function diffStates(from: StateMap, to: StateMap): EntityChange[] {
  const changes: EntityChange[] = [];
  for (const [id, before] of from) {
    const after = to.get(id) ?? null;
    if (!sameState(before, after)) changes.push({ kind: before.kind, key: before.key, before, after });
  }
  for (const [id, after] of to) {
    if (!from.has(id)) changes.push({ kind: after.kind, key: after.key, before: null, after });
  }
  return changes;
}

/** The state after the changes. What a change says of `before` is not checked. */
export function applyChanges(states: StateMap, changes: Iterable<EntityChange>): Map<EntityId, EntityState> {
  const result = new Map(states);
  for (const change of changes) {
    if (change.after === null) result.delete(entityId(change));
    else result.set(entityId(change), change.after);
  }
  return result;
}

/** The change that takes this one back. */
export function reverse({ kind, key, before, after }: EntityChange): EntityChange {
  return { kind, key, before: after, after: before };
}

/** Consecutive changes as one per entity, in order of first touch; what ends as it began is left out. */
export function netChanges(changes: Iterable<EntityChange>): EntityChange[] {
  const net = new Map<EntityId, EntityChange>();
  for (const change of changes) {
    const id = entityId(change);
    net.set(id, { ...change, before: (net.get(id) ?? change).before });
  }
  return [...net.values()].filter(({ before, after }) => !sameState(before, after));
}

export const NO_CHANGES: ChangeSummary = {
  nodesCreated: 0n,
  nodesUpdated: 0n,
  nodesDeleted: 0n,
  relationshipsCreated: 0n,
  relationshipsUpdated: 0n,
  relationshipsDeleted: 0n,
};

const SUFFIX = { CREATED: 'Created', UPDATED: 'Updated', DELETED: 'Deleted' } as const;

/** How many entities of each kind the changes create, update and delete. */
export function summarize(changes: Iterable<EntityChange>): ChangeSummary {
  const summary = { ...NO_CHANGES };
  for (const change of changes) {
    summary[`${change.kind === 'NODE' ? 'nodes' : 'relationships'}${SUFFIX[actionOf(change)]}`] += 1n;
  }
  return summary;
}

/** The counts of the changes that take these back. */
export function reverseSummary(summary: ChangeSummary): ChangeSummary {
  return {
    ...summary,
    nodesCreated: summary.nodesDeleted,
    nodesDeleted: summary.nodesCreated,
    relationshipsCreated: summary.relationshipsDeleted,
    relationshipsDeleted: summary.relationshipsCreated,
  };
}

/** The counts of both together. */
export function addSummaries(a: ChangeSummary, b: ChangeSummary): ChangeSummary {
  return {
    nodesCreated: a.nodesCreated + b.nodesCreated,
    nodesUpdated: a.nodesUpdated + b.nodesUpdated,
    nodesDeleted: a.nodesDeleted + b.nodesDeleted,
    relationshipsCreated: a.relationshipsCreated + b.relationshipsCreated,
    relationshipsUpdated: a.relationshipsUpdated + b.relationshipsUpdated,
    relationshipsDeleted: a.relationshipsDeleted + b.relationshipsDeleted,
  };
}

function labelsOf(state: EntityState | null): readonly string[] {
  return state?.kind === 'NODE' ? state.labels : [];
}

function propertyValue(state: EntityState | null, name: string): Value | null {
  return state !== null && Object.hasOwn(state.properties, name) ? (state.properties[name] ?? null) : null;
}

function same(a: Value | null, b: Value | null): boolean {
  return a === b || (a !== null && b !== null && sameValue(a, b));
}
