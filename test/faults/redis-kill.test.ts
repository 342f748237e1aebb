import { describe, expect, test } from '@jest/globals';
import type { Answer } from '../support/graphql-client.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { startService } from '../support/service.ts';
import { openStream } from '../support/stream-reader.ts';

describe('two instances whose Redis dies while somebody is subscribed', () => {
  test('what happens in one is still delivered by the other, all of it and in order: feeds need no notices', async () => {
    await using created = await createTestDatabase({ migrated: true, poolSize: 10 });
    const redis = await startRedis();
    const options = { redisUrls: [redis.url] };
    const here = await startService(created.database, options);
    const there = await startService(created.database, options);
    try {
      const write = async (n: number): Promise<string> => {
        const changes = [{ putNode: { key: 'n', set: [{ name: 'p', value: n }] } }];
        return (await there.made('writeGraph', 'transaction { seq }', { graph: 'demo', actor: 'ada', changes }))
          .transaction.seq;
      };
      const query = 'subscription { graphTransactions(graph: "demo", after: 0) { seq } }';
      const reader = openStream('ws', here.http.url, query);
      const written = [await write(1), await write(2)];
      await reader.until(2);
      await redis.kill();
      for (let n = 3; n <= 6; n += 1) {
        written.push(await write(n));
        await reader.until(n);
      }
      expect(reader.received.map(({ data }) => data.graphTransactions.seq)).toEqual(written);
      reader.cut();

      const to = { seq: written[0] };
      const { id } = await there.made('rollback', 'id', { graph: 'demo', to });
      const progress = openStream(
        'sse',
        here.http.url,
        'subscription ($id: ID!) { operationProgress(id: $id) { seq status } }',
        { id },
      );
      const events = (await progress.ended()).map(({ data }): Answer => data.operationProgress);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => `${at + 1}`));
      expect(events.at(-1)?.status).toBe('COMPLETED');
      expect([...here.reported, ...there.reported]).toEqual([]);
    } finally {
      await here.stop();
      await there.stop();
      await redis.kill();
    }
  }, 60_000);
});
