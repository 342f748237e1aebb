import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { valueText, valueTypeOf } from '../../src/core/canonical.ts';
import type { Value } from '../../src/core/values.ts';
import { arbValue } from '../support/arbitraries.ts';

describe('valueTypeOf and valueText', () => {
  const cases: [Value, string, string | null, string][] = [
    [true, 'BOOLEAN', null, 'true'],
    [5, 'INTEGER', null, '5'],
    [{ $integer: '9007199254740993' }, 'INTEGER', null, '9007199254740993'],
    [1.5, 'FLOAT', null, '1.5'],
    [{ $float: '1.0' }, 'FLOAT', null, '1.0'],
    ['x', 'STRING', null, 'x'],
    [{ $string: 'AAA=' }, 'STRING', null, '\u2400'],
    [{ $bytes: 'AQI=' }, 'BYTES', null, '0x0102'],
    [{ $date: '2024-02-29' }, 'DATE', null, '2024-02-29'],
    [{ $localTime: '12:00:00' }, 'LOCAL_TIME', null, '12:00:00'],
    [{ $time: '12:00:00Z' }, 'TIME', null, '12:00:00Z'],
    [{ $localDateTime: '2024-02-29T12:00:00' }, 'LOCAL_DATETIME', null, '2024-02-29T12:00:00'],
    [{ $dateTime: '2024-02-29T12:00:00Z' }, 'DATETIME', null, '2024-02-29T12:00:00Z'],
    [{ $duration: 'P1M' }, 'DURATION', null, 'P1M'],
    [{ $point: { srid: 4326, coordinates: [13.4, 52.5] } }, 'POINT', null, 'point({srid: 4326, x: 13.4, y: 52.5})'],
    [{ $list: { of: 'FLOAT', values: [1, 2.5, 'NaN'] } }, 'LIST', 'FLOAT', '[1.0, 2.5, NaN]'],
    [{ $list: { of: 'STRING', values: ['a', 'b, c'] } }, 'LIST', 'STRING', '["a", "b, c"]'],
    [{ $list: { of: null, values: [] } }, 'LIST', null, '[]'],
  ];
  test.each(cases)('%j is %s of %s, read %s', (value, type, elementType, text) => {
    expect(valueTypeOf(value)).toEqual({ type, elementType });
    expect(valueText(value)).toBe(text);
  });

  test('the text of anything can be sent and stored', () => {
    fc.assert(
      fc.property(arbValue, (value) => {
        const text = valueText(value);
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toContain('\0');
      }),
    );
  });

  test('many bytes are counted instead of shown', () => {
    expect(valueText({ $bytes: Buffer.alloc(100).toString('base64') })).toBe(`0x${'00'.repeat(32)}\u2026 (100 bytes)`);
  });
});
