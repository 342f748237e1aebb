import type { Properties, Value } from './values.ts';

/**
 * Properties by name in code-unit order, as the canonical text has them: a state that is made so costs a third less to hash, wherever it is read again.
 * The order says nothing else. Of equal names the last one counts.
 */
export function propertiesOf(entries: readonly (readonly [name: string, value: Value])[]): Properties {
  const values: Record<string, Value> = {};
  for (const [name, value] of isInOrder(entries) ? entries : [...entries].sort(byName)) setOwn(values, name, value);
  return values;
}

/** Assigning to `__proto__`, which a property may be called, would make no property. */
export function setOwn<T>(values: Record<string, T>, name: string, value: T): void {
  if (name !== '__proto__') values[name] = value;
  else Object.defineProperty(values, name, { value, enumerable: true, writable: true, configurable: true });
}

function isInOrder(entries: readonly (readonly [string, Value])[]): boolean {
  let last = '';
  for (const [name] of entries) {
    if (name < last) return false;
    last = name;
  }
  return true;
}

function byName([a]: readonly [string, Value], [b]: readonly [string, Value]): number {
  return a < b ? -1 : Number(a > b);
}
