import { expect, test } from '@jest/globals';
import { createPgliteDatabase } from '../../support/postgres.ts';
import { openStreamWorld, TRANSACTIONS } from '../../support/stream-world.ts';

test.each([
  ['WebSocket', 'ws'],
  ['SSE', 'sse'],
] as const)('a subscription over %s that ends because the service stops says where to resume', async (_, over) => {
  const database = await createPgliteDatabase({ migrated: true });
  const world = await openStreamWorld({ database, close: () => database.close() }, over);
  try {
    const reader = world.follow(TRANSACTIONS, { graph: 'demo', after: await world.head() });
    const last = await world.write();
    await reader.until(1);
    await world.service.http.close(2000);
    const extensions = (await reader.ended()).at(-1)?.errors?.[0]?.extensions;
    expect(extensions).toMatchObject({ code: 'GOING_AWAY', resumeAfter: last });
  } finally {
    await world.close();
  }
});
