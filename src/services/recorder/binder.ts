import { deletes } from '../../core/deltas.ts';
import { type EntityBinding, type EntityId, entityId } from '../../core/entities.ts';
import type { CapturedTransaction } from '../../core/recording-types.ts';
import type { Bindings } from '../../ports/bindings.ts';

/** Remembers where the graph keeps what was recorded, and forgets what is gone. To be done before the graph forgets the slice. */
export async function bind(bindings: Bindings | undefined, slice: readonly CapturedTransaction[]): Promise<void> {
  if (bindings === undefined) return;
  const kept = new Map<EntityId, EntityBinding>();
  const gone: EntityBinding[] = [];
  for (const transaction of slice) {
    const deleted = new Set(transaction.changes.filter(deletes).map(entityId));
    for (const binding of transaction.bindings ?? []) {
      const id = entityId(binding);
      if (deleted.has(id)) {
        kept.delete(id);
        gone.push(binding);
      } else kept.set(id, binding);
    }
  }
  await bindings.forget(gone);
  await bindings.put([...kept.values()]);
}
