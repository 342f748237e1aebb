import fc from 'fast-check';
import { sortedLabels } from '../../src/core/canonical.ts';
import { durationText } from '../../src/core/duration.ts';
import type { NodeState, RelationshipState } from '../../src/core/entities.ts';
import { elementValue, listElement } from '../../src/core/lists.ts';
import { bytesValue, floatElement, floatValue, integerValue, stringValue } from '../../src/core/scalars.ts';
import type { ElementType, Properties, Value } from '../../src/core/values.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Integers of 64 bits, often at the edges of 2^53 and 2^63. */
const arbInt64 = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc.bigInt({ min: -1000n, max: 1000n }),
  fc.constantFrom(0n, INT64_MIN, INT64_MAX, 2n ** 53n, 2n ** 53n - 1n, 2n ** 53n + 1n, -(2n ** 53n), 1n - 2n ** 53n),
);

const arbFloatNumber = fc.oneof(
  fc.double(),
  fc.integer().map(Number),
  fc.constantFrom(0, -0, 1, -1, NaN, Infinity, -Infinity, 5e-324, 1.7976931348623157e308, 1e21, 2 ** 53, 0.1, 1e-7),
);

/** Any UTF-16: astral planes, combining marks, U+0000 and lone surrogates. */
export const arbText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '\ud800',
    '\udc00\ud800',
    '"',
    '\\',
    '\u2028',
    '\ufeff',
    '1',
    '1.0',
    'true',
    'null',
    '$date',
  ),
);

const arbWellFormedText = arbText.map((text) => text.toWellFormed().replaceAll('\0', '\u2400'));

/** Names as `checkName` allows them, often such as trip up plain objects. */
export const arbName = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12 }),
  arbWellFormedText.filter((text) => text.length > 0),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '$date',
    '$list',
    '10',
    '9',
    'name',
    'a b',
    '\u00e9',
    'e\u0301',
  ),
);

const two = (min: number, max: number): fc.Arbitrary<string> =>
  fc.integer({ min, max }).map((part) => String(part).padStart(2, '0'));

const arbYear = fc
  .oneof(fc.integer({ min: 1900, max: 2100 }), fc.integer({ min: -999999999, max: 999999999 }))
  .map((year) => {
    const digits = String(Math.abs(year)).padStart(4, '0');
    return year < 0 ? `-${digits}` : year > 9999 ? `+${digits}` : digits;
  });

const arbDate = fc.oneof(
  fc.tuple(arbYear, two(1, 12), two(1, 28)).map((parts) => parts.join('-')),
  fc.constantFrom(
    '2024-02-29',
    '2000-02-29',
    '-0004-02-29',
    '0000-02-29',
    '2023-12-31',
    '+999999999-12-31',
    '-999999999-01-01',
  ),
);

const arbFraction = fc.oneof(
  fc.constant(''),
  fc.integer({ min: 1, max: 999999999 }).map((nanos) => `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`),
);

const arbLocalTime = fc
  .tuple(two(0, 23), two(0, 59), two(0, 59), arbFraction)
  .map(([hour, minute, second, fraction]) => `${hour}:${minute}:${second}${fraction}`);

const arbOffset = fc.oneof(
  fc.constantFrom('Z', '+01:00', '-18:00', '+18:00', '+00:00:01', '-00:01', '+05:45', '-03:30:15'),
  fc.tuple(fc.constantFrom('+', '-'), two(1, 17), two(0, 59)).map(([sign, hour, minute]) => `${sign}${hour}:${minute}`),
);

const arbZone = fc.constantFrom('', '', '[Europe/Berlin]', '[America/Argentina/Buenos_Aires]', '[UTC]', '[Etc/GMT+5]');

const arbDuration = fc
  .record({
    months: fc.oneof(arbInt64, fc.constant(0n)),
    days: fc.oneof(arbInt64, fc.constant(0n)),
    nanos: fc.oneof(
      fc.bigInt({ min: INT64_MIN * 10n ** 9n, max: INT64_MAX * 10n ** 9n }),
      fc.constantFrom(0n, 1n, -1n, -500000000n),
    ),
  })
  .map(durationText);

