import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, sameValue } from '../../src/core/canonical.ts';
import { decodeValue } from '../../src/core/decode.ts';
import type { Value } from '../../src/core/values.ts';
import { arbValue } from '../support/arbitraries.ts';
import { nodeRef } from '../support/captured.ts';
import { manyOf, once } from '../support/once.ts';
import type { SqlGraph } from './embedded-graph.contract.ts';

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** JSON that is nearly a value: the text of one with something else in one place. */
const arbNearly = fc
  .tuple(
    arbValue,
    fc.nat(),
    fc.constantFrom('', '0', '9', '-', '.', 'e5', ' ', '"', 'T', 'Z', ':', '+', '[', 'null', 'P'),
  )
  .map(([value, place, text]) => {
    const json = canonicalJson(value);
    const at = place % (json.length + 1);
    return json.slice(0, at) + text + json.slice(at + (place % 3 === 0 ? 1 : 0));
  })
  .filter((json) => {
    try {
      JSON.parse(json);
      // jsonb itself refuses these.
      return json.isWellFormed() && !/\\u0000|\\ud[89a-f]|\de[+-]?\d{5}/i.test(json);
    } catch {
      return false;
    }
  });

/** The CHECKs on names and values. */
export function valuesContract(current: () => SqlGraph): void {
  /** What jsonb makes of each text (it knows no -0, and no digits beyond what it keeps), and whether that is taken. */
  const judged = async (jsons: readonly string[]): Promise<{ json: string; fits: boolean }[]> => {
    const { database, schema } = current();
    const { rows } = await database.query<{ json: string; fits: boolean }>(
      `SELECT v::jsonb::text AS json, ${schema}.value_fits(v::jsonb) IS TRUE AS fits
         FROM unnest($1::text[]) WITH ORDINALITY AS t (v, i) ORDER BY i`,
      [jsons],
    );
    return rows;
  };

  test('takes every canonical value', async () => {
    await once(manyOf(arbValue, 600), async (values) => {
      const answers = await judged(values.map(canonicalJson));
      expect(answers.filter(({ fits }) => !fits)).toEqual([]);
    });
  });

  test('what it takes is a value, and reading it gives that value', async () => {
    const { graph, database, schema } = current();
    await once(manyOf(arbNearly, 1500), async (jsons) => {
      const answers = await judged(jsons);
      const taken = answers.filter(({ fits }) => fits).map(({ json }) => json);
      await database.query(
        `INSERT INTO ${schema}.nodes (key, properties)
         SELECT 'n' || i, jsonb_build_object('v', v::jsonb) FROM unnest($1::text[]) WITH ORDINALITY AS t (v, i)`,
        [taken],
      );
      const live = await graph.read(taken.map((_, i) => nodeRef(`n${i + 1}`)));
      const wrong = taken.filter((json, i) => {
        const decoded = decodeValue(JSON.parse(json));
        const read: Value | undefined = live.get(`n:n${i + 1}`)?.properties.v;
        return !decoded.ok || read === undefined || !sameValue(decoded.value, read);
      });
      expect(wrong).toEqual([]);
    });
  });

  test.each([
    'null',
    '[1]',
    '{}',
    '{"a":1}',
    '{"$date":"2024-02-30"}',
    '{"$date":"2023-02-29"}',
    '{"$date":"2024-01-01","$time":"12:00Z"}',
    '{"$date":20240101}',
    '{"$integer":"9223372036854775808"}',
    '{"$integer":5}',
    '{"$float":"1e400"}',
    '{"$float":"abc"}',
    '{"$bytes":"a"}',
    '{"$string":"AA=="}',
    '{"$duration":"PT"}',
    '{"$point":{"srid":1,"coordinates":[1,2]}}',
    '{"$point":{"srid":4326,"coordinates":[1]}}',
    '{"$point":{"srid":4326,"coordinates":[1,null]}}',
    '{"$list":{"of":null,"values":[1]}}',
    '{"$list":{"of":"INTEGER","values":[1.5]}}',
    '{"$list":{"of":"INTEGER","values":[1,"x"]}}',
    '{"$list":{"of":"LIST","values":[]}}',
    '{"$list":{"of":"FLOAT","values":[0.1234567890123456789]}}',
    '{"$list":{"of":"STRING","values":["a",null]}}',
    '{"$list":[1]}',
    '{"$map":{}}',
    '9007199254740992',
    '-9007199254740992',
    '1e300',
    '1e-400',
    '0.1234567890123456789',
    '123456789012.12345678',
  ])('refuses %s', async (json) => {
    const { sql } = current();
    const refusal = sql(
      `INSERT INTO nodes (key, properties) VALUES ('a', jsonb_build_object('good', 1, 'bad', '${json}'::jsonb))`,
    );
    await expect(refusal).rejects.toMatchObject({ code: '23514', constraint: 'properties_hold_values' });
    await expect(refusal).rejects.toThrow(/property bad /);
  });

  test.each([
    ['key_is_a_name', `INSERT INTO nodes VALUES ('')`],
    ['key_is_a_name', `INSERT INTO nodes VALUES (repeat('x', 513))`],
    ['key_is_a_name', `INSERT INTO nodes VALUES (repeat(chr(128512), 257))`],
    ['labels_are_names', `INSERT INTO nodes VALUES ('a', '{""}')`],
    ['labels_are_names', `INSERT INTO nodes VALUES ('a', '{NULL}')`],
    ['labels_are_names', `INSERT INTO nodes VALUES ('a', '{{a},{b}}')`],
    ['labels_are_names', `INSERT INTO nodes VALUES ('a', ARRAY[repeat('x', 513)])`],
    ['properties_hold_values', `INSERT INTO nodes VALUES ('a', '{}', '{"":1}')`],
    ['properties_hold_values', `INSERT INTO nodes VALUES ('a', '{}', '[]')`],
    ['properties_hold_values', `INSERT INTO nodes VALUES ('a', '{}', '1')`],
    ['properties_hold_values', `INSERT INTO nodes VALUES ('a', '{}', jsonb_build_object(repeat('x', 5000), 1))`],
    ['type_is_a_name', `INSERT INTO nodes VALUES ('a'); INSERT INTO relationships VALUES ('r', '', 'a', 'a')`],
    ['relationships_end', `INSERT INTO nodes VALUES ('a'); INSERT INTO relationships VALUES ('r', 'T', 'a', 'b')`],
  ])('%s refuses %s', async (constraint, text) => {
    const { sql, graph } = current();
    await expect(sql(text)).rejects.toMatchObject({ constraint });
    expect(await graph.count()).toEqual({ nodes: 0n, relationships: 0n });
  });

  test('takes names of 512 characters, and long properties', async () => {
    const { sql, graph } = current();
    const long = quote('y'.repeat(100_000));
    await sql(`INSERT INTO nodes VALUES (repeat('x', 512), ARRAY[repeat('l', 512), 'k'], jsonb_build_object(repeat('p', 512), ${long}::text)),
      (repeat(chr(128512), 256), '{}', '{}')`);
    expect((await graph.count()).nodes).toBe(2n);
  });
}
