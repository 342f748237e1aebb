import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, sameValue, valueTypeOf } from '../../src/core/canonical.ts';
import { canonicalValue, checkName, decodeValue, type TypeHint } from '../../src/core/decode.ts';
import { elementValue, listElement } from '../../src/core/lists.ts';
import type { Value } from '../../src/core/values.ts';
import { arbName, arbValue, flatten } from '../support/arbitraries.ts';

const BIG = '9007199254740993';

function decoded(json: unknown, hint?: TypeHint): Value {
  const result = decodeValue(json, hint);
  if (!result.ok) throw new Error(`${JSON.stringify(json)}: ${result.message}`);
  return result.value;
}

describe('a canonical value', () => {
  test('decodes to itself, with and without its type, also after a trip through JSON', () => {
    fc.assert(
      fc.property(arbValue, (value) => {
        const json: unknown = JSON.parse(JSON.stringify(value));
        expect(decoded(json)).toEqual(value);
        expect(decoded(json, valueTypeOf(value))).toEqual(value);
        expect(canonicalJson(decoded(JSON.parse(canonicalJson(value))))).toBe(canonicalJson(value));
        expect(sameValue(canonicalValue(value), value)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('as a list element is the same value without its tag', () => {
    fc.assert(
      fc.property(arbValue, (value) => {
        const { elementType } = valueTypeOf(value);
        const elements = flatten(value);
        if (elementType === null) return;
        for (const element of elements) expect(elementValue(elementType, listElement(element))).toEqual(element);
        expect(decoded(elements, { elementType })).toEqual(value);
      }),
    );
  });
});

test('decoding anything never throws and is idempotent', () => {
  const payload = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.double(),
    fc.constant(null),
    fc.array(fc.oneof(fc.string(), fc.double())),
  );
  const tag = fc.constantFrom(
    '$string',
    '$integer',
    '$float',
    '$bytes',
    '$date',
    '$time',
    '$duration',
    '$point',
    '$list',
    '$x',
    '__proto__',
  );
  const tagged = fc.tuple(tag, payload).map((entry) => Object.fromEntries([entry]));
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), payload, tagged), (json) => {
      const result = decodeValue(json);
      if (result.ok) expect(decoded(result.value)).toEqual(result.value);
      else expect(result.message).not.toBe('');
    }),
    { numRuns: 2000 },
  );
});

describe('input takes', () => {
  const cases: [unknown, TypeHint, Value][] = [
    [true, {}, true],
    [5, {}, 5],
    [-0, {}, 0],
    [1.5, {}, 1.5],
    [Number.MAX_SAFE_INTEGER, {}, Number.MAX_SAFE_INTEGER],
    ['x', {}, 'x'],
    ['', {}, ''],
    ['a\0b', {}, { $string: 'AGEAAABi' }],
    ['\ud800', {}, { $string: '2AA=' }],
    [{ $string: 'AGEAYg==' }, {}, 'ab'],
    [{ $string: '' }, {}, ''],
    [{ $integer: '5' }, {}, 5],
    [{ $integer: '+007' }, {}, 7],
    [{ $integer: '-0' }, {}, 0],
    [{ $integer: BIG }, {}, { $integer: BIG }],
    [{ $integer: '-9223372036854775808' }, {}, { $integer: '-9223372036854775808' }],
    [{ $float: '1.5' }, {}, 1.5],
    [{ $float: '1' }, {}, { $float: '1.0' }],
    [{ $float: '-0' }, {}, { $float: '-0.0' }],
    [{ $float: '1e21' }, {}, { $float: '1e+21' }],
    [{ $float: '-Infinity' }, {}, { $float: '-Infinity' }],
    [{ $bytes: 'AQI' }, {}, { $bytes: 'AQI=' }],
    [{ $bytes: 'AR==' }, {}, { $bytes: 'AQ==' }],
    [[], {}, { $list: { of: null, values: [] } }],
    [[], { elementType: 'DATE' }, { $list: { of: 'DATE', values: [] } }],
    [[1, 2], {}, { $list: { of: 'INTEGER', values: [1, 2] } }],
    [[1, { $integer: BIG }], {}, { $list: { of: 'INTEGER', values: [1, BIG] } }],
    [[1, 2.5, 'NaN', -0], { elementType: 'FLOAT' }, { $list: { of: 'FLOAT', values: [1, 2.5, 'NaN', '-0.0'] } }],
    [['a', '\0'], {}, { $list: { of: 'STRING', values: ['a', { $string: 'AAA=' }] } }],
    [[{ $date: '2024-02-29' }], {}, { $list: { of: 'DATE', values: ['2024-02-29'] } }],
    [['2024-02-29'], { type: 'LIST', elementType: 'DATE' }, { $list: { of: 'DATE', values: ['2024-02-29'] } }],
    [
      { $list: { values: [{ coordinates: [1, -0], srid: 7203 }], of: 'POINT' } },
      {},
      { $list: { of: 'POINT', values: [{ srid: 7203, coordinates: [1, '-0.0'] }] } },
    ],
    [1, { type: 'FLOAT' }, { $float: '1.0' }],
    [-0, { type: 'FLOAT' }, { $float: '-0.0' }],
    [1e300, { type: 'FLOAT' }, { $float: '1e+300' }],
    ['NaN', { type: 'FLOAT' }, { $float: 'NaN' }],
    [BIG, { type: 'INTEGER' }, { $integer: BIG }],
    ['AQI=', { type: 'BYTES' }, { $bytes: 'AQI=' }],
    ['2024-02-29', { type: 'DATE' }, { $date: '2024-02-29' }],
    ['2024-02-29', { type: 'STRING' }, '2024-02-29'],
    [{ $date: '2024-02-29' }, { type: 'DATE', elementType: null }, { $date: '2024-02-29' }],
    [
      { $point: { srid: 4326, coordinates: [13.4, '52.50'] } },
      {},
      { $point: { srid: 4326, coordinates: [13.4, 52.5] } },
    ],
  ];
  test.each(cases)('%j with %j', (json, hint, value) => {
    expect(decoded(json, hint)).toStrictEqual(value);
  });
});

describe('input refuses', () => {
  const cases: [unknown, TypeHint, (string | number)[]][] = [
    [null, {}, []],
    [undefined, {}, []],
    [{}, {}, []],
    [{ $date: '2024-02-29', $integer: '1' }, {}, []],
    [{ $nope: 1 }, {}, []],
    [{ a: 1 }, {}, []],
    [JSON.parse('{"__proto__": 1}'), {}, []],
    [{ constructor: 1 }, {}, []],
    [2 ** 53, {}, []],
    [1e300, {}, []],
    [{ $integer: 2 ** 53 }, {}, ['$integer']],
    [{ $integer: '9223372036854775808' }, {}, ['$integer']],
    [{ $integer: '1.0' }, {}, ['$integer']],
    [{ $integer: null }, {}, ['$integer']],
    [{ $float: '1e400' }, {}, ['$float']],
    [{ $float: 'nan' }, {}, ['$float']],
    [{ $float: '' }, {}, ['$float']],
    [{ $string: 'AA==' }, {}, ['$string']],
    [{ $string: 'x y' }, {}, ['$string']],
    [{ $bytes: 'A' }, {}, ['$bytes']],
    [{ $bytes: 'AQI==' }, {}, ['$bytes']],
    [{ $point: { srid: 1, coordinates: [1, 2] } }, {}, ['$point', 'srid']],
    [{ $point: { srid: 4326, coordinates: [1, 2, 3] } }, {}, ['$point', 'coordinates']],
    [{ $point: { srid: 4979, coordinates: [1, 2, null] } }, {}, ['$point', 'coordinates', 2]],
    [{ $point: { srid: 4326, coordinates: [1, 2], z: 1 } }, {}, ['$point']],
    [[1, 2.5], {}, [1]],
    [[1, 'a'], {}, [1]],
    [[[1]], {}, [0]],
    [[null], {}, [0]],
    [[{ $list: { of: null, values: [] } }], {}, [0]],
    [{ $list: { of: 'LIST', values: [] } }, {}, ['$list', 'of']],
    [{ $list: { of: null, values: [1] } }, {}, ['$list', 'of']],
    [{ $list: { of: 'DATE', values: ['2023-02-29'] } }, {}, ['$list', 'values', 0]],
    [{ $list: { of: 'INTEGER', values: [[1]] } }, {}, ['$list', 'values', 0]],
    [{ $list: { values: [] } }, {}, ['$list']],
    [{ $list: { of: 'INTEGER', values: [1] } }, { elementType: 'FLOAT' }, ['$list', 'of']],
    [{ $date: '2024-02-29' }, { type: 'STRING' }, []],
    [{ $integer: '1' }, { type: 'FLOAT' }, []],
    [1, { type: 'STRING' }, []],
    [1.5, { type: 'INTEGER' }, []],
    ['true', { type: 'BOOLEAN' }, []],
    [1, { type: 'LIST' }, []],
    [[1], { type: 'INTEGER' }, []],
    [1, { type: 'INTEGER', elementType: 'INTEGER' }, []],
    [[], { elementType: 'LIST' }, []],
    [{ srid: 4326, coordinates: [1, 2] }, { type: 'POINT' }, []],
  ];
  test.each(cases)('%j with %j', (json, hint, path) => {
    expect(decodeValue(json, hint)).toMatchObject({ ok: false, path });
  });
});

describe('checkName', () => {
  test('takes whatever PostgreSQL and JSON can carry', () => {
    fc.assert(fc.property(arbName, (name) => expect(checkName(name)).toBeNull()));
    expect(checkName('x'.repeat(512))).toBeNull();
  });

  test.each(['', 'a\0b', '\ud800', 'x'.repeat(513)])('refuses %j', (name) => {
    expect(checkName(name)).toMatch(/^must not/);
  });
});
