import { expect, test } from '@jest/globals';
import type { EntityState } from '../../src/core/entities.ts';
import { withMissed } from '../../src/core/missed.ts';
import type { Properties } from '../../src/core/values.ts';

const node = (properties: Properties, labels: readonly string[] = []): EntityState => ({
  kind: 'NODE',
  key: 'k',
  labels,
  properties,
});

const cases: readonly (readonly [
  string,
  EntityState | null,
  EntityState | null,
  EntityState | null,
  EntityState | null,
])[] = [
  [
    'a missed value beside one written since',
    node({ a: 1, b: 1 }),
    node({ a: 2, b: 1 }),
    node({ a: 1, b: 2 }),
    node({ a: 2, b: 2 }),
  ],
  ['what was written since over what was missed', node({ a: 1 }), node({ a: 2 }), node({ a: 3 }), node({ a: 3 })],
  [
    'a property that was added, one removed',
    node({ a: 1 }),
    node({ b: 1 }),
    node({ a: 1, c: 1 }),
    node({ b: 1, c: 1 }),
  ],
  ['labels', node({}, ['A']), node({}, ['A', 'B']), node({ p: 1 }, ['A']), node({ p: 1 }, ['A', 'B'])],
  ['nothing missed', node({ a: 1 }), node({ a: 1 }), node({ a: 2 }), node({ a: 2 })],
  ['deleted since', node({ a: 1 }), node({ a: 2 }), null, null],
  ['created since', null, node({ a: 2 }), node({ a: 3 }), node({ a: 3 })],
];
test.each(cases)('%s', (_, recorded, live, now, expected) => {
  expect(withMissed(recorded, live, now)).toEqual(expected);
});
