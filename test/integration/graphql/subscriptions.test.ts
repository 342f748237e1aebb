import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeId } from '../../../src/api/graphql/ids.ts';
import { unknownId } from '../../support/bad-input/world.ts';
import { engines } from '../../support/engines.ts';
import type { Transport } from '../../support/stream-reader.ts';
import {
  eventsIn,
  numbers,
  openStreamWorld,
  PROGRESS,
  type StreamWorld,
  TRANSACTIONS,
  transactionsIn,
} from '../../support/stream-world.ts';

const cases = engines.flatMap(([engine, open]) =>
  (['ws', 'sse'] as const).map((over) => [engine, over === 'ws' ? 'WebSocket' : 'SSE', open, over] as const),
);

describe.each(cases)('subscriptions on %s over %s', (_, __, open, over: Transport) => {
  let world: StreamWorld;
  beforeAll(async () => {
    world = await openStreamWorld(await open(), over);
  });
  afterAll(async () => {
    expect(world.service.reported).toEqual([]);
    await world.close();
  });

  describe('graphTransactions', () => {
    test('replays what came after a seq, then follows, each once and in order', async () => {
      const after = await world.head();
      const before = [await world.write(), await world.write(), await world.write()];
      const reader = world.follow(TRANSACTIONS, { graph: 'demo', after });
      await reader.until(3);
      const later = [await world.write(), await world.write()];
      await reader.until(5);
      expect(transactionsIn(reader.received)).toEqual([...before, ...later]);
      const halfway = world.follow(TRANSACTIONS, { graph: 'demo', after: before[1] });
      await halfway.until(3);
      expect(transactionsIn(halfway.received)).toEqual([before[2], ...later]);
    });

    test('without a seq begins with what is written from then on', async () => {
      await world.write();
      const reader = world.follow(TRANSACTIONS, { graph: 'demo' });
      // There is no sign of when the subscription begins, so it is written to until it has.
      const written: string[] = [];
      while (reader.received.length === 0) {
        written.push(await world.write());
        await sleep(20);
      }
      const last = await world.write();
      await reader.until(written.length - written.indexOf(transactionsIn(reader.received)[0] ?? '') + 1);
      const seen = transactionsIn(reader.received);
      expect(seen).toEqual([...written, last].slice(-seen.length));
    });

    test('of a session delivers no other writes', async () => {
      const after = await world.head();
      const { id } = await world.service.made('openSession', 'id', { graph: 'demo', name: `s-${over}`, point: false });
      const reader = world.follow(TRANSACTIONS, { graph: 'demo', after, session: id });
      const own = [];
      for (let n = 0; n < 3; n += 1) {
        await world.write();
        own.push(await world.write({ session: id }));
      }
      await reader.until(3);
      expect(transactionsIn(reader.received)).toEqual(own);
    });

    test('of what does not exist fails at once, naming it', async () => {
      expect(await world.refusal(TRANSACTIONS, { graph: 'nowhere' })).toMatchObject({ code: 'NOT_FOUND' });
      const session = unknownId('Session');
      expect(await world.refusal(TRANSACTIONS, { graph: 'demo', session })).toMatchObject({ code: 'NOT_FOUND' });
      const invalid = (path: string) => ({ code: 'INVALID_INPUT', fields: [{ path: [path] }] });
      expect(await world.refusal(TRANSACTIONS, { graph: 'demo', session: 'x' })).toMatchObject(invalid('session'));
      expect(await world.refusal(TRANSACTIONS, { graph: 'demo', after: '-1' })).toMatchObject(invalid('after'));
      expect(await world.refusal(TRANSACTIONS, { graph: 'demo', after: '999999' })).toMatchObject(invalid('after'));
    });

    test('a reader whose connection drops goes on where it stopped', async () => {
      const after = await world.head();
      const written = [await world.write(), await world.write()];
      const first = world.follow(TRANSACTIONS, { graph: 'demo', after });
      await first.until(2);
      first.cut();
      written.push(await world.write(), await world.write());
      const second = world.follow(TRANSACTIONS, { graph: 'demo', after: transactionsIn(first.received).at(-1) });
      written.push(await world.write());
      await second.until(3);
      expect([...transactionsIn(first.received), ...transactionsIn(second.received)]).toEqual(written);
    });
  });

  describe('operationProgress', () => {
    test('follows an operation from its first event to its last and completes with it', async () => {
      const id = await world.begin({ strategy: 'GRADUAL', batchSize: 1 });
      const events = eventsIn(await world.follow(PROGRESS, { id }).ended());
      expect(events.map(({ seq }) => seq)).toEqual(numbers(events.length));
      expect(events.at(-1)).toMatchObject({ type: 'COMPLETED', status: 'COMPLETED', progress: 100, operation: { id } });
      const progress = events.map((event) => event.progress);
      expect(progress).toEqual([...progress].sort((a, b) => a - b));
    });

    test('replays one that has ended, whole or after a cursor, and completes', async () => {
      const id = await world.begin();
      const events = await world.allEvents(id);
      for (const [at, { cursor }] of events.entries()) {
        const rest = eventsIn(await world.follow(PROGRESS, { id, after: cursor }).ended());
        expect(rest).toEqual(events.slice(at + 1));
      }
      const query = '($id: ID!) { rollbackOperation(id: $id) { events(first: 1) { edges { cursor } } } }';
      const { rollbackOperation } = await world.service.client.data(`query ${query}`, { id });
      const after = rollbackOperation.events.edges[0].cursor;
      expect(eventsIn(await world.follow(PROGRESS, { id, after }).ended())).toEqual(events.slice(1));
    });

    test('of what does not exist fails at once', async () => {
      expect(await world.refusal(PROGRESS, { id: unknownId('RollbackOperation') })).toMatchObject({
        code: 'NOT_FOUND',
      });
      const invalid = { code: 'INVALID_INPUT', fields: [{ path: ['id'] }] };
      expect(await world.refusal(PROGRESS, { id: 'garbage' })).toMatchObject(invalid);
      expect(await world.refusal(PROGRESS, { id: encodeId('Graph', 'demo') })).toMatchObject(invalid);
    });

    test('a cursor from elsewhere is refused', async () => {
      const [one, other] = [await world.begin(), await world.begin()];
      const [event] = await world.allEvents(one);
      const invalid = { code: 'INVALID_INPUT', fields: [{ path: ['after'] }] };
      expect(await world.refusal(PROGRESS, { id: other, after: event.cursor })).toMatchObject(invalid);
      expect(await world.refusal(PROGRESS, { id: other, after: 'garbage' })).toMatchObject(invalid);
      const { graph } = await world.service.client.data(
        '{ graph(name: "demo") { operations(first: 1) { pageInfo { endCursor } } } }',
      );
      expect(await world.refusal(PROGRESS, { id: other, after: graph.operations.pageInfo.endCursor })).toMatchObject(
        invalid,
      );
    });

    test('a reader whose connection drops in the middle goes on where it stopped', async () => {
      const id = await world.begin({ strategy: 'GRADUAL', batchSize: 1 });
      const first = world.follow(PROGRESS, { id });
      await first.until(2);
      first.cut();
      const seen = eventsIn(first.received);
      const rest = eventsIn(await world.follow(PROGRESS, { id, after: seen.at(-1)?.cursor }).ended());
      expect([...seen, ...rest].map(({ seq }) => seq)).toEqual(numbers(seen.length + rest.length));
      expect(rest.at(-1)?.status ?? seen.at(-1)?.status).toBe('COMPLETED');
    });
  });
});
