import { InvalidInputError } from '../../../core/errors.ts';
import { checkName } from '../../../core/names.ts';

/** @throws InvalidInputError with the place when it cannot be the name or the key of anything */
export function readName(name: string, path: readonly string[]): string {
  const problem = checkName(name);
  if (problem !== null) throw InvalidInputError.field(path, problem);
  return name;
}

/** As `readName`, where there is one. */
export function nameOrNull(name: string | null | undefined, path: readonly string[]): string | null {
  return name === null || name === undefined ? null : readName(name, path);
}

/** @throws InvalidInputError with the place of each that cannot be the name of anything */
export function checkNames(names: readonly string[], path: readonly string[]): void {
  const problems = names.flatMap((name, at) => {
    const message = checkName(name);
    return message === null ? [] : [{ path: [...path, `${at}`], message }];
  });
  if (problems.length > 0) throw new InvalidInputError(problems);
}

/** A text that is looked for, of any length. @throws InvalidInputError when no stored text can be it */
export function textOrNull(text: string | null | undefined, path: readonly string[]): string | null {
  if (text === null || text === undefined) return null;
  if (text.includes('\0')) throw InvalidInputError.field(path, 'must not contain U+0000');
  if (!text.isWellFormed()) throw InvalidInputError.field(path, 'must not contain a lone surrogate');
  return text;
}
