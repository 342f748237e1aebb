import { GraphQLError, Kind, type ValueNode, valueFromASTUntyped } from 'graphql';

const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;
const WHOLE_NUMBER = /^-?\d{1,19}$/;
const INT64_MAX = 2n ** 63n - 1n;

/** PostgreSQL knows no year 0, and the text of a year beyond 9999 is another one. */
const LAST_YEAR = 9999;
/** Levels of JSON in an argument: what is walked through in calls must not use up the stack. */
const MAX_DEPTH = 100;

/** @throws GraphQLError when the text is not an RFC 3339 time with offset, or not in the years 1 to 9999 of UTC */
export function parseDateTime(input: unknown): Date {
  if (typeof input === 'string' && DATE_TIME.test(input)) {
    const date = new Date(input.toUpperCase());
    const day = Number(input.slice(8, 10));
    const daysInMonth = new Date(Date.UTC(Number(input.slice(0, 4)), Number(input.slice(5, 7)), 0)).getUTCDate();
    const year = date.getUTCFullYear();
    if (year >= 1 && year <= LAST_YEAR && day >= 1 && day <= daysInMonth) return date;
  }
  throw invalid('DateTime must be an RFC 3339 time with offset in the years 1 to 9999, like 2024-02-29T12:00:00Z');
}

/** @throws GraphQLError when the input is not a whole number of 64 bits, as text or as an integer that JSON kept exact */
export function parseBigInt(input: unknown): bigint {
  if (typeof input === 'number' && Number.isSafeInteger(input)) return BigInt(input);
  if (typeof input === 'string' && WHOLE_NUMBER.test(input)) {
    const number = BigInt(input);
    if (number <= INT64_MAX && number >= -INT64_MAX - 1n) return number;
  }
  if (typeof input === 'number' && Number.isInteger(input)) {
    throw invalid('BigInt beyond 2^53 - 1 must be given as a string: JSON has rounded it already');
  }
  throw invalid('BigInt must be a whole number of 64 bits, as a string or an integer');
}

export function parseDateTimeLiteral(node: ValueNode): Date {
  return parseDateTime(node.kind === Kind.STRING ? node.value : null);
}

export function parseBigIntLiteral(node: ValueNode): bigint {
  return parseBigInt(node.kind === Kind.STRING || node.kind === Kind.INT ? node.value : null);
}

/** Literal JSON. Numbers become JSON's own; what those cannot hold exactly is refused where values are decoded. */
export function parseJsonLiteral(node: ValueNode, variables?: Record<string, unknown> | null): unknown {
  return parseJson(valueFromASTUntyped(node, variables));
}

/** @throws GraphQLError when it is nested deeper than anything that can be meant */
export function parseJson(input: unknown): unknown {
  let level: unknown[] = [input];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw invalid(`JSON must not be nested deeper than ${MAX_DEPTH} levels`);
    level = level.flatMap((part) => (typeof part === 'object' && part !== null ? Object.values(part) : []));
  }
  return input;
}

export function serializeDateTime(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  throw new TypeError('a DateTime is a Date');
}

export function serializeBigInt(value: unknown): string {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))) return String(value);
  throw new TypeError('a BigInt is a bigint');
}

function invalid(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'INVALID_INPUT' } });
}
