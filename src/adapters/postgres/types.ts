import pg from 'pg';

type TextParser = (text: string) => unknown;

const oid = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  json: 114,
  float4: 700,
  float8: 701,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  interval: 1186,
  numeric: 1700,
  jsonb: 3802,
  jsonArray: 199,
  boolArray: 1000,
  byteaArray: 1001,
  int2Array: 1005,
  int4Array: 1007,
  textArray: 1009,
  varcharArray: 1015,
  int8Array: 1016,
  float4Array: 1021,
  float8Array: 1022,
  inetArray: 1041,
  timestampArray: 1115,
  dateArray: 1182,
  timestamptzArray: 1185,
  intervalArray: 1187,
  numericArray: 1231,
  uuidArray: 2951,
  jsonbArray: 3807,
} as const;

const asText: TextParser = (text) => text;
const stock = (type: number): TextParser => pg.types.getTypeParser(type, 'text');
const asTextArray = stock(oid.textArray);
const asBigintArray: TextParser = (text) => {
  // The text[] parser answers an array of strings and nulls, nested for more dimensions.
  const convert = (item: unknown): unknown =>
    Array.isArray(item) ? item.map(convert) : typeof item === 'string' ? BigInt(item) : item;
  return convert(asTextArray(text));
};

/** Looked up when it is called, not when this is loaded: it may have been mended since. */
const asJson: TextParser = (text) => JSON.parse(text);
const asJsonArray: TextParser = (text) => {
  const convert = (item: unknown): unknown =>
    Array.isArray(item) ? item.map(convert) : typeof item === 'string' ? asJson(item) : item;
  return convert(asTextArray(text));
};

const own: ReadonlyMap<number, TextParser> = new Map([
  ...[oid.json, oid.jsonb].map((type): [number, TextParser] => [type, asJson]),
  ...[oid.jsonArray, oid.jsonbArray].map((type): [number, TextParser] => [type, asJsonArray]),
  [oid.int8, BigInt],
  [oid.int8Array, asBigintArray],
  ...[oid.numeric, oid.date, oid.time, oid.timestamp, oid.interval].map((type): [number, TextParser] => [type, asText]),
  ...[oid.numericArray, oid.dateArray, oid.timestampArray, oid.intervalArray].map((type): [number, TextParser] => [
    type,
    asTextArray,
  ]),
]);

/** How the text of one SQL type becomes a JavaScript value, see `SqlExecutor`. */
export function parserOf(type: number): TextParser {
  return own.get(type) ?? stock(type);
}

/** The same as a table, for a driver that wants it so. Types not listed stay text. */
export const parsersByOid: Readonly<Record<number, TextParser>> = Object.fromEntries(
  Object.values(oid).map((type) => [type, parserOf(type)]),
);

/** A parameter as it goes over the wire: text, raw bytes, or NULL. */
export type WireValue = string | Uint8Array | null;

/** Turns a parameter into what both drivers pass on unchanged. */
export function toWire(value: unknown): WireValue {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return value;
  return Array.isArray(value) ? arrayText(value) : scalarText(value);
}

function scalarText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      if (value instanceof Date) return value.toISOString();
      throw new TypeError(`cannot pass ${typeof value} as a parameter; pass JSON as text`);
  }
}

function arrayText(items: readonly unknown[]): string {
  return `{${items.map(elementText).join(',')}}`;
}

function elementText(item: unknown): string {
  if (item === null || item === undefined) return 'NULL';
  if (Array.isArray(item)) return arrayText(item);
  if (item instanceof Uint8Array) return `"\\\\x${hex(item)}"`;
  const text = scalarText(item);
  return typeof item === 'string' ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
