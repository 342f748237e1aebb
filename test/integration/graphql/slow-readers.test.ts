import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engines } from '../../support/engines.ts';
import {
  BIG,
  BIG_PROGRESS,
  BIG_TRANSACTIONS,
  eventsIn,
  numbers,
  openStreamWorld,
  PROGRESS,
  STALL_MS,
  type StreamWorld,
  seqsIn,
  TRANSACTIONS,
  transactionsIn,
} from '../../support/stream-world.ts';

/** Backpressure is the transport's, whatever the database: the faster one is enough. */
const [, server] = engines;

describe.each(['ws', 'sse'] as const)(
  'a reader over %s who takes nothing is cut off and told where to go on, others get everything',
  (over) => {
    let world: StreamWorld;
    beforeAll(async () => {
      if (server === undefined) throw new Error('no server');
      world = await openStreamWorld(await server[1](), over);
    });
    afterAll(async () => {
      expect(world.service.reported).toEqual([]);
      await world.close();
    });

    test('graphTransactions', async () => {
      const written = [await world.writeBig()];
      const after = `${BigInt(written[0] ?? 0) - 1n}`;
      const slow = world.follow(BIG_TRANSACTIONS, { graph: 'demo', after });
      const fast = world.follow(TRANSACTIONS, { graph: 'demo', after });
      await Promise.all([slow.until(1), fast.until(1)]);
      slow.pause();
      for (let n = 1; n < BIG.events; n += 1) written.push(await world.writeBig());
      await fast.until(BIG.events);
      expect(transactionsIn(fast.received)).toEqual(written);
      await sleep(STALL_MS * 2);
      slow.resume();
      const messages = await slow.ended();
      const { code, resumeAfter } = messages.at(-1)?.errors?.[0]?.extensions ?? {};
      expect(code).toBe('SLOW_READER');
      const seen = transactionsIn(messages.slice(0, -1));
      expect(seen.at(-1)).toBe(resumeAfter);
      expect(seen.length).toBeLessThan(written.length);
      const again = world.follow(TRANSACTIONS, { graph: 'demo', after: resumeAfter });
      await again.until(written.length - seen.length);
      expect([...seen, ...transactionsIn(again.received)]).toEqual(written);
    });

    test('operationProgress', async () => {
      await world.writeBig();
      const from = { seq: await world.writeBig() };
      await world.writeBig();
      const undo = { by: { actor: 'eve' }, from };
      const { id } = await world.service.made('rollback', 'id', {
        graph: 'demo',
        undo,
        strategy: 'GRADUAL',
        batchSize: 5,
        onConflict: { default: 'OVERWRITE' },
      });
      await world.service.ended(id);
      const slow = world.follow(BIG_PROGRESS, { id });
      await slow.until(1);
      slow.pause();
      const all = seqsIn(await world.follow(PROGRESS, { id }).ended());
      expect(all).toEqual(numbers(all.length));
      await sleep(STALL_MS * 2);
      slow.resume();
      const messages = await slow.ended();
      const { code, resumeAfter } = messages.at(-1)?.errors?.[0]?.extensions ?? {};
      expect(code).toBe('SLOW_READER');
      const seen = eventsIn(messages.slice(0, -1));
      expect(seen.at(-1)?.cursor).toBe(resumeAfter);
      const rest = eventsIn(await world.follow(PROGRESS, { id, after: resumeAfter }).ended());
      expect([...seen, ...rest].map(({ seq }) => seq)).toEqual(all);
    });
  },
);
