import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { propertiesOf } from '../../src/core/properties.ts';
import type { Value } from '../../src/core/values.ts';
import { arbName, arbValue } from '../support/arbitraries.ts';

/** As an array index, which objects list first whatever the order. */
const isIndex = (name: string): boolean => /^(0|[1-9]\d{0,9})$/.test(name);

test('properties are those of the entries, the last of equal names, by name in code-unit order', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(arbName, arbValue), { maxLength: 6 }), (entries) => {
      const properties = propertiesOf(entries);
      const last = new Map<string, Value>(entries);
      expect(new Map(Object.entries(properties))).toEqual(last);
      const names = Object.keys(properties).filter((name) => !isIndex(name));
      expect(names).toEqual([...last.keys()].filter((name) => !isIndex(name)).sort());
    }),
  );
});

test('a property called __proto__ is one like any other', () => {
  const properties = propertiesOf([
    ['a', 1],
    ['__proto__', 2],
  ]);
  expect(Object.entries(properties)).toEqual([
    ['__proto__', 2],
    ['a', 1],
  ]);
  expect(Object.getPrototypeOf(properties)).toBe(Object.prototype);
});
