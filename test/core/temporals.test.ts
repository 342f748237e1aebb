import { describe, expect, test } from '@jest/globals';
import { decodeValue } from '../../src/core/decode.ts';

describe('times have one canonical text', () => {
  const cases: [string, string, string][] = [
    ['$date', '+2024-02-29', '2024-02-29'],
    ['$date', '-0000-03-01', '0000-03-01'],
    ['$date', '010000-01-01', '+10000-01-01'],
    ['$date', '-999999999-01-01', '-999999999-01-01'],
    ['$localTime', '12:00', '12:00:00'],
    ['$localTime', '12:00:00.000000000', '12:00:00'],
    ['$localTime', '12:00:00.500', '12:00:00.5'],
    ['$localTime', '12:00:00.000000001', '12:00:00.000000001'],
    ['$time', '12:00+00:00', '12:00:00Z'],
    ['$time', '12:00:00.5-00:00:00', '12:00:00.5Z'],
    ['$time', '12:00:00+01:00:00', '12:00:00+01:00'],
    ['$time', '12:00:00-18:00', '12:00:00-18:00'],
    ['$localDateTime', '2024-10-27T02:30', '2024-10-27T02:30:00'],
    ['$dateTime', '2024-10-27T02:30+02:00[Europe/Berlin]', '2024-10-27T02:30:00+02:00[Europe/Berlin]'],
    ['$dateTime', '2024-10-27T02:30:00+00:00', '2024-10-27T02:30:00Z'],
    ['$duration', 'P1Y2M', 'P14M'],
    ['$duration', 'P2W1D', 'P15D'],
    ['$duration', 'PT1H1M1.50S', 'PT3661.5S'],
    ['$duration', 'P14M3DT-0.5S', 'P14M3DT-0.5S'],
    ['$duration', 'PT1M-0.5S', 'PT59.5S'],
    ['$duration', 'P0D', 'PT0S'],
    ['$duration', 'PT-0S', 'PT0S'],
    ['$duration', 'P-1M+30D', 'P-1M30D'],
    ['$duration', 'PT86400S', 'PT86400S'],
    ['$duration', 'PT-9223372036854775808S', 'PT-9223372036854775808S'],
  ];
  test.each(cases)('%s %s', (tag, text, canonical) => {
    expect(decodeValue({ [tag]: text })).toEqual({ ok: true, value: { [tag]: canonical } });
  });
});

describe('no such time', () => {
  const cases: [string, string][] = [
    ['$date', '2023-02-29'],
    ['$date', '1900-02-29'],
    ['$date', '2024-04-31'],
    ['$date', '2024-13-01'],
    ['$date', '2024-00-01'],
    ['$date', '2024-01-00'],
    ['$date', '+1000000000-01-01'],
    ['$date', '24-01-01'],
    ['$date', '2024-1-1'],
    ['$date', '2024-01-01T00:00:00'],
    ['$localTime', '24:00:00'],
    ['$localTime', '12:60:00'],
    ['$localTime', '12:00:60'],
    ['$localTime', '12:00:00.0000000001'],
    ['$localTime', '12:00:00Z'],
    ['$localTime', '12'],
    ['$time', '12:00:00'],
    ['$time', '12:00:00+18:01'],
    ['$time', '12:00:00+1:00'],
    ['$time', '12:00:00+01:60'],
    ['$time', '12:00:00Z[UTC]'],
    ['$localDateTime', '2024-01-01'],
    ['$localDateTime', '2024-01-01 00:00:00'],
    ['$localDateTime', '2024-01-01T00:00:00Z'],
    ['$dateTime', '2024-01-01T00:00:00'],
    ['$dateTime', '2024-01-01T00:00:00[Europe/Berlin]'],
    ['$dateTime', '2024-01-01T00:00:00Z[]'],
    ['$dateTime', '2024-01-01T00:00:00Z[1]'],
    ['$dateTime', '2024-01-01T00:00:00Z[Europe/Berlin'],
    ['$dateTime', '2023-02-29T00:00:00Z'],
    ['$duration', 'P'],
    ['$duration', 'PT'],
    ['$duration', 'P1DT'],
    ['$duration', '-P1D'],
    ['$duration', 'P1.5D'],
    ['$duration', 'PT0.1234567890S'],
    ['$duration', 'PT.5S'],
    ['$duration', 'P9223372036854775808D'],
    ['$duration', 'P9223372036854775807Y'],
    ['$duration', 'PT9223372036854775808S'],
    ['$duration', 'PT-9223372036854775808.5S'],
    ['$duration', 'P1D1M'],
    ['$duration', ''],
  ];
  test.each(cases)('%s %s', (tag, text) => {
    expect(decodeValue({ [tag]: text })).toMatchObject({ ok: false, path: [tag] });
  });
});
