import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { DatabaseError, SqlState } from '../../src/ports/database.ts';

/** What every engine behind the SQL door must do. */
export function databaseContract(
  name: string,
  open: () => Promise<{ database: PostgresStore; close(): Promise<void> }>,
): void {
  describe(`the SQL door on ${name}`, () => {
    let database: PostgresStore;
    let close: () => Promise<void>;

    beforeAll(async () => {
      ({ database, close } = await open());
      await database.script('create table item (id int primary key, name text unique); create table other (id int)');
    });
    afterAll(() => close());
    beforeEach(() => database.script('delete from item'));

    const one = async (text: string, params?: readonly unknown[]) =>
      (await database.query<{ v: unknown }>(`select ${text} as v`, params)).rows[0]?.v;

    test.each([
      ['9007199254740993::int8', 9007199254740993n],
      ['7::int4', 7],
      ['1.5::float8', 1.5],
      ['12345678901234567890.10::numeric', '12345678901234567890.10'],
      [`'{"a":[1,null]}'::jsonb`, { a: [1, null] }],
      [`'[1]'::json`, [1]],
      ['true', true],
      ['null::int8', null],
      [`'2024-05-06 07:08:09.123+02'::timestamptz`, new Date('2024-05-06T05:08:09.123Z')],
      [`'2024-05-06'::date`, '2024-05-06'],
      [`'\\x00ff'::bytea`, Buffer.from([0, 255])],
      [`array['a','b"\\,{}',null,'null','']`, ['a', 'b"\\,{}', null, 'null', '']],
      ['array[1,null,9007199254740993]::int8[]', [1n, null, 9007199254740993n]],
      [`array['\\x01'::bytea, null]`, [Buffer.from([1]), null]],
      ['array[1.10]::numeric[]', ['1.10']],
      [`array['{"a":1}'::jsonb]`, [{ a: 1 }]],
      [`array[]::text[]`, []],
    ])('reads %s', async (text, expected) => {
      expect(await one(text)).toEqual(expected);
    });

    test.each<[string, unknown]>([
      ['int8', 9007199254740993n],
      ['int4', -3],
      ['float8', Number.NEGATIVE_INFINITY],
      ['float8', -0],
      ['bool', false],
      ['text', 'quote \' and "double" \\ and 日本'],
      ['timestamptz', new Date('2024-05-06T05:08:09.123Z')],
      ['bytea', Buffer.from([0, 1, 255])],
      ['text[]', ['a', null, 'b,"c"\\', '{}', 'NULL', '']],
      ['int8[]', [1n, null, -9007199254740993n]],
      ['int4[]', []],
      ['bytea[]', [Buffer.from([0, 92, 34]), null, Buffer.alloc(0)]],
      ['bool[]', [true, false]],
      ['timestamptz[]', [new Date('2024-05-06T05:08:09.123Z')]],
      [
        'text[]',
        [
          ['a', 'b'],
          ['c', 'd'],
        ],
      ],
    ])('gives back a %s parameter as it was passed: %p', async (type, value) => {
      expect(await one(`$1::${type}`, [value])).toEqual(value);
    });

    test('takes JSON as text, alone and in arrays', async () => {
      expect(await one('$1::jsonb', ['{"n":9007199254740993}'])).toEqual({ n: 9007199254740992 });
      expect(await one('$1::jsonb[]', [['{"a":"\\"\\\\"}']])).toEqual([{ a: '"\\' }]);
      await expect(one('$1::jsonb', [{ a: 1 }])).rejects.toThrow(TypeError);
    });

    test('inserts many rows from arrays and says how many', async () => {
      const ids = Array.from({ length: 5000 }, (_, i) => i);
      const inserted = await database.query('insert into item select * from unnest($1::int[], $2::text[])', [
        ids,
        ids.map((i) => `name ${i}`),
      ]);
      expect(inserted.count).toBe(5000);
      expect((await database.query('delete from item where id < $1', [10])).count).toBe(10);
    });

    test('keeps what a transaction wrote and returns its result', async () => {
      const result = await database.transaction(async (tx) => {
        await tx.query('insert into item values (1, $1)', ['a']);
        return 'done';
      });
      expect(result).toBe('done');
      expect(await one('(select count(*) from item)')).toBe(1n);
    });

    test('keeps nothing of a transaction that throws, and throws the same', async () => {
      const reason = new Error('no');
      const work = database.transaction(async (tx) => {
        await tx.query('insert into item values (1)');
        throw reason;
      });
      await expect(work).rejects.toBe(reason);
      expect(await one('(select count(*) from item)')).toBe(0n);
    });

    test('a transaction that swallowed an error does not pass as committed', async () => {
      const work = database.transaction(async (tx) => {
        await tx.query('insert into item values (1)');
        await tx.query('select 1/0').catch(() => {});
      });
      await expect(work).rejects.toMatchObject({ name: 'DatabaseError', code: SqlState.failedTransaction });
      expect(await one('(select count(*) from item)')).toBe(0n);
    });

    test('what follows a failed statement of a transaction fails for the same reason', async () => {
      const codes: unknown[] = [];
      const work = database.transaction(async (tx) => {
        const texts = ['select 1/0', 'select 1', 'select 2'];
        for (const one of await Promise.allSettled(texts.map((text) => tx.query(text))))
          codes.push(one.status === 'rejected' ? Reflect.get(Object(one.reason), 'code') : null);
        await tx.script('select 3');
      });
      await expect(work).rejects.toMatchObject({ name: 'DatabaseError', code: '22012' });
      expect(codes).toEqual(['22012', '22012', '22012']);
    });

    test('names what was refused', async () => {
      await database.query(`insert into item values (1, 'a')`);
      const refused = database.query(`insert into item values (2, 'a')`);
      await expect(refused).rejects.toBeInstanceOf(DatabaseError);
      await expect(refused).rejects.toMatchObject({
        code: SqlState.uniqueViolation,
        constraint: 'item_name_key',
        table: 'item',
      });
      await expect(database.script('select * from missing')).rejects.toMatchObject({ code: SqlState.undefinedTable });
    });

    test('a read-only transaction writes nothing; a repeatable read is one', async () => {
      const write = database.transaction((tx) => tx.query('insert into item values (1)'), { readOnly: true });
      await expect(write).rejects.toMatchObject({ code: '25006' });
      const level = await database.transaction(
        (tx) => tx.query<{ v: string }>(`select current_setting('transaction_isolation') as v`),
        {
          isolation: 'repeatable read',
        },
      );
      expect(level.rows[0]?.v).toBe('repeatable read');
    });

    test('refuses the database itself inside a transaction instead of waiting forever', async () => {
      const nested = database.transaction(() => database.query('select 1'));
      await expect(nested).rejects.toMatchObject({ code: SqlState.wrongTransactionUse });
      const twice = database.transaction(() => database.transaction(async () => {}));
      await expect(twice).rejects.toMatchObject({ code: SqlState.wrongTransactionUse });
      expect(await one('1')).toBe(1);
    });

    test('concurrent transactions do not see each other half done', async () => {
      const add = (id: number) =>
        database.transaction(async (tx) => {
          await tx.query('insert into item values ($1)', [id]);
          await new Promise((resolve) => setTimeout(resolve, 5));
          await tx.query('insert into item values ($1)', [id + 100]);
        });
      const counts: unknown[] = [];
      const watch = async () => {
        for (let i = 0; i < 10; i++) counts.push(await one('(select count(*) % 2 from item)'));
      };
      await Promise.all([add(1), add(2), watch(), add(3), watch()]);
      expect(new Set(counts)).toEqual(new Set([0n]));
    });

    test('tells a listener of every statement, until it leaves', async () => {
      const seen: string[] = [];
      const leave = database.onStatement((text) => seen.push(text));
      await database.query('select 1');
      await database.transaction((tx) => tx.query('select 2'));
      await database.queueDatabase().db.executeSql('select 3');
      leave();
      await database.query('select 4');
      expect(seen).toEqual(['select 1', 'BEGIN', 'select 2', 'COMMIT', 'select 3']);
    });

    test('a script of the job queue that fails half-way harms nobody else', async () => {
      const { db } = database.queueDatabase();
      const script = db.executeSql('begin; insert into item values (1); select 1/0; commit');
      const next = database.transaction((tx) => tx.query('insert into item values (2)'));
      await expect(script).rejects.toThrow(/division by zero/);
      await next;
      expect((await database.query<{ id: number }>('select id from item')).rows).toEqual([{ id: 2 }]);
    });

    test('Prisma works on the same connection and rolls back as it should', async () => {
      const prisma = await database.prismaAdapter().connect();
      const sql = (text: string) => ({ sql: text, args: [], argTypes: [] });
      const tx = await prisma.startTransaction('READ COMMITTED');
      await tx.executeRaw(sql('insert into item values (1)'));
      // PGlite's adapter ends by itself; the server's leaves the statement to Prisma.
      if (!tx.options.usePhantomQuery) await tx.executeRaw(sql('ROLLBACK'));
      await tx.rollback();
      expect(await prisma.executeRaw(sql('insert into item values (2)'))).toBe(1);
      expect((await prisma.queryRaw(sql('select id from item'))).rows).toEqual([[2]]);
    });

    test('a commit that fails is not reported as done to Prisma', async () => {
      await database.script('create table late (id int unique deferrable initially deferred)');
      const prisma = await database.prismaAdapter().connect();
      const sql = (text: string) => ({ sql: text, args: [], argTypes: [] });
      const tx = await prisma.startTransaction();
      await tx.executeRaw(sql('insert into late values (1), (1)'));
      const commit = async () => {
        if (!tx.options.usePhantomQuery) await tx.executeRaw(sql('COMMIT'));
        await tx.commit();
      };
      await expect(commit()).rejects.toThrow();
      if (!tx.options.usePhantomQuery) await tx.rollback();
      expect(await one('(select count(*) from late)')).toBe(0n);
    });
  });
}
