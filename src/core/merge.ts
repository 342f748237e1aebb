import { listTexts, sameAspect, textList } from './aspects.ts';
import { sortedLabels, valueTypeOf } from './canonical.ts';
import { mergeLists, mergeSets } from './merge-lists.ts';
import { mergeTexts } from './merge-texts.ts';
import { parseTaggedString, stringValue } from './scalars.ts';
import type { ListValue, Value } from './values.ts';

/** What the changes of two sides come to. */
export interface Merge {
  /** As much as could be joined; where both sides changed the same, it holds live's. Null: absent when clean, else there is no such thing. */
  readonly value: Value | null;
  /** Whether nothing of either side was left out. */
  readonly clean: boolean;
}

const NOT_MERGED: Merge = { value: null, clean: false };

/**
 * Three-way merge of a property: what target and what live made of base. One side's change, or the same on both, is taken as it is. Changes
 * on both sides are joined where all are lists of one element type (see `mergeLists`) or all are text (see `mergeTexts`). Numbers, booleans,
 * temporals, points and bytes are not, nor is a change with a removal, nor what is not of one type. Total and deterministic.
 */
export function mergeValues(base: Value | null, target: Value | null, live: Value | null): Merge {
  if (sameAspect(target, live) || sameAspect(base, target)) return { value: live, clean: true };
  if (sameAspect(base, live)) return { value: target, clean: true };
  if (target === null || live === null) return NOT_MERGED;
  const [lists, texts] = [[base, target, live].map(listOf), [base, target, live].map(textOf)];
  return settle(live, joinLists(base, lists) ?? joinTexts(texts) ?? NOT_MERGED);
}

/** Three-way merge of label sets, label by label: always clean. Each is a list of strings; null is the empty set. */
export function mergeLabels(base: Value | null, target: Value | null, live: Value | null): Merge {
  const [b, t, l] = [base, target, live].map((labels) => (labels === null ? [] : (listTexts(labels) ?? [])));
  return { value: textList(sortedLabels(mergeSets(b ?? [], t ?? [], l ?? []))), clean: true };
}

/** A partial result that is just what is there shows nothing. */
function settle(live: Value, merge: Merge): Merge {
  return !merge.clean && sameAspect(merge.value, live) ? NOT_MERGED : merge;
}

/** An absent base is an empty list: both sides have added all of theirs. */
function joinLists(base: Value | null, [b, t, l]: readonly (ListValue | null)[]): Merge | null {
  const from = base === null ? { of: null, values: [] } : b;
  if (!from || !t || !l) return null;
  const types = new Set([from.of, t.of, l.of].filter((of) => of !== null));
  return types.size > 1 ? null : mergeLists(from, t, l);
}

function joinTexts([b, t, l]: readonly (string | null)[]): Merge | null {
  if (typeof b !== 'string' || typeof t !== 'string' || typeof l !== 'string') return null;
  const merged = mergeTexts(b, t, l);
  return merged === null ? null : { value: stringValue(merged.text), clean: merged.clean };
}

function listOf(value: Value | null): ListValue | null {
  return typeof value === 'object' && value !== null && '$list' in value ? value.$list : null;
}

function textOf(value: Value | null): string | null {
  if (value === null || valueTypeOf(value).type !== 'STRING') return null;
  if (typeof value === 'object') return '$string' in value ? parseTaggedString(value.$string) : null;
  return typeof value === 'string' ? value : null;
}
