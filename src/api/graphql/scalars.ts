import { GraphQLError, Kind, type ValueNode, valueFromASTUntyped } from 'graphql';

const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;
const WHOLE_NUMBER = /^-?\d{1,19}$/;
const INT64_MAX = 2n ** 63n - 1n;

/** @throws GraphQLError when the text is not an RFC 3339 time with offset */
export function parseDateTime(input: unknown): Date {
  if (typeof input === 'string' && DATE_TIME.test(input)) {
    const date = new Date(input.toUpperCase());
    const day = Number(input.slice(8, 10));
    const daysInMonth = new Date(Date.UTC(Number(input.slice(0, 4)), Number(input.slice(5, 7)), 0)).getUTCDate();
    if (!Number.isNaN(date.getTime()) && day >= 1 && day <= daysInMonth) return date;
  }
  throw invalid('DateTime must be an RFC 3339 time with offset, like 2024-02-29T12:00:00Z');
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
  return valueFromASTUntyped(node, variables);
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
