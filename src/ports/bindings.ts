import type { EntityBinding, EntityKind } from '../core/entities.ts';

/**
 * Where a graph that addresses entities by numbers of its own keeps each key. A hint, never the truth: the graph reuses numbers, so
 * whoever finds an entity by its binding compares the key. A key without a binding is one that capture has not seen, or saw deleted.
 */
export interface Bindings {
  /** Local ids by key; keys without a binding are absent. */
  find(kind: EntityKind, keys: readonly string[]): Promise<Map<string, bigint>>;
  /**
   * Stores bindings of one kind, each key once, of keys that have none.
   * @returns where keys are bound: none when all of them were stored, else all
   */
  add(bindings: readonly EntityBinding[]): Promise<Map<string, bigint>>;
  /** Stores bindings in one statement; of several for one key the last counts, and it replaces what was stored. */
  put(bindings: readonly EntityBinding[]): Promise<void>;
  /** Forgets bindings, each only while it still is as given: one that was replaced meanwhile stays. */
  forget(bindings: readonly EntityBinding[]): Promise<void>;
  /** Forgets all of them. */
  clear(): Promise<void>;
}
