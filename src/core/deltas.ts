import type { PropertyChange } from './diff.ts';
import { type EntityChange, type EntityId, type EntityState, entityId } from './entities.ts';
import { propertiesOf } from './properties.ts';
import type { CapturedChange, CapturedTransaction, EntityDelta, FullTransaction } from './recording-types.ts';
import type { Properties, Value } from './values.ts';

/** States by entity; null for one that is absent. */
export type States = ReadonlyMap<EntityId, EntityState | null>;

/** A change of an entity that nothing is known of. `transaction` is an index into the slice. */
export interface UnknownEntity {
  readonly transaction: number;
  readonly delta: EntityDelta;
}

export interface FullSlice {
  readonly slice: readonly FullTransaction[];
  /** Deltas that are left out of the slice. */
  readonly unknown: readonly UnknownEntity[];
}

export function isDelta(change: CapturedChange): change is EntityDelta {
  return 'deleted' in change;
}

/** Whether the entity is gone after the change. */
export function deletes(change: CapturedChange): boolean {
  return isDelta(change) ? change.deleted && change.recreated === null : change.after === null;
}

/**
 * Gives every change of a slice its full states. Before a delta, an entity is as it was recorded, with what the transaction found there laid
 * over it: where the two differ, the chain breaks, as it does for a captured full state.
 *
 * @param recorded what is recorded of the entities that the slice changes
 * @param live by the index of a transaction, entities of which something was missed before it, as the graph holds them now: taken instead
 *   of what is recorded. Null for one that is gone.
 */
export function withFullStates(
  slice: readonly CapturedTransaction[],
  recorded: States,
  live: ReadonlyMap<number, States> = new Map(),
): FullSlice {
  const current = new Map(recorded);
  const unknown: UnknownEntity[] = [];
  const full = slice.map((transaction, index) => {
    const changes = transaction.changes.flatMap((change): EntityChange[] => {
      const id = entityId(change);
      const base = live.get(index)?.get(id) ?? current.get(id) ?? null;
      const sides = isDelta(change) ? sidesOf(change, base) : change;
      if (sides === null) {
        if (isDelta(change)) unknown.push({ transaction: index, delta: change });
        return [];
      }
      current.set(id, sides.after);
      return [{ kind: change.kind, key: change.key, before: sides.before, after: sides.after }];
    });
    return { ...transaction, changes };
  });
  return { slice: full, unknown };
}

/** The entity before and after, going on from `base`. Null when it cannot be told. */
export function sidesOf(delta: EntityDelta, base: EntityState | null): Pick<EntityChange, 'before' | 'after'> | null {
  if (delta.deleted) {
    const before = lastStateOf(delta, base);
    return before === null && delta.recreated === null ? null : { before, after: delta.recreated };
  }
  if (base === null) return null;
  return { before: laidOver(base, delta, 'before'), after: laidOver(base, delta, 'after') };
}

/** What a deleted entity was. Capture has no type and ends of relationships. */
function lastStateOf(
  { kind, key, labelsRemoved, properties }: EntityDelta,
  base: EntityState | null,
): EntityState | null {
  const had = propertiesOf(properties.flatMap(({ name, before }) => (before === null ? [] : [[name, before]])));
  if (kind === 'NODE') return { kind, key, labels: [...labelsRemoved].sort(), properties: had };
  return base?.kind === 'RELATIONSHIP' ? { ...base, properties: had } : null;
}

function laidOver(base: EntityState, delta: EntityDelta, side: 'before' | 'after'): EntityState {
  const properties = withValues(base.properties, delta.properties, side);
  if (base.kind === 'RELATIONSHIP') return { ...base, properties };
  const [gained, lost] =
    side === 'after' ? [delta.labelsAdded, delta.labelsRemoved] : [delta.labelsRemoved, delta.labelsAdded];
  if (gained.length === 0 && lost.length === 0) return { ...base, properties };
  const without = new Set(lost);
  const labels = new Set([...base.labels.filter((label) => !without.has(label)), ...gained]);
  return { ...base, labels: [...labels].sort(), properties };
}

function withValues(base: Properties, changes: readonly PropertyChange[], side: 'before' | 'after'): Properties {
  if (changes.length === 0) return base;
  const values = new Map<string, Value>(Object.entries(base));
  for (const change of changes) {
    const value = change[side];
    if (value === null) values.delete(change.name);
    else values.set(change.name, value);
  }
  return propertiesOf([...values]);
}
