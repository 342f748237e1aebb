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
  const turns = new Map([...places].map(([id, place]) => [id, turnsOf(entities, id, place)]));
  const keys = new Set<string>();
  const kept = entities.map((byId, at) =>
    [...byId].flatMap(([id, same]) => {
      const place = places.get(id);
      const one = recorded(same, place, place !== undefined && isHeldThrough(turns.get(id) ?? [], place, at));
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

/** From which transaction on the place of a key has it, or has it no more. */
interface Turn {
  readonly at: number;
  readonly holds: boolean;
}

function turnsOf(transactions: readonly ById[], id: EntityId, place: BoundPlace): readonly Turn[] {
  return transactions.flatMap((byId, at) =>
    (byId.get(id) ?? []).flatMap(({ change, binding }): Turn[] => {
      const isThere = binding?.localId === place.localId;
      if (!isDelta(change)) return isThere ? [{ at, holds: true }] : [];
      if (!change.deleted) return [];
      // Something else came in its stead within the transaction, unless it was never gone.
      if (change.recreated !== null) return isThere || !place.isHeld ? [{ at, holds: isThere }] : [];
      return isThere ? [{ at, holds: false }] : [];
    }),
  );
}

/**
 * Whether the place had the key all through the transaction. Places are known as they are now: a key may be bound to what came after this
 * transaction, and what it was bound to may have gone since.
 */
function isHeldThrough(turns: readonly Turn[], place: BoundPlace, at: number): boolean {
  if (turns.some((turn) => turn.at === at)) return false;
  const before = turns.findLast((turn) => turn.at < at);
  if (before !== undefined) return before.holds;
  const [first] = turns;
  return first === undefined ? place.isHeld : !first.holds;
}

/** What one transaction did to the entity of several with one key that is recorded, null for nothing. */
function recorded(
  same: readonly DecodedEntity[],
  place: BoundPlace | undefined,
  isHeld: boolean,
): DecodedEntity | null {
  const bound = same.find(({ binding }) => binding !== null && binding.localId === place?.localId);
  if (bound === undefined && isHeld) return null;
  const deltas = same.filter(({ change }) => isDelta(change));
  const [before = null] = bound !== undefined && deltas.includes(bound) ? [bound] : deltas;
  const made = same.find(({ change }) => !isDelta(change)) ?? null;
  if (before === null || made === null) return before ?? made;
  return recreation(before, made) ?? before;
}
