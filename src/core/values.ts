/**
 * Property values of the graph, typed and lossless.
 *
 * A value is held in the *canonical form of the wire encoding*: plain JSON where JSON carries the
 * type without loss, and an object with exactly one `$tag` where it does not. One form is used by
 * the API, by history and by the embedded graph, so nothing is converted (and nothing can be lost)
 * between them. `canonicalJson` of two values is equal if and only if the values are identical:
 * 1 and 1.0, 0.0 and -0.0, P1M and P30D, bytes and integer lists all differ.
 */
export type Value = boolean | string | number | TaggedValue;

/**
 * - `boolean`  BOOLEAN
 * - `string`   STRING without U+0000 and without lone surrogates
 * - `number`   INTEGER when whole and within +-(2^53 - 1), FLOAT when fractional
 */
export type TaggedValue =
  | { readonly $string: string } // base64 of UTF-16BE: strings with U+0000 or lone surrogates
  | { readonly $integer: string } // beyond 2^53 - 1, within 64 bits
  | { readonly $float: string } // whole floats, "-0.0", "NaN", "Infinity", "-Infinity"
  | { readonly $bytes: string } // base64
  | { readonly $date: string }
  | { readonly $localTime: string }
  | { readonly $time: string }
  | { readonly $localDateTime: string }
  | { readonly $dateTime: string }
  | { readonly $duration: string }
  | { readonly $point: PointValue }
  | { readonly $list: ListValue };

export interface PointValue {
  readonly srid: number;
  /** 2 or 3 coordinates; a string where JSON has no number for the float ("NaN", "Infinity", "-0.0", ...). */
  readonly coordinates: readonly (number | string)[];
}

export interface ListValue {
  /** null only when the list is empty. */
  readonly of: ElementType | null;
  /** The payloads of the elements, without their tag. */
  readonly values: readonly ListElement[];
}

export type ListElement = boolean | string | number | PointValue | { readonly $string: string };

export const VALUE_TYPES = [
  'BOOLEAN',
  'INTEGER',
  'FLOAT',
  'STRING',
  'BYTES',
  'DATE',
  'LOCAL_TIME',
  'TIME',
  'LOCAL_DATETIME',
  'DATETIME',
  'DURATION',
  'POINT',
  'LIST',
] as const;
export type ValueType = (typeof VALUE_TYPES)[number];
export type ElementType = Exclude<ValueType, 'LIST'>;

/** Property name to value. Names are non-empty and hold neither U+0000 nor lone surrogates. */
export type Properties = Readonly<Record<string, Value>>;
