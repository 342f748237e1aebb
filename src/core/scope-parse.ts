import { isRecord } from './decoded.ts';
import { type FieldProblem, InvalidInputError } from './errors.ts';
import { checkName } from './names.ts';
import type { Direction, NeighbourhoodQuery, Scope } from './scope-types.ts';

/** A scope within a scope within ...: the outermost counts. */
export const MAX_SCOPE_DEPTH = 5;
/** Scope objects in all, the outermost included. */
export const MAX_SCOPE_PARTS = 100;
export const MAX_HOPS = 10;

const DIRECTIONS: readonly Direction[] = ['IN', 'OUT', 'BOTH'];
const NAME_LISTS = ['keys', 'labels', 'relationshipTypes', 'properties'] as const;
const FIELDS: ReadonlySet<string> = new Set([...NAME_LISTS, 'neighbourhood', 'all', 'any', 'not']);

interface Reading {
  readonly problems: FieldProblem[];
  parts: number;
}

/**
 * Reads a ScopeInput. A field that is null counts as absent; an empty list and an object without any field are refused, since it is not
 * clear whether they would mean everything or nothing.
 *
 * @throws InvalidInputError with a path below `path` for each problem
 */
export function parseScope(input: unknown, path: readonly string[] = ['scope']): Scope {
  const reading: Reading = { problems: [], parts: 0 };
  const scope = readScope(reading, input, path, 1);
  if (reading.problems.length > 0) throw new InvalidInputError(reading.problems);
  return scope;
}

function readScope(reading: Reading, input: unknown, path: readonly string[], depth: number): Scope {
  reading.parts += 1;
  if (reading.parts === MAX_SCOPE_PARTS + 1) refuse(reading, path, `must not have more than ${MAX_SCOPE_PARTS} parts`);
  if (reading.parts > MAX_SCOPE_PARTS) return {};
  if (depth > MAX_SCOPE_DEPTH) return refuse(reading, path, `must not be nested deeper than ${MAX_SCOPE_DEPTH}`);
  if (!isRecord(input)) return refuse(reading, path, 'must be an object');
  const given = Object.keys(input).filter((field) => input[field] !== null && input[field] !== undefined);
  if (given.length === 0) return refuse(reading, path, 'must have at least one field');
  const scope: { -readonly [Field in keyof Scope]: Scope[Field] } = {};
  for (const field of given) {
    const value = input[field];
    const at = [...path, field];
    const list = NAME_LISTS.find((name) => name === field);
    if (list !== undefined) scope[list] = readNames(reading, value, at);
    else if (field === 'neighbourhood') scope.neighbourhood = readNeighbourhood(reading, value, at);
    else if (field === 'not') scope.not = readScope(reading, value, at, depth + 1);
    else if (field === 'all' || field === 'any') scope[field] = readScopes(reading, value, at, depth + 1);
    else if (!FIELDS.has(field)) refuse(reading, at, 'is not a field of a scope');
  }
  return scope;
}

function readScopes(reading: Reading, input: unknown, path: readonly string[], depth: number): Scope[] {
  return readList(reading, input, path).map((item, index) => readScope(reading, item, [...path, `${index}`], depth));
}

function readNames(reading: Reading, input: unknown, path: readonly string[]): string[] {
  const names: string[] = [];
  for (const [index, item] of readList(reading, input, path).entries()) {
    const problem = typeof item === 'string' ? checkName(item) : 'must be a string';
    if (problem !== null) refuse(reading, [...path, `${index}`], problem);
    else if (typeof item === 'string') names.push(item);
  }
  return names;
}

function readNeighbourhood(reading: Reading, input: unknown, path: readonly string[]): NeighbourhoodQuery {
  if (!isRecord(input)) {
    refuse(reading, path, 'must be an object');
    return { keys: [], hops: 1, direction: 'BOTH' };
  }
  const { keys, hops: givenHops, types, direction: givenDirection, ...others } = input;
  for (const field of Object.keys(others)) refuse(reading, [...path, field], 'is not a field of a neighbourhood');
  const hops = givenHops ?? 1;
  const wholeHops = typeof hops === 'number' && Number.isInteger(hops) && hops >= 0 && hops <= MAX_HOPS ? hops : null;
  if (wholeHops === null) refuse(reading, [...path, 'hops'], `must be a whole number from 0 to ${MAX_HOPS}`);
  const direction = DIRECTIONS.find((known) => known === (givenDirection ?? 'BOTH'));
  if (direction === undefined) refuse(reading, [...path, 'direction'], 'must be IN, OUT or BOTH');
  return {
    keys: readNames(reading, keys, [...path, 'keys']),
    hops: wholeHops ?? 1,
    ...(types !== null && types !== undefined && { types: readNames(reading, types, [...path, 'types']) }),
    direction: direction ?? 'BOTH',
  };
}

function readList(reading: Reading, input: unknown, path: readonly string[]): readonly unknown[] {
  // GraphQL coerces a single item to a list of one; JSON that comes another way may do the same.
  const list: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (list.length === 0) refuse(reading, path, 'must not be empty');
  return list;
}

function refuse(reading: Reading, path: readonly string[], message: string): Scope {
  reading.problems.push({ path, message });
  return {};
}
