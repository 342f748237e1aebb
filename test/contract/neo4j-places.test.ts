import { expect, test } from '@jest/globals';
import { placesOf } from '../../src/adapters/neo4j/entities/element-ids.ts';

test('places are what elementIds have in common, and their numbers in order', () => {
  expect(placesOf(['4:ab:7', '4:ab:12', '4:ab:7'])).toEqual({ store: '4:ab:', numbers: '7,12,7' });
  expect(placesOf([])).toEqual({ store: '', numbers: '' });
});

test('places of several stores, or of nodes and relationships, are refused', () => {
  for (const other of ['4:cd:7', '5:ab:7']) expect(() => placesOf(['4:ab:7', other])).toThrow('several stores');
});
