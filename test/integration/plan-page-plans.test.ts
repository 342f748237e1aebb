import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { groups } from '../../src/adapters/postgres/operation-store/plan-reads.ts';
import { PostgresPlanStore } from '../../src/adapters/postgres/operation-store/plan-store.ts';
import { hashRows } from '../../src/adapters/postgres/operation-store/write-reads.ts';
import type { Database, SqlExecutor } from '../../src/ports/database.ts';
import { createTestDatabase } from '../support/postgres.ts';

const ROWS = 50_000;

/** A plan whose order of keys is not the order in which it was made. */
async function planIn(database: Database): Promise<string> {
  const id = randomUUID();
  await database.query(
    `INSERT INTO operation_plan (operation_id, no, group_no, phase, kind, key, action, state)
     SELECT $1::uuid, i, i, 4, 0, 'n' || lpad(((i::bigint * 7919) % ${ROWS})::text, 8, '0'), 'UPDATED', 'PENDING' FROM generate_series(1, ${ROWS}) i`,
    [id],
  );
  return id;
}

/** Nobody has looked at the table yet; or somebody has, when it held other plans. */
const STATISTICS: Readonly<Record<string, (database: Database) => Promise<void>>> = {
  'there were none': async () => {},
  'they are of other plans': async (database) => {
    for (let other = 0; other < 3; other += 1) await planIn(database);
    await database.query('ANALYZE operation_plan');
  },
};

const PAGES = [
  ['its hash', hashRows, 'operation_plan_operation_id_kind_key_key'],
  ['its batches', groups, 'operation_plan_operation_id_group_no_no_idx'],
] as const;

const cases = Object.entries(STATISTICS).flatMap(([statistics, make]) =>
  PAGES.map(([name, read, index]) => ({ statistics, make, name, read, index })),
);

test.each(cases)(
  'pages of a plan are read for $name by an index, never by sorting the rest for each, where $statistics',
  async ({ make, read, index }) => {
    await using created = await createTestDatabase({ migrated: true });
    const { database } = created;
    await make(database);
    const operation = await planIn(database);
    await new PostgresPlanStore(database).renewStatistics();
    const plans: string[] = [];
    const explaining: SqlExecutor = {
      query: async (text, params) => {
        const { rows } = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return database.query(text, params);
      },
      script: (text) => database.script(text),
    };
    let found = 0;
    for await (const page of read(explaining, operation)) found += page.length;
    expect(found).toBe(ROWS);
    expect(plans.at(-1)).toContain(index);
    expect(plans.at(-1)).not.toContain('Sort');
  },
);
