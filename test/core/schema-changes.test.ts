import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type SchemaItem, schemaChanges } from '../../src/core/schema-changes.ts';

const item = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  kind: fc.constantFrom('INDEX', 'UNIQUE'),
  definition: fc.constantFrom('on x', 'on y'),
});
const schema: fc.Arbitrary<SchemaItem[]> = fc.uniqueArray(item, { selector: ({ name }) => name });
const byName = (items: Iterable<SchemaItem>) => [...items].sort((a, b) => (a.name < b.name ? -1 : 1));

test('what differs between two schemas makes one the other, each item once, and reversed the other way', () => {
  fc.assert(
    fc.property(schema, schema, (from, to) => {
      const result = new Map(from.map((each) => [each.name, each]));
      const changes = schemaChanges(from, to);
      for (const { before, after } of changes) {
        expect(before).not.toEqual(after);
        if (before !== null) expect(result.get(before.name)).toEqual(before);
        if (after !== null) result.set(after.name, after);
        else if (before !== null) result.delete(before.name);
      }
      expect(byName(result.values())).toEqual(byName(to));
      expect(new Set(changes.map(({ before, after }) => (before ?? after)?.name)).size).toBe(changes.length);
      expect(schemaChanges(to, from)).toEqual(changes.map(({ before, after }) => ({ before: after, after: before })));
    }),
  );
});

test('a schema does not differ from itself', () => {
  fc.assert(fc.property(schema, (items) => expect(schemaChanges(items, [...items].reverse())).toEqual([])));
});
