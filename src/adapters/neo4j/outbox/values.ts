import { canonicalDuration } from '../../../core/duration.ts';
import { listElement } from '../../../core/lists.ts';
import { bytesValue, floatElement, floatValue, integerValue, stringValue } from '../../../core/scalars.ts';
import {
  canonicalDate,
  canonicalDateTime,
  canonicalLocalDateTime,
  canonicalLocalTime,
  canonicalTime,
} from '../../../core/temporals.ts';
import type { ElementType, Value } from '../../../core/values.ts';

/** JSON as `parsePayload` gives it: integers that a number would not hold exactly are bigint. */
export type Json = null | boolean | number | bigint | string | readonly Json[];

const MAY_BE_LARGE = /\d{16}/;

/** Parses the payload of an outbox node without rounding its integers. @throws SyntaxError, TypeError */
export function parsePayload(text: string): Json {
  const parsed: unknown = MAY_BE_LARGE.test(text) ? JSON.parse(text, exactly) : JSON.parse(text);
  return parsed as Json; // The trigger writes nested lists only, never an object.
}

function exactly(_key: string, value: unknown, { source }: { readonly source?: string } = {}): unknown {
  if (typeof value !== 'number' || source === undefined || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

const TEMPORALS: ReadonlyMap<string, [ElementType, (text: string) => string | null, (text: string) => Value]> = new Map(
  [
    ['DATE', ['DATE', canonicalDate, ($date) => ({ $date })]],
    ['LOCAL TIME', ['LOCAL_TIME', canonicalLocalTime, ($localTime) => ({ $localTime })]],
    ['ZONED TIME', ['TIME', canonicalTime, ($time) => ({ $time })]],
    ['LOCAL DATETIME', ['LOCAL_DATETIME', canonicalLocalDateTime, ($localDateTime) => ({ $localDateTime })]],
    ['ZONED DATETIME', ['DATETIME', canonicalDateTime, ($dateTime) => ({ $dateTime })]],
    ['DURATION', ['DURATION', canonicalDuration, ($duration) => ({ $duration })]],
  ],
);
const PLAIN = /^([A-Z ]+) NOT NULL$/;
const LIST = /^LIST<([A-Z ]+) NOT NULL> NOT NULL$/;

/** The values of a column, as trigger/values.ts writes it; null where there is none. `rows`: how many there are. @throws TypeError */
export function columnValues(column: Json | undefined, rows: number): readonly (Value | null)[] {
  const [letter, values = []] = listOf(column);
  if (letter === '0') return Array.from({ length: rows }, () => null);
  const decode = letter === 'X' ? typedValue : (value: Json) => plainValue(letter, value);
  const decoded = listOf(values).map((value) => (value === null ? null : decode(value)));
  if (decoded.length !== rows) throw new TypeError(`${decoded.length} values in a column of ${rows}`);
  return decoded;
}

function plainValue(letter: Json | undefined, value: Json): Value {
  if (letter === 'S' && typeof value === 'string') return stringValue(value);
  if (letter === 'I') return integer(value);
  if (letter === 'F') return floatValue(float(value));
  if (letter === 'B' && typeof value === 'boolean') return value;
  if (letter === 'L')
    return { $list: { of: 'STRING', values: listOf(value).map((one) => listElement(plainValue('S', one))) } };
  throw new TypeError(`no value of a column ${String(letter)}`);
}

function typedValue(pair: Json): Value {
  const [type, value = null] = listOf(pair);
  if (typeof type === 'string' && type.length === 1) return plainValue(type, value);
  if (type === 'BYTES') return bytesValue(Uint8Array.from(listOf(value), (byte) => Number(integerOf(byte))));
  if (type === 'LIST<NOTHING> NOT NULL') return { $list: { of: null, values: [] } };
  const plain = PLAIN.exec(String(type))?.[1];
  if (plain !== undefined) return scalar(plain, value);
  const of = LIST.exec(String(type))?.[1];
  if (of === undefined) throw new TypeError(`no type of a property: ${String(type)}`);
  const values = listOf(value).map((element) => listElement(scalar(of, element)));
  return { $list: { of: elementType(of), values } };
}

function scalar(type: string, value: Json): Value {
  const temporal = TEMPORALS.get(type);
  if (temporal !== undefined) {
    const [, canonical, tagged] = temporal;
    const text = typeof value === 'string' ? canonical(value) : null;
    if (text === null) throw new TypeError(`no ${type}: ${String(value)}`);
    return tagged(text);
  }
  switch (type) {
    case 'POINT': {
      const [srid, ...coordinates] = listOf(value);
      return {
        $point: { srid: Number(integerOf(srid)), coordinates: coordinates.map((one) => floatElement(float(one))) },
      };
    }
    case 'STRING':
      return plainValue('S', value);
    case 'INTEGER':
      return plainValue('I', value);
    case 'FLOAT':
      return plainValue('F', value);
    case 'BOOLEAN':
      return plainValue('B', value);
    default:
      throw new TypeError(`no type of a property: ${type}`);
  }
}

function elementType(of: string): ElementType {
  const temporal = TEMPORALS.get(of)?.[0];
  if (temporal !== undefined) return temporal;
  if (of === 'POINT' || of === 'STRING' || of === 'INTEGER' || of === 'FLOAT' || of === 'BOOLEAN') return of;
  throw new TypeError(`no type of an element: ${of}`);
}

function integer(value: Json): Value {
  const found = integerValue(integerOf(value));
  if (found === null) throw new TypeError('an integer of more than 64 bits');
  return found;
}

function integerOf(value: Json | undefined): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'number') throw new TypeError(`no integer: ${String(value)}`);
  return BigInt(value);
}

/** NaN and the infinities stand as texts. */
function float(value: Json): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
  throw new TypeError(`no float: ${String(value)}`);
}

export function listOf(value: Json | undefined): readonly Json[] {
  if (!Array.isArray(value)) throw new TypeError('not a list');
  return value;
}
