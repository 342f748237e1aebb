import type fc from 'fast-check';
import { parseDuration } from '../../src/core/duration.ts';
import { elementValue } from '../../src/core/lists.ts';
import { parseTaggedString } from '../../src/core/scalars.ts';
import type { ListValue, PointValue, Properties, Value } from '../../src/core/values.ts';

/** Whether Neo4j can hold exactly this value, said independently of the adapter. */
export function isStorable(value: Value): boolean {
  if (typeof value !== 'object') return true;
  if ('$string' in value) return parseTaggedString(value.$string)?.isWellFormed() ?? false;
  if ('$duration' in value) return isComparable(value.$duration);
  if ('$point' in value) return isInBounds(value.$point);
  return '$list' in value ? isList(value.$list) : true;
}

/** Of arbitrary values those that Neo4j can hold. */
export function storable(values: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return values.filter(isStorable);
}

/** Arbitrary properties without those that Neo4j cannot hold. */
export function storableProperties(all: fc.Arbitrary<Properties>): fc.Arbitrary<Properties> {
  return all.map((properties) =>
    Object.fromEntries(Object.entries(properties).filter(([, value]) => isStorable(value))),
  );
}

/** A duration whose average length is a 64-bit number of seconds, at every step of adding it up. */
function isComparable(text: string): boolean {
  const { months = 0n, days = 0n, nanos = 0n } = parseDuration(text) ?? {};
  const seconds = nanos / 10n ** 9n - (nanos % 10n ** 9n < 0n ? 1n : 0n);
  const steps = [days * 86_400n, days * 86_400n + seconds, months * 2_629_746n];
  steps.push(months * 2_629_746n + days * 86_400n + seconds);
  return steps.every((step) => step >= -(2n ** 63n) && step < 2n ** 63n);
}

function isInBounds({ srid, coordinates }: PointValue): boolean {
  const [x = 0, y = 0, z = 0] = coordinates.map(Number);
  if (!Number.isFinite(x) || !Number.isFinite(y) || !Number.isFinite(z)) return false;
  return srid === 7203 || srid === 9157 || (Math.abs(x) <= 180 && Math.abs(y) <= 90);
}

function isList({ of, values }: ListValue): boolean {
  if (of === null) return true;
  if (values.length === 0 || of === 'BYTES') return false;
  const srids = new Set(values.map((element) => (typeof element === 'object' && 'srid' in element ? element.srid : 0)));
  return srids.size === 1 && values.every((element) => isStorable(elementValue(of, element)));
}
