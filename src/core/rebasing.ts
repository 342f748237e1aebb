import { deletes, isDelta, type States, sidesOf } from './deltas.ts';
import { type EntityChange, type EntityId, type EntityRef, type EntityState, entityId } from './entities.ts';
import type { CapturedChange, CapturedTransaction, FullTransaction } from './recording-types.ts';

/**
 * A slice as it is recorded while the graph's baseline is not complete: every change goes on from what is recorded, whatever the writer
 * found. The pages of the baseline are read while writers go on, so what is recorded of an entity may be older or newer than what a
 * transaction found; once every transaction from before and after its page is recorded in order, it is right again. Changes of
 * entities that are neither recorded nor created are left out: their page comes later, and shows them.
 *
 * @param recorded what is recorded of the entities that the slice changes
 * @param live entities that become what the graph holds now, because their transactions came out of order
 */
export function rebase(
  slice: readonly CapturedTransaction[],
  recorded: States,
  live: States = new Map(),
): FullTransaction[] {
  const current = new Map(recorded);
  return slice.map((transaction) => ({
    ...transaction,
    cut: false,
    changes: transaction.changes.flatMap((change): EntityChange[] => {
      const { kind, key } = change;
      const id = entityId(change);
      const before = current.get(id) ?? null;
      const now = live.get(id);
      if (now === undefined && before === null && !creates(change)) return [];
      const after = now === undefined ? afterOf(change, before) : now;
      if (before === null && after === null) return [];
      current.set(id, after);
      return [{ kind, key, before, after }];
    }),
  }));
}

function creates(change: CapturedChange): boolean {
  return isDelta(change) ? change.recreated !== null : change.before === null && change.after !== null;
}

function afterOf(change: CapturedChange, before: EntityState | null): EntityState | null {
  if (deletes(change)) return null;
  if (isDelta(change) && change.recreated !== null) return change.recreated;
  return isDelta(change) ? (sidesOf(change, before)?.after ?? null) : change.after;
}

/** The entities that transactions change, each once. */
export function touchedBy(slice: readonly CapturedTransaction[]): Map<EntityId, EntityRef> {
  const refs = slice.flatMap(({ changes }) => changes.map(({ kind, key }): EntityRef => ({ kind, key })));
  return new Map(refs.map((ref) => [entityId(ref), ref]));
}
