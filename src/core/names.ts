/** Property names, labels, relationship types and keys are at most this many UTF-16 units long. */
export const MAX_NAME_LENGTH = 512;

/**
 * What is wrong with a property name, label, relationship type or entity key, or null when it is fine.
 * The message is written to follow the name of the field it is about.
 */
export function checkName(name: string): string | null {
  if (name.length === 0) return 'must not be empty';
  if (name.length > MAX_NAME_LENGTH) return `must not be longer than ${MAX_NAME_LENGTH} characters`;
  if (name.includes('\0')) return 'must not contain U+0000';
  if (!name.isWellFormed()) return 'must not contain a lone surrogate';
  return null;
}
