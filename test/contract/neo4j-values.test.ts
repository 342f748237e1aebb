import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DateTime, Duration, Point } from 'neo4j-driver';
import { fromDriver, toDriver, UnstorableError } from '../../src/adapters/neo4j/entities/values.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Value } from '../../src/core/values.ts';
import { arbValue } from '../support/arbitraries.ts';
import { isStorable, storable } from '../support/neo4j-values.ts';

describe('values of Neo4j', () => {
  test('what Neo4j can hold goes to the driver and comes back identical', () => {
    fc.assert(
      fc.property(storable(arbValue), (value) => {
        const back = fromDriver(toDriver(value));
        expect(back).toEqual(value);
        expect(canonicalJson(back)).toBe(canonicalJson(value));
      }),
      { numRuns: 3000 },
    );
  });

  test('what it cannot hold is refused, and nothing else', () => {
    fc.assert(
      fc.property(arbValue, (value) => {
        if (isStorable(value)) expect(() => toDriver(value)).not.toThrow();
        else expect(() => toDriver(value)).toThrow(UnstorableError);
      }),
      { numRuns: 3000 },
    );
  });

  test('types stay apart: integers are bigint, whole floats are numbers', () => {
    expect(toDriver(1)).toBe(1n);
    expect(toDriver({ $float: '1.0' })).toBe(1);
    expect(toDriver({ $float: '-0.0' })).toBe(-0);
    expect(toDriver({ $integer: '9007199254740993' })).toBe(9007199254740993n);
    expect(toDriver({ $list: { of: 'INTEGER', values: [1, '9223372036854775807'] } })).toEqual([1n, 2n ** 63n - 1n]);
    expect(toDriver({ $list: { of: 'FLOAT', values: [1, '-0.0', 'NaN'] } })).toEqual([1, -0, Number.NaN]);
    expect(fromDriver(new Int8Array([1, -1]))).toEqual({ $bytes: 'Af8=' });
    expect(fromDriver([1n, 255n])).toEqual({ $list: { of: 'INTEGER', values: [1, 255] } });
    expect(fromDriver([])).toEqual({ $list: { of: null, values: [] } });
  });

  test('durations are not carried over', () => {
    const duration = (months: bigint, days: bigint, seconds: bigint, nanos: bigint): Value =>
      fromDriver(new Duration(months, days, seconds, nanos));
    expect(duration(1n, 0n, 0n, 0n)).toEqual({ $duration: 'P1M' });
    expect(duration(0n, 30n, 0n, 0n)).toEqual({ $duration: 'P30D' });
    expect(duration(0n, 0n, 86400n, 0n)).toEqual({ $duration: 'PT86400S' });
    expect(duration(1n, -1n, -1n, 1n)).toEqual({ $duration: 'P1M-1DT-0.999999999S' });
  });

  test('both moments of the hour that comes twice keep their offset and zone', () => {
    for (const offset of [7200, 3600]) {
      const given = new DateTime(2024n, 10n, 27n, 2n, 30n, 0n, 1n, BigInt(offset), 'Europe/Berlin');
      expect(fromDriver(given)).toEqual({
        $dateTime: `2024-10-27T02:30:00.000000001+0${offset / 3600}:00[Europe/Berlin]`,
      });
    }
  });

  test.each<[string, Value]>([
    ['a lone surrogate', { $string: Buffer.from([0xd8, 0x00]).toString('base64') }],
    ['an empty list of a type', { $list: { of: 'STRING', values: [] } }],
    ['a list of byte arrays', { $list: { of: 'BYTES', values: [''] } }],
    ['a point that is not finite', { $point: { srid: 7203, coordinates: ['NaN', 1] } }],
    ['a longitude that would be turned round', { $point: { srid: 4326, coordinates: [200, 10] } }],
    ['a duration beyond 64 bits of seconds', { $duration: 'P9223372036854775807M' }],
  ])('%s is refused', (_, value) => {
    expect(() => toDriver(value)).toThrow(UnstorableError);
  });

  test('what is no property value is a mistake of ours', () => {
    for (const value of [null, undefined, {}, [[1n]], [1n, 'a'], 2n ** 64n]) {
      expect(() => fromDriver(value)).toThrow(TypeError);
    }
    expect(fromDriver(new Point(7203n, 0, -0))).toEqual({ $point: { srid: 7203, coordinates: [0, '-0.0'] } });
  });
});
