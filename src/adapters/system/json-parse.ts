/**
 * Replaces JSON.parse when imported, once per realm. V8 12.8 and later (Node 24 and 26) may take an escaped name for one that it has
 * seen in the same place before: after `{"a":1,"\\":2}` it reads `{"a":1,"\"":2}` as the former (nodejs/node#63785). A property would
 * silently change its name, and drivers parse JSON too, so it is mended for everybody (docs/decisions/049).
 */
type Reviver = (this: unknown, name: string, value: unknown, context: unknown) => unknown;
type Parse = (text: string, reviver?: Reviver) => unknown;

/** What JSON.parse was before, with its defect. */
export const engineParse = JSON.parse as Parse; // TypeScript's own type knows no context of a reviver, and answers `any`.

/** Finds every escaped name, and some texts that hold none: what is left of it is exact but slower. */
const ESCAPED_NAME = /\\.[^"\\]*"\s*:/s;
const NAME_END = /\s*:/y;
const UNSAFE = /[%"\\\p{Cc}\p{Cs}]/gu;

/**
 * JSON.parse, exact on every engine, in time that grows with the text. The holder that a reviver is called on may show names in an encoded form;
 * what it is called with, and the result, never do. @throws SyntaxError
 */
export function parseJson(text: string, reviver?: Reviver): unknown {
  // Who does not check types may pass anything, and the engine makes a text of it.
  const source = typeof text === 'string' ? text : `${text}`;
  if (!source.includes('\\') || !ESCAPED_NAME.test(source)) return engineParse(source, reviver);
  const encoded = withEncodedNames(source);
  // What is no function is no reviver.
  if (typeof reviver !== 'function') return withNames(engineParse(encoded));
  return engineParse(encoded, function (name, value, context) {
    return reviver.call(this, decode(name), named(value), context);
  });
}

/** The same text without an escape in any name. What is no JSON stays none. */
function withEncodedNames(text: string): string {
  let encoded = '';
  let copied = 0;
  for (let at = text.indexOf('"'); at >= 0; ) {
    const end = endOfString(text, at + 1);
    if (end < 0) break;
    NAME_END.lastIndex = end + 1;
    if (NAME_END.test(text)) {
      const name = String(engineParse(text.slice(at, end + 1)));
      encoded += `${text.slice(copied, at)}"${encode(name)}"`;
      copied = end + 1;
    }
    at = text.indexOf('"', end + 1);
  }
  return encoded + text.slice(copied);
}

/** Where the quote is that ends a string; -1 when none does. */
function endOfString(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0) {
    let before = at;
    while (before > from && text[before - 1] === '\\') before -= 1;
    if ((at - before) % 2 === 0) return at;
    at = text.indexOf('"', at + 1);
  }
  return -1;
}

/** Without any character that JSON escapes; different for different names, so that of equal ones the last one holds. */
function encode(name: string): string {
  return name.replace(UNSAFE, (char) => `%${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function decode(name: string): string {
  return name.replace(/%(.{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** The names of everything in it decoded: without recursion, since the engine reads what is nested deeper than calls can be. */
function withNames(root: unknown): unknown {
  const whole = named(root);
  const open: unknown[] = [whole];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    if (typeof holder !== 'object' || holder === null) continue;
    for (const [name, value] of Object.entries(holder)) {
      if (typeof value !== 'object' || value === null) continue;
      const known = named(value);
      open.push(known);
      // As the engine does: a name may be `__proto__`.
      if (known !== value) Object.defineProperty(holder, name, { value: known });
    }
  }
  return whole;
}

/** A value with its own names decoded, not those of what it holds. */
function named(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  if (!entries.some(([name]) => name.includes('%'))) return value;
  return Object.fromEntries(entries.map(([name, one]) => [decode(name), one]));
}

JSON.parse = parseJson as typeof JSON.parse;
