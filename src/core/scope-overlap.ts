import type { Scope } from './scope-types.ts';

/**
 * Whether two scopes may speak of the same entity, null being the whole graph. Only lists of keys say for certain that they do not: what
 * has a label or lies in a neighbourhood changes with the graph.
 */
export function mayOverlap(a: Scope | null, b: Scope | null): boolean {
  const [first, second] = [a?.keys, b?.keys];
  if (!first || !second) return true;
  const keys = new Set(first);
  return second.some((key) => keys.has(key));
}
