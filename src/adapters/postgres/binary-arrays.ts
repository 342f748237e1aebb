/*
 * Arrays as parameters in PostgreSQL's binary form. Columns of thousands of rows go to the database this way: nothing is quoted here and
 * nothing is unquoted there, which for JSON, full of quotes, is most of what a text array costs.
 */

const OID = { bool: 16, bytea: 17, int8: 20, int2: 21, text: 25 } as const;

/** Dimensions, a flag for nulls, the element type, the length, the lower bound. */
const HEADER_BYTES = 20;
const NULL_LENGTH = -1;

type Column<T> = readonly (T | null)[];

/** For a placeholder `::text[]`. */
export function textArray(values: Column<string>): Uint8Array {
  const size = values.reduce((sum, value) => sum + 4 + (value === null ? 0 : Buffer.byteLength(value)), HEADER_BYTES);
  const bytes = Buffer.allocUnsafe(size);
  let at = writeHeader(bytes, OID.text, values);
  for (const value of values) {
    if (value === null) {
      at = bytes.writeInt32BE(NULL_LENGTH, at);
      continue;
    }
    const length = bytes.write(value, at + 4);
    bytes.writeInt32BE(length, at);
    at += 4 + length;
  }
  return bytes;
}

/** For a placeholder `::bytea[]`. */
export function byteaArray(values: Column<Uint8Array>): Uint8Array {
  const bytes = Buffer.allocUnsafe(values.reduce((sum, value) => sum + 4 + (value?.length ?? 0), HEADER_BYTES));
  let at = writeHeader(bytes, OID.bytea, values);
  for (const value of values) {
    at = bytes.writeInt32BE(value?.length ?? NULL_LENGTH, at);
    if (value === null) continue;
    bytes.set(value, at);
    at += value.length;
  }
  return bytes;
}

/** For a placeholder `::int8[]`. */
export function int8Array(values: Column<bigint>): Uint8Array {
  return fixed(OID.int8, 8, values, (bytes, value, at) => bytes.writeBigInt64BE(value, at));
}

/** For a placeholder `::int2[]` or `::smallint[]`. */
export function int2Array(values: Column<number>): Uint8Array {
  return fixed(OID.int2, 2, values, (bytes, value, at) => bytes.writeInt16BE(value, at));
}

/** For a placeholder `::bool[]`. */
export function boolArray(values: Column<boolean>): Uint8Array {
  return fixed(OID.bool, 1, values, (bytes, value, at) => bytes.writeUInt8(value ? 1 : 0, at));
}

function fixed<T>(
  type: number,
  size: number,
  values: Column<T>,
  write: (bytes: Buffer, value: T, at: number) => void,
): Uint8Array {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + values.length * (4 + size));
  let at = writeHeader(bytes, type, values);
  for (const value of values) {
    at = bytes.writeInt32BE(value === null ? NULL_LENGTH : size, at);
    if (value === null) continue;
    write(bytes, value, at);
    at += size;
  }
  return bytes.subarray(0, at);
}

/** @returns where the first element goes */
function writeHeader(bytes: Buffer, type: number, values: Column<unknown>): number {
  let at = bytes.writeInt32BE(1, 0);
  at = bytes.writeInt32BE(values.includes(null) ? 1 : 0, at);
  at = bytes.writeInt32BE(type, at);
  at = bytes.writeInt32BE(values.length, at);
  return bytes.writeInt32BE(1, at);
}
