import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { engineParse, parseJson } from '../../src/adapters/system/json-parse.ts';

/** Names of which the escaped form of one begins like another. */
const arbName = fc.oneof(
  fc.string({ unit: fc.constantFrom('\\', '"', '\n', 'n', 'u', '0', '%', '\ud800', 'é', ':'), maxLength: 3 }),
  fc.constantFrom('a', '__proto__', '10', 'constructor', '%0022', '\\u0022'),
);
const arbJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, 1, '', '\\', '"', '":', '\\":', 'a\n'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(arbName, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;

describe('JSON.parse', () => {
  test('is the mended one', () => expect(JSON.parse).toBe(parseJson));

  test('is the mended one in the service, which imports it itself', () => {
    const script =
      "const own = JSON.parse; await import('./src/main/assemble.ts'); process.exit(JSON.parse === own ? 1 : 0);";
    expect(spawnSync(process.execPath, ['--input-type=module', '-e', script]).status).toBe(0);
  });

  test('the engine still needs it: when this fails, delete json-parse.ts', () => {
    engineParse('{"first of these":1,"\\\\":2}');
    expect(engineParse('{"first of these":1,"\\"":2}')).toEqual({ 'first of these': 1, '\\': 2 });
  });

  test('reads every name as it was written, whatever was read before', () => {
    fc.assert(
      fc.property(arbJson, fc.constantFrom(undefined, 1), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(JSON.stringify(parseJson(text), null, indent)).toBe(text);
        expect(
          JSON.stringify(
            parseJson(text, (_, one) => one),
            null,
            indent,
          ),
        ).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test('of equal names the last one holds, however they are written', () => {
    expect(parseJson('{"a":1,"\\u0061":2,"a":3,"b":4}')).toEqual({ a: 3, b: 4 });
    expect(parseJson('{"\\"":1, "\\u0022" :2}')).toEqual({ '"': 2 });
  });

  test('a reviver sees names, values and sources as it would', () => {
    const text = '{"\\"":{"\\\\":12345678901234567890,"%":[1]}}';
    const seen: unknown[] = [];
    const result = parseJson(text, (name, value, context) => {
      seen.push([name, value, context]);
      return name === '\\' ? 'seen' : value;
    });
    expect(result).toEqual({ '"': { '\\': 'seen', '%': [1] } });
    expect(seen).toContainEqual(['\\', 12345678901234567000, { source: '12345678901234567890' }]);
    expect(seen.at(-1)).toEqual(['', result, {}]);
  });

  test('a reviver that is none is ignored, as PGlite passes a number', () => {
    const read = parseJson as (text: string, reviver: unknown) => unknown;
    expect(read('{"\\"":1}', 3802)).toEqual({ '"': 1 });
  });

  test.each(['{"\\q":1}', '{"\\"":1,}', '{"a\nb\\"":1}', '["\\"":1]', '{"\\ud8":1}', '{"\\""', '\\":'])(
    'refuses %s as the engine does',
    (text) => {
      expect(() => engineParse(text)).toThrow(SyntaxError);
      expect(() => parseJson(text)).toThrow(SyntaxError);
    },
  );

  test('what is no text is taken as the text that it makes', () => {
    const read = parseJson as (text: unknown) => unknown;
    read(Buffer.from('{"first of bytes":1,"\\\\":2}'));
    expect(read(Buffer.from('{"first of bytes":1,"\\"":2}'))).toEqual({ 'first of bytes': 1, '"': 2 });
    expect(read(null)).toBeNull();
    expect(() => read(Symbol('x'))).toThrow(TypeError);
  });

  test('a string that never ends is refused as fast as it can be read', () => {
    const text = `{"\\"":1,"${'\\"'.repeat(2_000_000)}`;
    expect(() => parseJson(text)).toThrow(SyntaxError);
    expect(() => parseJson(`{"\\"":1,"${'\\\\'.repeat(2_000_000)}`)).toThrow(SyntaxError);
  });

  test('what is nested deeper than calls can be is read as the engine reads it', () => {
    const depth = 50_000;
    const value = parseJson(`{"\\"":1,"b":${'['.repeat(depth)}{"\\n":2}${']'.repeat(depth)}}`) as { b: unknown };
    expect(Object.keys(value)).toEqual(['"', 'b']);
    let inner = value.b;
    while (Array.isArray(inner)) inner = inner[0];
    expect(inner).toEqual({ '\n': 2 });
  });

  test('a long text full of escapes is read in one pass', () => {
    const value = { text: '\\"\n:'.repeat(3_000_000), '"': 1 };
    expect(parseJson(JSON.stringify(value))).toEqual(value);
  });
});
