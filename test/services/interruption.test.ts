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
  const found = { mode: 'CONTINUOUS' as const, storeId: 'two', isNew: false };
  const failing = overriding(history, {
    beginGap: () => Promise.reject(new Error('PostgreSQL is away')),
  });
  await expect(noteInterruption({ history: failing, attachments }, id, found)).rejects.toThrow('away');
  await noteInterruption({ history, attachments }, id, found);
  expect((await history.graph(id))?.captureError).toContain('another store');
  expect(await attachments.get(id)).toMatchObject({ storeId: 'two' });
  // Known from now on.
  const { gaps } = (await history.graph(id)) ?? {};
  await noteInterruption({ history, attachments }, id, found);
  expect(await history.graph(id)).toMatchObject({ gaps });
});

test('a graph that was captured by a trigger is not captured by scans without a word, nor the other way round', async () => {
  const history = new PostgresHistory(database);
  const attachments = new PostgresAttachmentStore(database);
  const { id } = await history.openGraph('without_apoc', 'NEO4J');
  await attachments.begin(id, { storeId: 'one', total: 0n }, auditFact(null, 'GRAPH_ATTACHED', {}));
  const setMode = (mode: string) => database.query('UPDATE graphs SET capture_mode = $2 WHERE id = $1', [id, mode]);
  const noted = (mode: 'CONTINUOUS' | 'SCAN', isNew = false) =>
    noteInterruption({ history, attachments }, id, { mode, storeId: 'one', isNew });
  await setMode('CONTINUOUS');
  for (const _ of [1, 2]) await expect(noted('SCAN')).rejects.toThrow(/put APOC back, or detach/);
  expect(await history.graph(id)).toMatchObject({ captureError: expect.stringContaining('APOC'), epoch: 2, gaps: 2n });
  const { items } = await history.captureProblems(id, { limit: 5 });
  expect(items.map(({ kind }) => kind)).toEqual(['CAPTURE_MISSING']);
  await database.query('UPDATE graphs SET capture_error = NULL WHERE id = $1', [id]);
  await setMode('SCAN');
  await noted('SCAN');
  await expect(noted('CONTINUOUS', true)).rejects.toThrow(/detach it and attach it again/);
  expect(await history.graph(id)).toMatchObject({ captureError: null, gaps: 2n });
});

test('capture that is missing is listed once, and every time that it is found counts', async () => {
  const history = new PostgresHistory(database);
  const attachments = new PostgresAttachmentStore(database);
  const { id } = await history.openGraph('uninstalled', 'NEO4J');
  const found = { mode: 'CONTINUOUS' as const, storeId: 'one', isNew: true };
  const fact = auditFact(null, 'GRAPH_ATTACHED', {});
  // Nothing was to be captured yet.
  await noteInterruption({ history, attachments }, id, found);
  await attachments.begin(id, { storeId: 'one', total: 0n }, fact);
  expect(await history.graph(id)).toMatchObject({ captureError: null, gaps: 0n });
  for (const _ of [1, 2]) await noteInterruption({ history, attachments }, id, found);
  expect(await history.graph(id)).toMatchObject({ captureError: expect.stringContaining('installed again'), gaps: 2n });
  const { items } = await history.captureProblems(id, { limit: 5 });
  expect(items.map(({ kind }) => kind)).toEqual(['CAPTURE_MISSING']);
  // Detached: whoever attaches it reads all of it anyway.
  await attachments.end(id, fact);
  await noteInterruption({ history, attachments }, id, { ...found, storeId: 'two' });
  expect(await history.graph(id)).toMatchObject({ captureError: null, gaps: 2n });
});
