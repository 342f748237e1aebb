import { diff3MergeRegions } from 'node-diff3';

/** Steps that the comparison of one side with base may take; what would take more is not merged. About 30 ms. */
const MAX_STEPS = 10_000_000;

export interface MergedSequence {
  /** Where both sides changed the same place differently, it holds what `live` has there. */
  readonly items: readonly string[];
  readonly clean: boolean;
}

/**
 * Three-way merge of sequences: what either side changed against base is taken, and places that both changed, or that lie side by side, are
 * clean only where both made the same of them. An item that one side removed and the other moved is not clean. Null when the sequences are
 * too long to be compared.
 */
export function mergeSequences(
  base: readonly string[],
  target: readonly string[],
  live: readonly string[],
): MergedSequence | null {
  const head = commonLength(base, target, live, (side, at) => side[at]);
  const rest = [base, target, live].map((side) => side.slice(head));
  const [b = [], t = [], l = []] = rest;
  const tail = commonLength(b, t, l, (side, at) => side[side.length - 1 - at]);
  const [o, a, c] = [b, t, l].map((side) => side.slice(0, side.length - tail));
  if (o === undefined || a === undefined || c === undefined) return null;
  if (steps(o, a) > MAX_STEPS || steps(o, c) > MAX_STEPS) return null;
  const regions = mergeRegions(o, a, c);
  const merged = { ...regions, clean: regions.clean && isKept(o, a, c, regions.items) };
  return { items: [...base.slice(0, head), ...merged.items, ...b.slice(b.length - tail)], clean: merged.clean };
}

function mergeRegions(base: string[], target: string[], live: string[]): MergedSequence {
  const items: string[] = [];
  let clean = true;
  for (const region of diff3MergeRegions(target, base, live)) {
    if (region.stable) {
      for (const item of region.bufferContent) items.push(item);
      continue;
    }
    for (const item of region.bContent) items.push(item);
    clean &&= sameItems(region.aContent, region.bContent);
  }
  return { items, clean };
}

/**
 * Whether the merge has of every item as many as it must. To a comparison by places an item that one side moved is one removed here and another
 * one added there: where the other side removed it, it would be back.
 */
function isKept(
  base: readonly string[],
  target: readonly string[],
  live: readonly string[],
  merged: readonly string[],
): boolean {
  const [inBase, inTarget, inLive, inMerged] = [base, target, live, merged].map(countsOf);
  for (const item of new Set([...base, ...target, ...live])) {
    const [b = 0, t = 0, l = 0, m = 0] = [inBase, inTarget, inLive, inMerged].map((counts) => counts?.get(item));
    if ((t === b && m !== l) || (l === b && m !== t)) return false;
    if (m < (t >= b && l >= b ? Math.max(t, l) : Math.min(b, t, l))) return false;
  }
  return true;
}

function countsOf(items: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

function commonLength(
  base: readonly string[],
  target: readonly string[],
  live: readonly string[],
  itemAt: (side: readonly string[], at: number) => string | undefined,
): number {
  const most = Math.min(base.length, target.length, live.length);
  for (let at = 0; at < most; at += 1) {
    const item = itemAt(base, at);
    if (item !== itemAt(target, at) || item !== itemAt(live, at)) return at;
  }
  return most;
}

/** An upper bound of what the library's search for the longest common subsequence does: each pair of equal items looks through all candidates. */
function steps(base: readonly string[], side: readonly string[]): number {
  const counts = countsOf(base);
  let pairs = 0;
  for (const item of side) pairs += counts.get(item) ?? 0;
  return pairs * (Math.min(base.length, side.length) + 1);
}
