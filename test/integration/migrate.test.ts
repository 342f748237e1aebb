import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MigrationError, migrate, pendingMigrations } from '../../src/adapters/postgres/migrate.ts';
import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import type { Database } from '../../src/ports/database.ts';
import { createPgliteDatabase, createTestDatabase } from '../support/postgres.ts';

let folder: string;
const write = (name: string, sql: string) => {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'migration.sql'), sql);
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'migrations-'));
  write('0001_init', 'create table a (id int); create table b (id int);');
  write('0002_more', 'alter table a add column name text');
  writeFileSync(join(folder, 'migration_lock.toml'), 'provider = "postgresql"');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.each([
  ['PGlite', async () => ({ database: await createPgliteDatabase(), url: undefined })],
  ['a server', () => createTestDatabase()],
])('migrations on %s', (_engine, open: () => Promise<{ database: Database }>) => {
  let database: Database;
  beforeEach(async () => {
    ({ database } = await open());
  });
  afterEach(() => database.close());

  test('are applied in order, once, and recorded as Prisma does', async () => {
    expect(await pendingMigrations(database, folder)).toEqual(['0001_init', '0002_more']);
    expect(await migrate(database, folder)).toEqual(['0001_init', '0002_more']);
    expect(await migrate(database, folder)).toEqual([]);
    expect(await pendingMigrations(database, folder)).toEqual([]);
    const { rows } = await database.query('select * from _prisma_migrations order by started_at');
    expect(rows[1]).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      checksum: '096ba7daf4c5c79e1405a0a22bc0d3e60056ec6b6130c322668c825021fcdecf',
      finished_at: expect.any(Date),
      migration_name: '0002_more',
      logs: null,
      rolled_back_at: null,
      started_at: expect.any(Date),
      applied_steps_count: 1,
    });
  });

  test('one that fails leaves nothing behind, those before it stay', async () => {
    write('0003_wrong', 'create table c (id int); select missing');
    await expect(migrate(database, folder)).rejects.toThrow(/missing/);
    expect(await pendingMigrations(database, folder)).toEqual(['0003_wrong']);
    write('0003_wrong', 'create table c (id int)');
    expect(await migrate(database, folder)).toEqual(['0003_wrong']);
  });

  test('an applied one that was edited is refused by name', async () => {
    await migrate(database, folder);
    write('0001_init', 'create table a (id bigint)');
    write('0003_new', 'create table c (id int)');
    await expect(migrate(database, folder)).rejects.toThrow(MigrationError);
    await expect(migrate(database, folder)).rejects.toThrow(/0001_init was edited/);
    await expect(pendingMigrations(database, folder)).rejects.toThrow(/0001_init was edited/);
  });

  test('an applied one that this version does not know is refused by name', async () => {
    await migrate(database, folder);
    rmSync(join(folder, '0002_more'), { recursive: true });
    await expect(migrate(database, folder)).rejects.toThrow(/0002_more, which this version does not know/);
  });

  test('one that failed under Prisma is refused, one that was resolved is applied again', async () => {
    await migrate(database, folder);
    await database.query(`update _prisma_migrations set finished_at = null where migration_name = '0002_more'`);
    await expect(migrate(database, folder)).rejects.toThrow(/0002_more failed half-way/);
    await database.script('update _prisma_migrations set rolled_back_at = now() where finished_at is null');
    await database.script('alter table a drop column name');
    expect(await migrate(database, folder)).toEqual(['0002_more']);
  });
});

test('two instances that start at once on a fresh server apply each migration once', async () => {
  await using created = await createTestDatabase();
  write('0003_slow', 'create table c (id int); select pg_sleep(0.2)');
  const other = new PgDatabase({ url: created.url });
  const applied = await Promise.all([migrate(created.database, folder), migrate(other, folder)]);
  await other.close();
  expect(applied.flat().sort()).toEqual(['0001_init', '0002_more', '0003_slow']);
  const { rows } = await created.database.query('select migration_name from _prisma_migrations');
  expect(rows).toHaveLength(3);
});
