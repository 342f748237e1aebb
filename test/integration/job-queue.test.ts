import { afterEach, describe, expect, test } from '@jest/globals';
import { PgBossQueue } from '../../src/adapters/postgres/pg-boss-queue.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { createPgliteDatabase, createTestDatabase } from '../support/postgres.ts';

const engines: [string, () => Promise<{ database: PostgresStore; close: () => Promise<void> }>][] = [
  [
    'PGlite',
    async () => {
      const database = await createPgliteDatabase();
      return { database, close: () => database.close() };
    },
  ],
  [
    'a server',
    async () => {
      const created = await createTestDatabase();
      return { database: created.database, close: () => created[Symbol.asyncDispose]() };
    },
  ],
];

describe.each(engines)('the job queue on %s', (_, open) => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const start = async () => {
    const { database, close } = await open();
    closing.push(close);
    const queue = new PgBossQueue(database, { pollSeconds: 1 });
    await queue.start();
    closing.push(() => queue.stop(2000));
    return { database, queue };
  };

  test('starts a job within a moment on the instance that sent it', async () => {
    const { queue } = await start();
    const started = deferred<number>();
    await queue.handle('work', 1, async () => started.resolve(performance.now()));
    await pause(300);
    const sent = performance.now();
    await queue.send('work', { id: 'a' });
    expect((await started.promise) - sent).toBeLessThan(250);
  });

  test('tells what goes wrong in the background as errors that say what it was', async () => {
    const { database, close } = await open();
    closing.push(close);
    const told = deferred<Error>();
    const queue = new PgBossQueue(database, { pollSeconds: 1, onError: told.resolve });
    await queue.start();
    closing.push(() => queue.stop(2000));
    await queue.handle('work', 1, async () => {});
    await database.script('ALTER SCHEMA palinode_jobs RENAME TO elsewhere');
    const error = await told.promise;
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toMatch(/palinode_jobs.*does not exist/);
    await database.script('ALTER SCHEMA elsewhere RENAME TO palinode_jobs');
  });

  test('delivers a failed job again', async () => {
    const { queue } = await start();
    const done = deferred<number>();
    let tries = 0;
    await queue.handle('work', 1, async () => {
      tries += 1;
      if (tries < 2) throw new Error('not yet');
      done.resolve(tries);
    });
    await queue.send('work', { id: 'a' });
    expect(await done.promise).toBe(2);
  });

  test('keeps one waiting job per id', async () => {
    const { queue } = await start();
    for (let n = 0; n < 5; n += 1) await queue.send('work', { id: 'a' });
    const seen: string[] = [];
    await queue.handle('work', 1, async ({ id }) => void seen.push(id));
    await queue.send('work', { id: 'b' });
    await pause(1500);
    expect(seen.sort()).toEqual(['a', 'b']);
  });

  test('runs beside transactions without slipping into them', async () => {
    const { database, queue } = await start();
    await database.script('CREATE TABLE notes (n int)');
    const done = deferred<void>();
    let left = 20;
    await queue.handle('work', 2, async () => {
      await database.query('INSERT INTO notes VALUES (1)');
      left -= 1;
      if (left === 0) done.resolve();
    });
    const sends = Array.from({ length: 20 }, (_, n) => queue.send('work', { id: `${n}` }));
    const rollbacks = Array.from({ length: 20 }, () =>
      database
        .transaction(async (tx) => {
          await tx.query('INSERT INTO notes VALUES (2)');
          throw new Error('take it back');
        })
        .catch(() => {}),
    );
    await Promise.all([...sends, ...rollbacks]);
    await done.promise;
    const { rows } = await database.query<{ n: number; count: bigint }>('SELECT n, count(*) FROM notes GROUP BY n');
    expect(rows).toEqual([{ n: 1, count: 20n }]);
  });

  test('stops within its grace while a handler runs', async () => {
    const { queue } = await start();
    const began = deferred<void>();
    await queue.handle('work', 1, async () => {
      began.resolve();
      await pause(5000);
    });
    await queue.send('work', { id: 'a' });
    await began.promise;
    const asked = performance.now();
    await queue.stop(1000);
    expect(performance.now() - asked).toBeLessThan(4000);
  });
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { promise, resolve };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
