import { isDelta } from '../../../core/deltas.ts';
import { type EntityBinding, type EntityId, type EntityKind, entityId } from '../../../core/entities.ts';
import type { CapturedTransaction } from '../../../core/recording-types.ts';
import type { BoundPlace } from '../entities/page-keys.ts';
import { type DecodedEntity, recreation } from './draft.ts';

/** See `PageKeys.elsewhere`. */
export type Elsewhere = (kind: EntityKind, found: readonly EntityBinding[]) => Promise<ReadonlyMap<string, BoundPlace>>;

/**
 * A key property of the user's own is never written, so several entities may come to have one key, of which one is recorded. What is done to the
 * others is left out: taken for changes of the recorded one, history would say that it is gone when a copy of it is deleted. Of those that one
 * transaction changes, the one that is bound counts, or the first.
 * @returns the transactions without that, and the keys that it was about
 */
export async function withoutDoubles(
  transactions: readonly CapturedTransaction[],
  elsewhere: Elsewhere,
): Promise<{ readonly kept: readonly CapturedTransaction[]; readonly keys: readonly string[] }> {
  const places = new Map<EntityId, BoundPlace>();
  for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
    const found = transactions.flatMap(({ bindings = [] }) => bindings.filter((binding) => binding.kind === kind));
    for (const [key, place] of await elsewhere(kind, found)) places.set(entityId({ kind, key }), place);
  }
  const entities = transactions.map(pairs);
  const ends = endsOf(entities, places);
  const keys = new Set<string>();
  const kept = entities.map((byId, at) =>
    [...byId].flatMap(([id, same]) => {
      const place = places.get(id);
      const isHeld = place?.isHeld === true || at < (ends.get(id) ?? 0);
      const one = recorded(same, place, isHeld);
      if (one === null || same.length > 1) keys.add(same[0]?.change.key ?? '');
      return one === null ? [] : [one];
    }),
  );
  return {
    kept: transactions.map((transaction, at) => ({ ...transaction, ...partsOf(kept[at] ?? []) })),
    keys: [...keys],
  };
}

type ById = ReadonlyMap<EntityId, readonly DecodedEntity[]>;

/** Changes of one key come in the order of their bindings. */
function pairs({ changes, bindings = [] }: CapturedTransaction): ById {
  const bindingsOf = Map.groupBy(bindings, entityId);
  return new Map(
    [...Map.groupBy(changes, entityId)].map(([id, same]) => [
      id,
      same.map((change, at) => ({ change, binding: bindingsOf.get(id)?.[at] ?? null })),
    ]),
  );
}

function partsOf(entities: readonly DecodedEntity[]): Pick<CapturedTransaction, 'changes' | 'bindings'> {
  const bindings = entities.flatMap(({ binding }) => (binding === null ? [] : [binding]));
  return { changes: entities.map(({ change }) => change), bindings };
}

/** Which transaction deleted what is gone by now. */
function endsOf(
  transactions: readonly ById[],
  places: ReadonlyMap<EntityId, BoundPlace>,
): ReadonlyMap<EntityId, number> {
  const ends = new Map<EntityId, number>();
  for (const [at, byId] of transactions.entries()) {
    for (const [id, same] of byId) {
      const place = places.get(id);
      if (place === undefined || place.isHeld || ends.has(id)) continue;
      const isEnd = ({ change, binding }: DecodedEntity): boolean =>
        isDelta(change) && change.deleted && (change.recreated !== null || binding?.localId === place.localId);
      if (same.some(isEnd)) ends.set(id, at);
    }
  }
  return ends;
}

/** What one transaction did to the entity of several with one key that is recorded, null for nothing. */
function recorded(
  same: readonly DecodedEntity[],
  place: BoundPlace | undefined,
  isHeld: boolean,
): DecodedEntity | null {
  const bound = same.find(({ binding }) => binding !== null && binding.localId === place?.localId);
  if (bound === undefined && isHeld) return null;
  const [one = null] = bound === undefined ? same : [bound];
  const made = same.find(({ change }) => !isDelta(change));
  return one === null || made === undefined ? one : (recreation(one, made) ?? one);
}
