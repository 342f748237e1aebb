import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { boolArray, byteaArray, int2Array, int8Array, textArray } from '../../src/adapters/postgres/binary-arrays.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';

describe.each(engines)('columns of parameters on %s', (_, open) => {
  let engine: OpenedEngine;
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  /** What the database has of rows that went to it column by column. */
  async function returned(rows: readonly Row[]): Promise<Row[]> {
    const { rows: back } = await engine.database.query<Row>(
      'SELECT * FROM unnest($1::text[], $2::int8[], $3::int2[], $4::bool[], $5::bytea[]) AS r (text, long, short, flag, bytes)',
      [
        textArray(rows.map(({ text }) => text)),
        int8Array(rows.map(({ long }) => long)),
        int2Array(rows.map(({ short }) => short)),
        boolArray(rows.map(({ flag }) => flag)),
        byteaArray(rows.map(({ bytes }) => bytes)),
      ],
    );
    return back.map((row) => ({ ...row, bytes: row.bytes === null ? null : new Uint8Array(row.bytes) }));
  }

  test('every value and every null comes back as it went', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
        expect(await returned(rows)).toEqual(rows);
      }),
      { numRuns: 50 },
    );
  });

  test('a text that a database cannot hold is refused, not cut off', async () => {
    const sent = engine.database.query('SELECT $1::text[]', [textArray(['fine', 'a\0b'])]);
    await expect(sent).rejects.toMatchObject({ code: '22021' });
  });
});

interface Row {
  readonly text: string | null;
  readonly long: bigint | null;
  readonly short: number | null;
  readonly flag: boolean | null;
  readonly bytes: Uint8Array | null;
}

const orNull = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null });
const text = fc.oneof(
  fc.string({ unit: 'binary' }).map((drawn) => drawn.replaceAll('\0', '').toWellFormed()),
  fc.constantFrom('', 'NULL', '{}', '"\\,', 'ø€😀'),
);
const row: fc.Arbitrary<Row> = fc.record({
  text: orNull(text),
  long: orNull(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  short: orNull(fc.integer({ min: -32768, max: 32767 })),
  flag: orNull(fc.boolean()),
  bytes: orNull(fc.uint8Array({ maxLength: 40 })),
});
