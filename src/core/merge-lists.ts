import { canonicalJson } from './canonical.ts';
import { mergeSequences } from './diff3.ts';
import { elementValue } from './lists.ts';
import type { Merge } from './merge.ts';
import type { ElementType, ListElement, ListValue } from './values.ts';

/**
 * Lists merge as sets where that is what they are: the elements of each of the three are distinct, and neither side has reordered the
 * elements that it shares with base. All others merge as sequences.
 */
export function mergeLists(base: ListValue, target: ListValue, live: ListValue): Merge {
  const of = base.of ?? target.of ?? live.of;
  if (of === null) return { value: { $list: live }, clean: true };
  const elements = new Map<string, ListElement>();
  const itemsOf = (list: ListValue): string[] => list.values.map((element) => register(elements, of, element));
  const sides = [itemsOf(base), itemsOf(target), itemsOf(live)] as const;
  const merged = areSets(...sides) ? { items: mergeSets(...sides), clean: true } : mergeSequences(...sides);
  if (merged === null) return { value: null, clean: false };
  const values = merged.items.flatMap((item) => elements.get(item) ?? []);
  return { value: { $list: { of: values.length === 0 ? null : of, values } }, clean: merged.clean };
}

/** The element's canonical text, by which it is found again. */
function register(elements: Map<string, ListElement>, of: ElementType, element: ListElement): string {
  const item = canonicalJson(elementValue(of, element));
  elements.set(item, element);
  return item;
}

function areSets(base: readonly string[], target: readonly string[], live: readonly string[]): boolean {
  const sides = [base, target, live];
  if (sides.some((side) => new Set(side).size !== side.length)) return false;
  return inOneOrder(base, target) && inOneOrder(base, live);
}

/** Whether the elements that both have come in the same order in both. Elements are distinct. */
function inOneOrder(a: readonly string[], b: readonly string[]): boolean {
  const places = new Map(a.map((item, at) => [item, at]));
  let last = -1;
  for (const item of b) {
    const place = places.get(item);
    if (place === undefined) continue;
    if (place < last) return false;
    last = place;
  }
  return true;
}

/**
 * What base has and neither side removed, and what either side added. In the order of `live`; what only `target` added stands right after
 * the nearest element before it in `target` that is still there.
 */
export function mergeSets(base: readonly string[], target: readonly string[], live: readonly string[]): string[] {
  const [inBase, inTarget, inLive] = [new Set(base), new Set(target), new Set(live)];
  const kept = live.filter((item) => !inBase.has(item) || inTarget.has(item));
  const present = new Set(kept);
  const after = new Map<string | null, string[]>();
  let place: string | null = null;
  for (const item of target) {
    if (present.has(item)) place = item;
    else if (!inBase.has(item) && !inLive.has(item)) after.set(place, [...(after.get(place) ?? []), item]);
  }
  return [...(after.get(null) ?? []), ...kept.flatMap((item) => [item, ...(after.get(item) ?? [])])];
}
