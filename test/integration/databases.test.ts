import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { FolderLockedError, lockFolder } from '../../src/adapters/postgres/folder-lock.ts';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import { isRetryable, isUnavailable, SqlState } from '../../src/ports/database.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { freePort } from '../support/processes.ts';

test('connections that the server ends, idle or in use, cost an error at most', async () => {
  const idle: Error[] = [];
  await using created = await createTestDatabase({ onError: (error) => idle.push(error) });
  await using admin = await createTestDatabase({ poolSize: 1 });
  const { database } = created;
  const endAll = () =>
    admin.database.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      new URL(created.url).pathname.slice(1),
    ]);
  await Promise.all([database.query('select 1'), database.query('select 2')]);
  await endAll();
  const busy = database.transaction(async (tx) => {
    await tx.query('select 1');
    await endAll();
    await tx.query('select 2');
  });
  const failure = await busy.catch((error: unknown) => error);
  expect(isUnavailable(failure)).toBe(true);
  expect((await database.query('select 3')).count).toBe(1);
  expect(idle.length).toBeGreaterThan(0);
});

test('a statement that takes too long is cancelled', async () => {
  await using created = await createTestDatabase({ statementTimeoutMs: 50 });
  const slow = created.database.query('select pg_sleep(5)');
  await expect(slow).rejects.toMatchObject({ code: SqlState.queryCanceled });
  const allowed = await created.database.transaction((tx) => tx.query('select pg_sleep(0.1)'), {
    statementTimeoutMs: 5000,
  });
  expect(allowed.count).toBe(1);
});

test('a serialization failure may be retried, a broken rule may not', async () => {
  await using created = await createTestDatabase();
  const { database } = created;
  await database.script('create table counter (n int primary key); insert into counter values (0)');
  const raise = () =>
    database.transaction(
      async (tx) => {
        await tx.query('select n from counter');
        await new Promise((resolve) => setTimeout(resolve, 50));
        await tx.query('update counter set n = n + 1');
      },
      { isolation: 'repeatable read' },
    );
  const results = await Promise.allSettled([raise(), raise()]);
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  expect(refused.map(isRetryable)).toEqual([true]);
  const broken = await database.query('insert into counter values (1)').catch((error: unknown) => error);
  expect(isRetryable(broken)).toBe(false);
});

test('a server that is not there is unavailable, with the reason', async () => {
  const database = new PgDatabase({ url: `postgres://nobody@127.0.0.1:${await freePort()}/none` });
  const failure = await database.query('select 1').catch((error: unknown) => error);
  expect(isUnavailable(failure)).toBe(true);
  expect(String(failure)).toMatch(/ECONNREFUSED/);
  await database.close();
});

test('an embedded database keeps what it holds, and its folder is one process alone', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'pglite-'));
  const first = await PgliteDatabase.open({ dataFolder });
  await first.script('create table kept (id int); insert into kept values (7)');
  await expect(PgliteDatabase.open({ dataFolder })).rejects.toThrow(FolderLockedError);
  await expect(PgliteDatabase.open({ dataFolder })).rejects.toThrow(`in use by process ${process.pid}`);
  await first.close();
  const second = await PgliteDatabase.open({ dataFolder });
  expect((await second.query('select id from kept')).rows).toEqual([{ id: 7 }]);
  await second.close();
  rmSync(dataFolder, { recursive: true });
}, 120_000);

test('the folder of a process that was killed is free again, of a living one it is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lock-'));
  const lock = new URL('../../src/adapters/postgres/folder-lock.ts', import.meta.url).href;
  const script = `import { lockFolder } from ${JSON.stringify(lock)};
    lockFolder(${JSON.stringify(folder)}); console.log('locked'); setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => owner.once('exit', resolve));
  try {
    await new Promise((resolve) => owner.stdout.once('data', resolve));
    expect(() => lockFolder(folder)).toThrow(`${folder} is in use by process ${owner.pid}`);
  } finally {
    owner.kill('SIGKILL');
    await ended;
  }
  lockFolder(folder)();
  rmSync(folder, { recursive: true });
});
