import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, typeNameOf } from '../../src/core/canonical.ts';
import type { Constraint } from '../../src/core/constraints.ts';
import { ConstraintError } from '../../src/core/errors.ts';
import type { Value } from '../../src/core/values.ts';
import type { WriteContext } from '../../src/ports/knowledge-graph.ts';
import { arbValue } from '../support/arbitraries.ts';
import type { SqlGraph } from './embedded-graph.contract.ts';

const EMAIL: Constraint = {
  name: 'person_email',
  kind: 'UNIQUE',
  entity: 'NODE',
  subject: 'Person',
  properties: ['email'],
  types: [],
};

/** Constraints that a user makes in SQL, and what plans learn of them. */
export function constraintsContract(current: () => SqlGraph): void {
  async function add({ name, kind, entity, subject, properties, types }: Constraint): Promise<void> {
    const { database, schema } = current();
    await database.query(`SELECT ${schema}.add_constraint($1, $2, $3, $4, $5::text[], $6::text[])`, [
      name,
      kind,
      entity,
      subject,
      properties,
      types,
    ]);
  }

  test('are read as they were made, and are gone when dropped', async () => {
    const { graph, database, schema } = current();
    const since: Constraint = {
      ...EMAIL,
      name: 'a since',
      kind: 'TYPE',
      entity: 'RELATIONSHIP',
      subject: 'KNOWS "x"',
      properties: ['since'],
      types: ['DATE', 'INTEGER'],
    };
    const name: Constraint = { ...EMAIL, name: 'b', kind: 'KEY', properties: ['first', "la'st"] };
    const there: Constraint = { ...EMAIL, name: 'c', kind: 'EXISTENCE' };
    for (const constraint of [there, name, EMAIL, since]) await add(constraint);
    expect(await graph.constraints.read()).toEqual([since, name, there, EMAIL]);
    expect(await graph.inspectCapture()).toEqual([]);
    for (const constraint of [there, name, EMAIL, since]) {
      await database.query(`SELECT ${schema}.drop_constraint($1)`, [constraint.name]);
    }
    expect(await graph.constraints.read()).toEqual([]);
    await current().sql(
      `INSERT INTO nodes VALUES ('a', '{Person}', '{"email": 1}'), ('b', '{Person}', '{"email": 1}')`,
    );
  });

  test('that make no sense are refused', async () => {
    for (const wrong of [
      { kind: 'TYPE' as const },
      { kind: 'EXISTENCE' as const, properties: ['a', 'b'] },
      { properties: [] },
      { properties: [''] },
      { name: 'x'.repeat(61) },
      { types: ['INTEGER'] },
    ]) {
      await expect(add({ ...EMAIL, ...wrong })).rejects.toThrow('a constraint has a name');
    }
  });

  test('that the graph does not meet are refused', async () => {
    await current().sql(
      `INSERT INTO nodes VALUES ('a', '{Person}', '{"email": 1}'), ('b', '{Person}', '{"email": 1}'), ('c', '{Person}', '{}')`,
    );
    await expect(add(EMAIL)).rejects.toThrow();
    await expect(add({ ...EMAIL, kind: 'EXISTENCE' })).rejects.toThrow('is not met by c');
    await expect(add({ ...EMAIL, kind: 'TYPE', types: ['STRING'] })).rejects.toThrow('is not met by a');
  });

  test('are enforced: uniqueness as a statement writes, the rest at commit', async () => {
    const { graph, sql } = current();
    await add(EMAIL);
    await add({ ...EMAIL, name: 'age', kind: 'TYPE', properties: ['age'], types: ['INTEGER', 'LIST OF FLOAT'] });
    await add({ ...EMAIL, name: 'there', kind: 'EXISTENCE' });
    await sql(
      `INSERT INTO nodes VALUES ('a', '{Person}', '{"email": "a@x"}'), ('other', '{Place}', '{"email": "a@x", "age": "old"}')`,
    );
    await expect(sql(`INSERT INTO nodes VALUES ('b', '{Person}', '{"email": "a@x"}')`)).rejects.toThrow('person_email');
    await expect(sql(`UPDATE nodes SET properties = '{}' WHERE key = 'a'`)).rejects.toThrow(
      'wants email of every Person to be there',
    );
    await expect(sql(`UPDATE nodes SET labels = '{Person}' WHERE key = 'other'`)).rejects.toThrow();
    const age = (json: string): Promise<void> =>
      sql(`UPDATE nodes SET properties = properties || '{"age": ${json}}' WHERE key = 'a'`);
    for (const fine of ['1', '{"$list": {"of": "FLOAT", "values": [1]}}', '{"$list": {"of": null, "values": []}}'])
      await age(fine);
    for (const wrong of ['1.5', '"1"', '{"$list": {"of": "INTEGER", "values": [1]}}']) {
      await expect(age(wrong)).rejects.toThrow('to be INTEGER or LIST OF FLOAT');
    }
    // Given up and got back within one transaction.
    await sql(
      `UPDATE nodes SET properties = '{}' WHERE key = 'a'; UPDATE nodes SET properties = '{"email": "b@x"}' WHERE key = 'a'`,
    );
    const context: WriteContext = {
      id: crypto.randomUUID(),
      source: 'API',
      actor: 'ada',
      session: null,
      operation: null,
    };
    const remove = graph.transaction(context, async (tx) => {
      const before = (await tx.lock([{ kind: 'NODE', key: 'a' }])).get('n:a') ?? null;
      await tx.write([
        { kind: 'NODE', key: 'a', before, after: { kind: 'NODE', key: 'a', labels: ['Person'], properties: {} } },
      ]);
    });
    await expect(remove).rejects.toThrow(ConstraintError);
  });

  test('tell who holds values now', async () => {
    const { graph, sql } = current();
    const name: Constraint = { ...EMAIL, name: 'name', properties: ['first', 'last'] };
    await add(name);
    await sql(
      `INSERT INTO nodes SELECT 'p' || i, '{Person}', jsonb_build_object('first', 'f' || i, 'last', i) FROM generate_series(1, 2000) AS i`,
    );
    await sql(
      `INSERT INTO nodes VALUES ('x', '{Place}', '{"first": "f", "last": 0}'), ('y', '{Person}', '{"first": "only"}')`,
    );
    const float: Value = { $float: '7.0' };
    expect(
      await graph.constraints.holders(name, [
        ['f7', 7],
        ['f7', float],
        ['f', 0],
        ['f2000', 2000],
        ['f7', 7],
      ]),
    ).toEqual([
      { at: 0, ref: { kind: 'NODE', key: 'p7' } },
      { at: 3, ref: { kind: 'NODE', key: 'p2000' } },
      { at: 4, ref: { kind: 'NODE', key: 'p7' } },
    ]);
    expect(await graph.constraints.holders(name, [])).toEqual([]);
  });

  test('call the types of values what the code calls them', async () => {
    const { database, schema } = current();
    await fc.assert(
      fc.asyncProperty(fc.array(arbValue, { minLength: 1, maxLength: 20 }), async (values) => {
        const { rows } = await database.query<{ types: string[] }>(
          `SELECT array_agg(${schema}.value_type(v.value::jsonb) ORDER BY v.n) AS types FROM unnest($1::text[]) WITH ORDINALITY AS v(value, n)`,
          [values.map(canonicalJson)],
        );
        expect(rows[0]?.types).toEqual(values.map(typeNameOf));
      }),
      { numRuns: 30 },
    );
  });
}
