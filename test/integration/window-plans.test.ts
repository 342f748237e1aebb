import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { windowVersions } from '../../src/adapters/postgres/history/planning.ts';
import type { SqlExecutor } from '../../src/ports/database.ts';
import { nodeRef } from '../support/captured.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const ENTITIES = 5000;
const BY_SEQ = 'entity_versions_graph_id_valid_from_seq_kind_key_idx';

/** What PostgreSQL knows of a table is as old as its last look: the window is of what was written since. */
describe('versions of chosen entities in a window that statistics know nothing of', () => {
  let created: TestDatabase;
  const plans: string[] = [];
  beforeAll(async () => {
    created = await createTestDatabase({ migrated: true });
    const { database } = created;
    const versions = (seq: number): string =>
      `INSERT INTO entity_versions (graph_id, kind, key, valid_from_seq, present, labels, properties)
       SELECT 1, 0, 'n' || i, ${seq}, true, '{}', '{}' FROM generate_series(1, ${ENTITIES}) i`;
    for (const seq of [1, 2, 3, 4]) await database.query(versions(seq));
    await database.query('ANALYZE entity_versions');
    await database.query(versions(5));
  });
  afterAll(() => created[Symbol.asyncDispose]());

  const explaining = (): SqlExecutor => ({
    query: async (text, params) => {
      const { rows } = await created.database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, params);
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      return created.database.query(text, params);
    },
    script: (text) => created.database.script(text),
  });

  test('are sought by entity, never by reading the window for each', async () => {
    const refs = Array.from({ length: 500 }, (_, at) => nodeRef(`n${at + 1}`));
    const found = await windowVersions(explaining(), 1, refs, 4n, 5n);
    expect(found.size).toBe(500);
    expect(plans.at(-1)).toContain('entity_versions_pkey');
    expect(plans.at(-1)).not.toContain(BY_SEQ);
  });
});
