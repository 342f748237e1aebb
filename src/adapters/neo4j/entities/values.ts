import { isPoint, Point } from 'neo4j-driver';
import { valueTypeOf } from '../../../core/canonical.ts';
import { elementValue, listElement } from '../../../core/lists.ts';
import {
  bytesValue,
  floatElement,
  floatValue,
  integerValue,
  parseBytes,
  parseTaggedString,
  stringValue,
} from '../../../core/scalars.ts';
import type { ElementType, ListElement, ListValue, PointValue, Value } from '../../../core/values.ts';
import {
  type DriverTemporal,
  driverDate,
  driverDateTime,
  driverDuration,
  driverLocalDateTime,
  driverLocalTime,
  driverTime,
  temporalValue,
} from './temporal-values.ts';

/** A property value as the driver takes it, and gives it when it maps integers to bigint. */
export type DriverValue = boolean | bigint | number | string | Int8Array | DriverTemporal | Point | DriverValue[];

/** A value that Neo4j cannot hold, or not exactly as it is. */
export class UnstorableError extends Error {
  override readonly name = 'UnstorableError';
}

/** Neo4j's reference systems whose first two coordinates are degrees. */
const GEOGRAPHIC: ReadonlySet<number> = new Set([4326, 4979]);

/**
 * A value that the driver gave, in canonical form. Lossless, but for the offset of a date and time of a named zone: the driver takes
 * that from its own table of zones; see states.ts.
 *
 * @throws TypeError when it is no property value
 */
export function fromDriver(value: unknown): Value {
  switch (typeof value) {
    case 'string':
      return stringValue(value);
    case 'boolean':
      return value;
    case 'number':
      return floatValue(value);
    case 'bigint':
      return integer(value);
    default:
      return fromObject(value);
  }
}

/** A canonical value for the driver. @throws UnstorableError when Neo4j cannot hold exactly this value */
export function toDriver(value: Value): DriverValue {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object') return value;
  if ('$integer' in value) return BigInt(value.$integer);
  if ('$float' in value) return Number(value.$float);
  if ('$string' in value) return taggedText(value.$string);
  if ('$bytes' in value) return bytes(value.$bytes);
  if ('$list' in value) return list(value.$list);
  if ('$point' in value) return point(value.$point);
  if ('$date' in value) return driverDate(value.$date);
  if ('$localTime' in value) return driverLocalTime(value.$localTime);
  if ('$time' in value) return driverTime(value.$time);
  if ('$localDateTime' in value) return driverLocalDateTime(value.$localDateTime);
  if ('$dateTime' in value) return dateTime(value.$dateTime);
  const duration = driverDuration(value.$duration);
  if (duration === null) throw new UnstorableError(`the duration ${value.$duration} is too long`);
  return duration;
}

function fromObject(value: unknown): Value {
  if (Array.isArray(value)) return fromArray(value);
  if (value instanceof Int8Array) return bytesValue(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (typeof value !== 'object' || value === null) throw new TypeError(`${value} is no property value`);
  const found = isPoint(value) ? fromPoint(value) : temporalValue(value);
  if (found === null) throw new TypeError('not a property value');
  return found;
}

function fromArray(elements: readonly unknown[]): Value {
  if (elements.length === 0) return { $list: { of: null, values: [] } };
  const values: ListElement[] = [];
  let of: ElementType | null = null;
  for (const element of elements) {
    const value = fromDriver(element);
    const { type } = valueTypeOf(value);
    if (type === 'LIST' || (of !== null && of !== type)) throw new TypeError('not a list of one type');
    of = type;
    values.push(listElement(value));
  }
  return { $list: { of, values } };
}

function fromPoint(value: Point): Value {
  const { x, y, z } = value;
  const coordinates = (z === undefined || z === null ? [x, y] : [x, y, z]).map(floatElement);
  return { $point: { srid: Number(value.srid), coordinates } };
}

function integer(value: bigint): Value {
  const found = integerValue(value);
  if (found === null) throw new TypeError('an integer of more than 64 bits');
  return found;
}

function dateTime(text: string): DriverTemporal {
  try {
    return driverDateTime(text);
  } catch (error) {
    throw new UnstorableError(`${text} is in a zone that is not known`, { cause: error });
  }
}

function taggedText(base64: string): string {
  const text = parseTaggedString(base64);
  if (text === null) throw new TypeError('not a canonical string');
  if (!text.isWellFormed()) throw new UnstorableError('Neo4j cannot hold a string with a lone surrogate');
  return text;
}

function bytes(base64: string): Int8Array {
  const found = parseBytes(base64);
  if (found === null) throw new TypeError('not canonical bytes');
  return new Int8Array(found.buffer, found.byteOffset, found.byteLength);
}

function list({ of, values }: ListValue): DriverValue[] {
  if (of === null) return [];
  if (values.length === 0) throw new UnstorableError(`Neo4j keeps no element type of an empty list, here ${of}`);
  if (of === 'BYTES') throw new UnstorableError('Neo4j cannot hold a list of byte arrays');
  if (of === 'POINT' && new Set(values.map(sridOf)).size > 1)
    throw new UnstorableError('Neo4j cannot hold points of several reference systems in one list');
  return values.map((element) => toDriver(elementValue(of, element)));
}

function sridOf(element: ListElement): number | null {
  return typeof element === 'object' && 'srid' in element ? element.srid : null;
}

function point({ srid, coordinates }: PointValue): Point {
  const [x = Number.NaN, y = Number.NaN, z] = coordinates.map(Number);
  if (![x, y, z ?? 0].every(Number.isFinite)) throw new UnstorableError('Neo4j wants finite coordinates of a point');
  // Longitudes outside would come back as others.
  if (GEOGRAPHIC.has(srid) && (Math.abs(x) > 180 || Math.abs(y) > 90))
    throw new UnstorableError('Neo4j wants longitudes within 180 and latitudes within 90 degrees');
  return new Point(BigInt(srid), x, y, z) as unknown as Point; // The driver's default type parameter is its own Integer.
}