const arbCoordinate = arbFloatNumber.map(floatElement);

const arbPoint = fc.oneof(
  fc.record({ srid: fc.constantFrom(4326, 7203), coordinates: fc.tuple(arbCoordinate, arbCoordinate) }),
  fc.record({ srid: fc.constantFrom(4979, 9157), coordinates: fc.tuple(arbCoordinate, arbCoordinate, arbCoordinate) }),
);

const arbBytes = fc.uint8Array({ maxLength: 12 });

/** Canonical values of each type but LIST. */
export const arbScalarOf: Readonly<Record<ElementType, fc.Arbitrary<Value>>> = {
  BOOLEAN: fc.boolean(),
  INTEGER: arbInt64.map((integer) => integerValue(integer) ?? 0),
  FLOAT: arbFloatNumber.map(floatValue),
  STRING: arbText.map(stringValue),
  BYTES: arbBytes.map(bytesValue),
  DATE: arbDate.map(($date) => ({ $date })),
  LOCAL_TIME: arbLocalTime.map(($localTime) => ({ $localTime })),
  TIME: fc.tuple(arbLocalTime, arbOffset).map((parts) => ({ $time: parts.join('') })),
  LOCAL_DATETIME: fc.tuple(arbDate, arbLocalTime).map((parts) => ({ $localDateTime: parts.join('T') })),
  DATETIME: fc
    .tuple(arbDate, arbLocalTime, arbOffset, arbZone)
    .map(([date, time, offset, zone]) => ({ $dateTime: `${date}T${time}${offset}${zone}` })),
  DURATION: arbDuration.map(($duration) => ({ $duration })),
  POINT: arbPoint.map(($point) => ({ $point })),
};

const arbScalar = fc.oneof(...Object.values(arbScalarOf));

// Object.entries widens the keys of a Record to string.
const scalarEntries = Object.entries(arbScalarOf) as [ElementType, fc.Arbitrary<Value>][];

const arbList: fc.Arbitrary<Value> = fc.oneof(
  fc.constant<Value>({ $list: { of: null, values: [] } }),
  ...scalarEntries.map(([of, scalar]) =>
    fc.array(scalar, { maxLength: 4 }).map((values): Value => ({ $list: { of, values: values.map(listElement) } })),
  ),
);

/** Canonical values of every type, extremes included. */
export const arbValue: fc.Arbitrary<Value> = fc.oneof({ weight: 3, arbitrary: arbScalar }, arbList);

/** Properties under any allowed name, own properties even when called `__proto__`. */
export const arbProperties: fc.Arbitrary<Properties> = fc
  .array(fc.tuple(arbName, arbValue), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));

/** Keys from a small set, so that states meet; `arbName` where any key will do. */
export const arbKey = fc.constantFrom('a', 'b', 'c', 'd', 'e');

export const arbNodeState: fc.Arbitrary<NodeState> = fc.record(
  {
    kind: fc.constant<'NODE'>('NODE'),
    key: arbName,
    labels: fc.array(arbName, { maxLength: 3 }).map(sortedLabels),
    properties: arbProperties,
  },
  { noNullPrototype: true },
);

export const arbRelationshipState: fc.Arbitrary<RelationshipState> = fc.record(
  {
    kind: fc.constant<'RELATIONSHIP'>('RELATIONSHIP'),
    key: arbName,
    type: arbName,
    start: arbName,
    end: arbName,
    properties: arbProperties,
  },
  { noNullPrototype: true },
);

/** The elements of a list as values of their own; other values as they are. */
export function flatten(value: Value): Value[] {
  if (typeof value !== 'object' || !('$list' in value)) return [value];
  const { of, values } = value.$list;
  return of === null ? [] : values.map((element) => elementValue(of, element));
}
