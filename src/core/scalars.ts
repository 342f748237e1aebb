import type { Value } from './values.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const INTEGER_TEXT = /^[+-]?\d{1,40}$/;
const FLOAT_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const BASE64_TEXT = /^[A-Za-z0-9+/]*={0,2}$/;

/** Canonical INTEGER, or null outside 64 bits. */
export function integerValue(integer: bigint): Value | null {
  const number = Number(integer);
  if (Number.isSafeInteger(number)) return number;
  return integer < INT64_MIN || integer > INT64_MAX ? null : { $integer: integer.toString() };
}

/** Canonical INTEGER of decimal text, or null when it is not a 64-bit integer. */
export function parseInteger(text: string): Value | null {
  if (!INTEGER_TEXT.test(text)) return null;
  return integerValue(BigInt(text.startsWith('+') ? text.slice(1) : text));
}

/** Canonical FLOAT: a JSON number when fractional, else tagged text. */
export function floatValue(float: number): Value {
  return Number.isFinite(float) && !Number.isInteger(float) ? float : { $float: floatText(float) };
}

/** The text of a float; whole floats show that they are one: "1.0", "-0.0", "1e+21". */
export function floatText(float: number): string {
  if (Object.is(float, -0)) return '-0.0';
  const text = String(float);
  return Number.isInteger(float) && !text.includes('e') ? `${text}.0` : text;
}

/** A float inside a list or a point: a JSON number where JSON has one, else its text. */
export function floatElement(float: number): number | string {
  return Number.isFinite(float) && !Object.is(float, -0) ? float : floatText(float);
}

/** The float of a text, or null. Text beyond the range of a double is refused rather than made infinite. */
export function parseFloatText(text: string): number | null {
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return Number(text);
  if (!FLOAT_TEXT.test(text)) return null;
  const float = Number(text);
  return Number.isFinite(float) ? float : null;
}

/** Canonical STRING. PostgreSQL takes neither U+0000 nor lone surrogates, so text with them is tagged. */
export function stringValue(text: string): string | { readonly $string: string } {
  if (!text.includes('\0') && text.isWellFormed()) return text;
  const bytes = Buffer.alloc(text.length * 2);
  for (let i = 0; i < text.length; i += 1) bytes.writeUInt16BE(text.charCodeAt(i), i * 2);
  return { $string: bytes.toString('base64') };
}

/** The text of a `$string` payload, or null when it is not base64 of UTF-16BE. */
export function parseTaggedString(base64: string): string | null {
  const bytes = parseBytes(base64);
  if (bytes === null || bytes.length % 2 !== 0) return null;
  // A Buffer made here is ours alone, so swapping in place harms no one.
  return Buffer.from(bytes).swap16().toString('utf16le');
}

/** Canonical BYTES. */
export function bytesValue(bytes: Uint8Array): { readonly $bytes: string } {
  return { $bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') };
}

/** The bytes of base64 text, padded or not, or null. */
export function parseBytes(base64: string): Uint8Array | null {
  if (!BASE64_TEXT.test(base64)) return null;
  const digits = base64.replace(/=+$/, '').length;
  const padded = digits !== base64.length;
  if (digits % 4 === 1 || (padded && base64.length % 4 !== 0)) return null;
  return Buffer.from(base64, 'base64');
}
