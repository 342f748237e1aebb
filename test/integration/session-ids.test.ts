import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { PostgresSessionStore } from '../../src/adapters/postgres/session-store.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { randomKeys } from '../../src/adapters/system/keys.ts';
import { encodeId } from '../../src/api/graphql/ids.ts';
import { SessionResolver } from '../../src/services/session-resolver.ts';
import { createPgliteDatabase } from '../support/postgres.ts';

let database: Awaited<ReturnType<typeof createPgliteDatabase>>;
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
});
afterAll(() => database.close());

test('a writer that names its session by the id that the API gave it writes in that session', async () => {
  const { id: graphId } = await new PostgresHistory(database).openGraph('g', 'NEO4J');
  const sessions = new PostgresSessionStore(database);
  const resolver = new SessionResolver({ sessions, keys: randomKeys, clock: systemClock });
  const id = randomUUID();
  const openedAt = new Date();
  await sessions.open({ id, graphId, name: 'crawl', actor: 'ada', label: null, openedAt }, null);
  const resolve = (text: string) => resolver.resolve(graphId, text, 'somebody', new Date());
  expect(await resolve(encodeId('Session', id))).toBe(id);
  expect(await resolve(id)).toBe(id);
  // What only looks like an id is a name.
  for (const text of [encodeId('Graph', id), encodeId('Session', 'crawl'), encodeId('Session', randomUUID())]) {
    expect(await resolve(text)).not.toBe(id);
  }
  await resolver.flush();
});
