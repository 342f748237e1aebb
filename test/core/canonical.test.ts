import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, canonicalState, sameState, sameValue, sortedLabels } from '../../src/core/canonical.ts';
import { canonicalValue } from '../../src/core/decode.ts';
import type { EntityState, NodeState, RelationshipState } from '../../src/core/entities.ts';
import type { Properties, Value } from '../../src/core/values.ts';
import { arbNodeState, arbRelationshipState, arbValue } from '../support/arbitraries.ts';

const node = (part: Partial<NodeState> = {}): NodeState => ({
  kind: 'NODE',
  key: 'n1',
  labels: [],
  properties: {},
  ...part,
});

const relationship = (part: Partial<RelationshipState> = {}): RelationshipState => ({
  kind: 'RELATIONSHIP',
  key: 'r1',
  type: 'KNOWS',
  start: 'a',
  end: 'b',
  properties: {},
  ...part,
});

/** JSON with the keys of every object as jsonb orders them: by length, then by bytes. */
function throughJsonb(json: unknown): unknown {
  return JSON.parse(JSON.stringify(reordered(json)));
}

function reordered(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(reordered);
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
  return Object.fromEntries(entries.reverse().map(([name, inner]) => [name, reordered(inner)]));
}

const CONFUSABLE: Value[] = [
  true,
  'true',
  1,
  '1',
  { $float: '1.0' },
  '1.0',
  1.5,
  '1.5',
  0,
  { $float: '0.0' },
  { $float: '-0.0' },
  '',
  'null',
  { $float: 'NaN' },
  'NaN',
  { $float: 'Infinity' },
  { $float: '-Infinity' },
  9007199254740991,
  { $integer: '9007199254740993' },
  { $integer: '9007199254740992' },
  { $float: '9007199254740992.0' },
  '9007199254740993',
  { $string: 'AAA=' },
  'AAA=',
  { $bytes: 'AAA=' },
  { $bytes: '' },
  '{"$bytes":""}',
  { $date: '2024-02-29' },
  '2024-02-29',
  { $localTime: '12:00:00' },
  { $time: '12:00:00Z' },
  { $localDateTime: '2024-02-29T12:00:00' },
  { $dateTime: '2024-02-29T12:00:00Z' },
  { $dateTime: '2024-02-29T12:00:00Z[UTC]' },
  { $dateTime: '2024-02-29T13:00:00+01:00' },
  { $duration: 'P1M' },
  { $duration: 'P30D' },
  { $duration: 'PT2592000S' },
  { $point: { srid: 4326, coordinates: [1, 2] } },
  { $point: { srid: 7203, coordinates: [1, 2] } },
  { $point: { srid: 4326, coordinates: [2, 1] } },
  { $point: { srid: 4979, coordinates: [1, 2, 0] } },
  { $point: { srid: 4979, coordinates: [1, 2, '-0.0'] } },
  { $list: { of: null, values: [] } },
  { $list: { of: 'INTEGER', values: [] } },
  { $list: { of: 'INTEGER', values: [1, 2] } },
  { $list: { of: 'FLOAT', values: [1, 2] } },
  { $list: { of: 'STRING', values: ['1', '2'] } },
  { $list: { of: 'STRING', values: ['1,2'] } },
  { $list: { of: 'BYTES', values: ['AQI='] } },
  { $list: { of: 'STRING', values: ['AQI='] } },
  { $bytes: 'AQI=' },
  '[1,2]',
  { $list: { of: 'FLOAT', values: ['-0.0'] } },
  { $list: { of: 'FLOAT', values: [0] } },
  { $list: { of: 'STRING', values: [] } },
  { $list: { of: 'STRING', values: [''] } },
  { $list: { of: 'STRING', values: [{ $string: 'AAA=' }] } },
  { $list: { of: 'STRING', values: ['AAA='] } },
  '\u00e9',
  'e\u0301',
];

