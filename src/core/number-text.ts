import { canonicalJson } from './canonical.ts';
import type { ListElement, Value } from './values.ts';

const WHOLE_FLOAT = /^(-?\d+)\.0$/;

/**
 * A text that is the same for values that Neo4j takes for the same in an index: numbers are compared whatever their type, 1 with 1.0 and the list
 * of the one with that of the other. A float is what its shortest decimal text says, so that the float 2^53 is not the integer 2^53 + 1, though
 * that has no float of its own. -0.0 is not 0.
 */
export function numberText(value: Value): string {
  if (typeof value !== 'object') return canonicalJson(value);
  if ('$integer' in value) return value.$integer;
  if ('$float' in value) return wholeText(value.$float) ?? canonicalJson(value);
  if ('$list' in value && (value.$list.of === 'INTEGER' || value.$list.of === 'FLOAT'))
    return `{"numbers":[${value.$list.values.map(elementText).join(',')}]}`;
  return canonicalJson(value);
}

function wholeText(float: string): string | null {
  return float === '-0.0' ? null : (WHOLE_FLOAT.exec(float)?.[1] ?? null);
}

/** Elements of numbers have no tag: integers that JSON has no number for are text, and so are floats of that kind, none of which is whole. */
function elementText(element: ListElement): string {
  return String(element);
}
