/** Collects the parameters of one statement while its text is put together. */
export class SqlParameters {
  readonly values: unknown[] = [];

  /** The placeholder of a value, `$3`; with a type `$3::uuid`. */
  add(value: unknown, type?: string): string {
    this.values.push(value);
    const placeholder = `$${this.values.length}`;
    return type === undefined ? placeholder : `${placeholder}::${type}`;
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text can be compared with a uuid column at all. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** JSON text of a value that may hold 64-bit integers, which become decimal strings. Null for undefined. */
export function jsonText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return JSON.stringify(value, (_name, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));
}
