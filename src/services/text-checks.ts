import { InvalidInputError } from '../core/errors.ts';

const MAX_JSON = 64 * 1024;

/** Refuses what cannot be stored as text, and what is longer than `max`. Undefined and null pass. @throws InvalidInputError */
export function checkText(path: readonly string[], text: string | null | undefined, max: number, min = 0): void {
  if (text === null || text === undefined) return;
  const problem = problemOf(text, max, min);
  if (problem !== null) throw InvalidInputError.field(path, problem);
}

/** Refuses JSON that PostgreSQL cannot store, or that is larger than 64 KiB. @throws InvalidInputError */
export function checkJson(path: readonly string[], json: unknown): void {
  if (json === null || json === undefined) return;
  const text = JSON.stringify(json);
  if (text.length > MAX_JSON) throw InvalidInputError.field(path, `must not be larger than ${MAX_JSON} characters`);
  // A pair of surrogates is written as it is, so an escaped one stands alone.
  if (/(^|[^\\])(\\\\)*\\u(0000|d[89a-f])/.test(text)) {
    throw InvalidInputError.field(path, 'must not contain U+0000 or lone surrogates');
  }
}

function problemOf(text: string, max: number, min: number): string | null {
  if (text.length < min) return 'must not be empty';
  if (text.length > max) return `must not be longer than ${max} characters`;
  if (text.includes('\0')) return 'must not contain U+0000';
  return text.isWellFormed() ? null : 'must not contain a lone surrogate';
}
