import { typeOfTag, valueTypeOf } from './canonical.ts';
import { decodePayload, decodePoint } from './decode-payload.ts';
import { accept, below, type Decoded, isRecord, refuse } from './decoded.ts';
import { listElement, orderedPoint } from './lists.ts';
import { parseTaggedString, stringValue } from './scalars.ts';
import type { ElementType, ListElement, Value, ValueType } from './values.ts';
import { VALUE_TYPES } from './values.ts';

export type { Decoded } from './decoded.ts';
export { checkName } from './names.ts';

/** What the sender says the value is. Null is the same as absent. */
export interface TypeHint {
  readonly type?: ValueType | null | undefined;
  readonly elementType?: ValueType | null | undefined;
}

/**
 * Input to a canonical value. Takes the lossless encoding and bare JSON: a safe whole number is INTEGER, a
 * fractional one FLOAT, a plain array a homogeneous LIST. `type` coerces bare input (1 with FLOAT is 1.0,
 * "2024-02-29" with DATE a date, "9007199254740993" with INTEGER that integer) and must agree with a tag.
 * Decoding is idempotent. A refusal names where inside `json` the trouble is.
 */
export function decodeValue(json: unknown, hint: TypeHint = {}): Decoded {
  const elementType = hint.elementType ?? null;
  const type = hint.type ?? (elementType === null ? null : 'LIST');
  if (elementType !== null && type !== 'LIST') return refuse(`elementType goes with LIST, not with ${type}`);
  if (elementType === 'LIST') return refuse('lists do not nest');
  if (Array.isArray(json)) return decodeArray(json, type, elementType);
  if (isRecord(json)) return decodeTagged(json, type, elementType);
  const found = type ?? bareType(json);
  if (found === null) return refuse(`${json === null ? 'null' : typeof json} is not a value`);
  if (found === 'LIST') return refuse('LIST wants an array');
  return decodePayload(found, json);
}

/**
 * Trusted: puts a canonical value that came back from jsonb into canonical key order. Checks nothing;
 * numbers and texts come back as they were.
 */
export function canonicalValue(value: Value): Value {
  if (typeof value !== 'object') return value;
  if ('$point' in value) return { $point: orderedPoint(value.$point) };
  if (!('$list' in value)) return value;
  const { of, values } = value.$list;
  return { $list: { of, values: of === 'POINT' ? values.map(orderedElement) : values } };
}

function orderedElement(element: ListElement): ListElement {
  return typeof element === 'object' && 'srid' in element ? orderedPoint(element) : element;
}

function bareType(json: unknown): ElementType | null {
  if (typeof json === 'string') return 'STRING';
  if (typeof json === 'boolean') return 'BOOLEAN';
  if (typeof json === 'number') return Number.isInteger(json) ? 'INTEGER' : 'FLOAT';
  return null;
}

function decodeTagged(
  json: Readonly<Record<string, unknown>>,
  type: ValueType | null,
  elementType: ElementType | null,
): Decoded {
  const [tag, second] = Object.keys(json);
  if (tag === undefined || second !== undefined) return refuse('an object must have exactly one tag');
  const tagged = typeOfTag(tag);
  if (tagged === undefined) return refuse(`unknown tag ${JSON.stringify(tag.slice(0, 40))}`);
  if (type !== null && type !== tagged) return refuse(`the type says ${type}, the tag ${tag}`);
  const payload = json[tag];
  if (tagged === 'LIST') return below(decodeList(payload, elementType), tag);
  return below(tagged === 'STRING' ? decodeStringTag(payload) : decodePayload(tagged, payload), tag);
}

function decodeStringTag(payload: unknown): Decoded {
  const text = typeof payload === 'string' ? parseTaggedString(payload) : null;
  return text === null ? refuse('must be base64 of UTF-16BE') : accept(stringValue(text));
}

function decodeList(payload: unknown, elementType: ElementType | null): Decoded {
  if (!isRecord(payload) || !('of' in payload) || !('values' in payload) || Object.keys(payload).length !== 2) {
    return refuse('must be an object of exactly "of" and "values"');
  }
  const { of, values } = payload;
  if (of !== null && !isElementType(of)) return refuse('must be the type of the elements, or null', ['of']);
  if (!Array.isArray(values)) return refuse('must be an array', ['values']);
  if (of === null && values.length > 0) return refuse('may be null only when the list is empty', ['of']);
  if (of !== null && elementType !== null && of !== elementType) {
    return refuse(`elementType says ${elementType}, the tag ${of}`, ['of']);
  }
  return below(decodeElements(values, of ?? elementType), 'values');
}

function decodeArray(json: readonly unknown[], type: ValueType | null, elementType: ElementType | null): Decoded {
  if (type !== null && type !== 'LIST') return refuse(`an array is a LIST, not ${type}`);
  return decodeElements(json, elementType);
}

/** With `given` null the first element says what all of them must be. */
function decodeElements(items: readonly unknown[], given: ElementType | null): Decoded {
  let of = given;
  const values: ListElement[] = [];
  for (const [index, item] of items.entries()) {
    const decoded = decodeElement(item, given);
    if (!decoded.ok) return below(decoded, index);
    const { type } = valueTypeOf(decoded.value);
    if (type === 'LIST') return refuse('lists do not nest', [index]);
    of ??= type;
    if (type !== of) return refuse(`${type} in a list of ${of}; elementType says what is meant`, [index]);
    values.push(listElement(decoded.value));
  }
  return accept({ $list: { of, values } });
}

function decodeElement(item: unknown, of: ElementType | null): Decoded {
  if (Array.isArray(item)) return refuse('lists do not nest');
  if (of === 'POINT' && isRecord(item) && !('$point' in item)) return decodePoint(item);
  return decodeValue(item, { type: of });
}

const ELEMENT_TYPES: ReadonlySet<unknown> = new Set(VALUE_TYPES.filter((type) => type !== 'LIST'));

function isElementType(type: unknown): type is ElementType {
  return ELEMENT_TYPES.has(type);
}
