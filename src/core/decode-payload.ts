import { accept, type Decoded, isRecord, refuse } from './decoded.ts';
import { canonicalDuration } from './duration.ts';
import { DIMENSIONS_OF_SRID } from './lists.ts';
import {
  bytesValue,
  floatElement,
  floatValue,
  parseBytes,
  parseFloatText,
  parseInteger,
  stringValue,
} from './scalars.ts';
import {
  canonicalDate,
  canonicalDateTime,
  canonicalLocalDateTime,
  canonicalLocalTime,
  canonicalTime,
} from './temporals.ts';
import type { ElementType, Value } from './values.ts';

/** What stands inside a tag, or bare input that `type` says is of that type; plain text for STRING. */
export function decodePayload(type: ElementType, payload: unknown): Decoded {
  switch (type) {
    case 'BOOLEAN':
      return typeof payload === 'boolean' ? accept(payload) : refuse('must be true or false');
    case 'STRING':
      return typeof payload === 'string' ? accept(stringValue(payload)) : refuse('must be a string');
    case 'INTEGER':
      return decodeInteger(payload);
    case 'FLOAT':
      return decodeFloat(payload);
    case 'POINT':
      return decodePoint(payload);
    default:
      return decodeText(type, payload);
  }
}

function decodeInteger(payload: unknown): Decoded {
  if (typeof payload === 'number') {
    // Adding 0 turns -0, which JSON can say, into the integer 0.
    if (Number.isSafeInteger(payload)) return accept(payload + 0);
    return refuse(
      Number.isInteger(payload)
        ? 'a number beyond 2^53 - 1 may have been rounded; send {"$integer": "..."}'
        : 'must be a whole number',
    );
  }
  const value = typeof payload === 'string' ? parseInteger(payload) : null;
  return value === null ? refuse('must be a whole number of 64 bits') : accept(value);
}

function decodeFloat(payload: unknown): Decoded {
  const float = floatOf(payload);
  return float === null ? refuse('must be a number, "NaN", "Infinity" or "-Infinity"') : accept(floatValue(float));
}

function floatOf(payload: unknown): number | null {
  if (typeof payload === 'number') return payload;
  return typeof payload === 'string' ? parseFloatText(payload) : null;
}

/** `{srid, coordinates}` with the number of coordinates that the reference system has. */
export function decodePoint(payload: unknown): Decoded {
  if (!isRecord(payload) || !('srid' in payload) || !('coordinates' in payload) || Object.keys(payload).length !== 2) {
    return refuse('must be an object of exactly "srid" and "coordinates"');
  }
  const { srid, coordinates } = payload;
  const dimensions = typeof srid === 'number' ? DIMENSIONS_OF_SRID.get(srid) : undefined;
  if (typeof srid !== 'number' || dimensions === undefined) return refuse('must be 4326, 4979, 7203 or 9157', ['srid']);
  if (!Array.isArray(coordinates) || coordinates.length !== dimensions) {
    return refuse(`must be ${dimensions} coordinates`, ['coordinates']);
  }
  const floats: (number | string)[] = [];
  for (const [index, coordinate] of coordinates.entries()) {
    const float = floatOf(coordinate);
    if (float === null) return refuse('must be a number', ['coordinates', index]);
    floats.push(floatElement(float));
  }
  return accept({ $point: { srid, coordinates: floats } });
}

type TextType = Exclude<ElementType, 'BOOLEAN' | 'STRING' | 'INTEGER' | 'FLOAT' | 'POINT'>;

interface TextForm {
  readonly wanted: string;
  readonly parse: (text: string) => Value | null;
}

function form(wanted: string, canonical: (text: string) => string | null, wrap: (text: string) => Value): TextForm {
  const parse = (text: string): Value | null => {
    const found = canonical(text);
    return found === null ? null : wrap(found);
  };
  return { wanted, parse };
}

const TEXT_FORMS: Readonly<Record<TextType, TextForm>> = {
  BYTES: {
    wanted: 'base64',
    parse: (text) => {
      const bytes = parseBytes(text);
      return bytes === null ? null : bytesValue(bytes);
    },
  },
  DATE: form('a real date like 2024-02-29', canonicalDate, ($date) => ({ $date })),
  LOCAL_TIME: form('a time like 12:00:00.5', canonicalLocalTime, ($localTime) => ({ $localTime })),
  TIME: form('a time with offset like 12:00:00+01:00', canonicalTime, ($time) => ({ $time })),
  LOCAL_DATETIME: form('a date and time like 2024-10-27T02:30:00', canonicalLocalDateTime, ($localDateTime) => ({
    $localDateTime,
  })),
  DATETIME: form(
    'a date and time with offset like 2024-10-27T02:30:00+02:00[Europe/Berlin]',
    canonicalDateTime,
    ($dateTime) => ({ $dateTime }),
  ),
  DURATION: form('a duration like P14M3DT-0.5S', canonicalDuration, ($duration) => ({ $duration })),
};

function decodeText(type: TextType, payload: unknown): Decoded {
  const { wanted, parse } = TEXT_FORMS[type];
  const value = typeof payload === 'string' ? parse(payload) : null;
  return value === null ? refuse(`must be ${wanted}`) : accept(value);
}