describe('canonicalJson', () => {
  test('gives every confusable value a text of its own', () => {
    expect(new Set(CONFUSABLE.map(canonicalJson)).size).toBe(CONFUSABLE.length);
  });

  test('is valid JSON of the value', () => {
    fc.assert(fc.property(arbValue, (value) => expect(JSON.parse(canonicalJson(value))).toEqual(value)));
  });

  test('is equal exactly where values are identical', () => {
    fc.assert(
      fc.property(arbValue, arbValue, (a, b) => {
        expect(canonicalJson(a) === canonicalJson(b)).toBe(
          JSON.stringify(reordered(a)) === JSON.stringify(reordered(b)),
        );
        expect(sameValue(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
        expect(sameValue(a, structuredClone(a))).toBe(true);
      }),
    );
  });

  test('does not depend on the key order inside tags', () => {
    fc.assert(
      fc.property(arbValue, (value) => {
        // JSON of a value is a value.
        const back = throughJsonb(value) as Value;
        expect(canonicalJson(back)).toBe(canonicalJson(value));
        expect(JSON.stringify(canonicalValue(back))).toBe(canonicalJson(value));
      }),
    );
  });

  test('has one text for the integer zero', () => {
    expect(canonicalJson(-0)).toBe('0');
  });
});

describe('canonicalState', () => {
  test('sorts properties and labels by code unit, integer-like names too', () => {
    const properties = Object.fromEntries([
      ['b', 1],
      ['10', 2],
      ['9', 3],
      ['__proto__', 4],
      ['\u{1f600}', 5],
      ['\uffee', 6],
    ]);
    expect(canonicalState(node({ labels: ['b', 'A', 'b'], properties }))).toBe(
      '["NODE","n1",["A","b"],{"10":2,"9":3,"__proto__":4,"b":1,"\u{1f600}":5,"\uffee":6}]',
    );
  });

  test('counts a property called __proto__', () => {
    // JSON.parse makes an own property of it, unlike an object literal.
    const properties = JSON.parse('{"__proto__": 1, "constructor": 2}') as Properties;
    expect(canonicalState(node({ properties }))).toContain('{"__proto__":1,"constructor":2}');
    expect(canonicalState(node())).toContain('{}');
  });

  test('tells apart what differs only in place', () => {
    const states: EntityState[] = [
      node(),
      node({ key: 'n2' }),
      node({ labels: ['A'] }),
      node({ labels: ['A', 'B'] }),
      node({ labels: ['A","B'] }),
      node({ properties: { A: 1 } }),
      node({ properties: { A: '1' } }),
      node({ properties: { 'A":1,"B': 1 } }),
      node({ properties: { A: 1, B: 1 } }),
      relationship(),
      relationship({ key: 'n1' }),
      relationship({ start: 'b', end: 'a' }),
      relationship({ type: 'a', start: 'KNOWS' }),
      relationship({ properties: { A: 1 } }),
    ];
    expect(new Set(states.map(canonicalState)).size).toBe(states.length);
  });

  test('is one text whatever order a store gives properties, labels and the keys of tags in', () => {
    const turned = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(turned);
      if (typeof value !== 'object' || value === null) return value;
      const entries = Object.entries(value).map(([name, inner]): [string, unknown] => [name, turned(inner)]);
      return Object.fromEntries(entries.reverse());
    };
    fc.assert(
      fc.property(fc.oneof(arbNodeState, arbRelationshipState), (state) => {
        const back = turned(state) as EntityState;
        const labelled = back.kind === 'NODE' ? { ...back, labels: back.labels.toReversed() } : back;
        expect(canonicalState(labelled)).toBe(canonicalState(state));
      }),
    );
  });

  test('survives jsonb', () => {
    fc.assert(
      fc.property(fc.oneof(arbNodeState, arbRelationshipState), (state) => {
        // JSON of a state is a state.
        const back = throughJsonb(state) as EntityState;
        expect(canonicalState(back)).toBe(canonicalState(state));
        expect(sameState(back, state)).toBe(true);
      }),
    );
  });

  test('absent is the same as absent only', () => {
    expect(sameState(null, null)).toBe(true);
    expect(sameState(null, node())).toBe(false);
  });
});

test('labels are sorted by code unit, each once', () => {
  expect(sortedLabels(['b', 'a', 'B', 'b', '\u00e9'])).toEqual(['B', 'a', 'b', '\u00e9']);
});

test('a property may be named like something that every object has', () => {
  const state = (properties: NodeState['properties']): NodeState => ({
    kind: 'NODE',
    key: 'k',
    labels: [],
    properties,
  });
  expect(sameState(state({ toString: 'a' }), state({}))).toBe(false);
  expect(sameState(state({}), state({ toString: 'a' }))).toBe(false);
  expect(sameState(state({ constructor: 'a' }), state({ valueOf: 'a' }))).toBe(false);
  const own = state(JSON.parse('{"__proto__": "a"}'));
  expect(sameState(own, state(JSON.parse('{"__proto__": "a"}')))).toBe(true);
  expect(sameState(own, state({}))).toBe(false);
});
