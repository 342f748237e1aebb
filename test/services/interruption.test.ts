import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PostgresAttachmentStore } from '../../src/adapters/postgres/attachment-store.ts';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import type { Database } from '../../src/ports/database.ts';
import { auditFact } from '../../src/services/audit-facts.ts';
import { noteInterruption } from '../../src/services/interruption.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { overriding } from '../support/recording-world.ts';

let database: Database;
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
});
afterAll(() => database?.close());

test('another store is taken for known only once the gap that it is has been stored', async () => {
  const history = new PostgresHistory(database);
  const attachments = new PostgresAttachmentStore(database);
  const { id } = await history.openGraph('elsewhere', 'NEO4J');
  await attachments.begin(id, { storeId: 'one', total: 0n }, auditFact(null, 'GRAPH_ATTACHED', {}));
  const hosted = { id, graph: { kind: 'NEO4J' as const } };
  const found = { mode: 'CONTINUOUS' as const, storeId: 'two', isNew: false };
  const failing = overriding(history, {
    beginGap: () => Promise.reject(new Error('PostgreSQL is away')),
  });
  await expect(noteInterruption({ history: failing, attachments }, hosted, found)).rejects.toThrow('away');
  await noteInterruption({ history, attachments }, hosted, found);
  expect((await history.graph(id))?.captureError).toContain('another store');
  expect(await attachments.get(id)).toMatchObject({ storeId: 'two' });
  // Known from now on.
  const { gaps } = (await history.graph(id)) ?? {};
  await noteInterruption({ history, attachments }, hosted, found);
  expect(await history.graph(id)).toMatchObject({ gaps });
});
