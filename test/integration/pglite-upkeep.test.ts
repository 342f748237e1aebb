import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';

test('an embedded database takes care of tables with many dead rows, and only of those', async () => {
  const database = await PgliteDatabase.open();
  try {
    await database.script(`
      CREATE TABLE worn (id int PRIMARY KEY, content text);
      INSERT INTO worn SELECT n, repeat('x', 100) FROM generate_series(1, 20000) AS n;
      CREATE TABLE calm (id int PRIMARY KEY);
      INSERT INTO calm VALUES (1)`);
    // New to the statistics.
    expect(await database.upkeep()).toBe('public.worn');
    expect(await database.upkeep()).toBeNull();
    await database.query(`UPDATE worn SET content = content || 'y' WHERE id <= 15000`);
    // The counters may come after the first look, which then goes by the table's size alone.
    expect(await database.upkeep()).toBe('public.worn');
    while ((await database.upkeep()) !== null);
    const { rows } = await database.query<{ dead: bigint; known: number }>(
      `SELECT n_dead_tup AS dead, reltuples AS known FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
       WHERE s.relname = 'worn'`,
    );
    expect(rows).toEqual([{ dead: 0n, known: 20_000 }]);
    expect(await database.upkeep()).toBeNull();
  } finally {
    await database.close();
  }
}, 60_000);

test('a data folder whose making was cut off is made anew', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'palinode-folder-'));
  try {
    mkdirSync(join(folder, 'pg.new'));
    writeFileSync(join(folder, 'pg.new', 'PG_VERSION'), '17');
    const made = await PgliteDatabase.open({ dataFolder: folder });
    await made.script('CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)');
    await made.close();
    expect(existsSync(join(folder, 'pg.new'))).toBe(false);
    const again = await PgliteDatabase.open({ dataFolder: folder });
    expect((await again.query('SELECT n FROM kept')).rows).toEqual([{ n: 1 }]);
    await again.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
