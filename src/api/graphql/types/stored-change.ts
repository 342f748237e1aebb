import type { EntityChange } from '../../../core/entities.ts';
import { storedState } from '../stored.ts';

/** A stored row about one entity as a change. Kinds are stored as numbers: 0 a node, 1 a relationship. */
export function changeFrom(
  { kind, key }: { readonly kind: number; readonly key: string },
  before: unknown,
  after: unknown,
): EntityChange {
  return { kind: kindFrom(kind), key, before: storedState(before), after: storedState(after) };
}

export function kindFrom(kind: number): EntityChange['kind'] {
  return kind === 0 ? 'NODE' : 'RELATIONSHIP';
}
