import { withFullStates } from '../../src/core/deltas.ts';
import { type EntityId, type EntityState, entityId } from '../../src/core/entities.ts';
import type { CapturedTransaction, FullTransaction } from '../../src/core/recording-types.ts';

/** What a reader of a feed remembers, so that it can tell the full states where the feed gives what changed. */
export class FullStates {
  readonly #states = new Map<EntityId, EntityState | null>();
  readonly #seen = new Map<string, FullTransaction>();

  /** The slice with full states. What was seen before is as it was. @throws Error where the feed speaks of an entity that it never gave */
  of(slice: readonly CapturedTransaction[]): FullTransaction[] {
    return slice.map((transaction) => {
      const [first] = transaction.changes;
      const part = JSON.stringify([transaction.id, transaction.first, first?.kind, first?.key]);
      const before = this.#seen.get(part);
      if (before !== undefined) return { ...before, cut: transaction.cut };
      const { slice: full, unknown } = withFullStates([transaction], this.#states);
      const [stranger] = unknown;
      if (stranger !== undefined) throw new Error(`nothing is known of ${entityId(stranger.delta)}`);
      const [only] = full;
      if (only === undefined) throw new Error('unreachable');
      for (const change of only.changes) this.#states.set(entityId(change), change.after);
      this.#seen.set(part, only);
      return only;
    });
  }
}
