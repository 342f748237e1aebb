import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MemoryEventBus } from '../../src/adapters/memory/event-bus.ts';
import { RedisEventBus } from '../../src/adapters/redis/event-bus.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { eventBusContract, Listener, quiet } from './event-bus.contract.ts';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.kill());

eventBusContract('in memory', async () => {
  const bus = new MemoryEventBus();
  return [bus, bus];
});

eventBusContract('on Redis', async () => [
  new RedisEventBus({ url: server.url }),
  new RedisEventBus({ url: server.url }),
]);

describe('event bus on Redis that goes away', () => {
  test('listeners are woken within the instance meanwhile, and all are when it is back', async () => {
    const own = await startRedis();
    const bus = new RedisEventBus({ url: own.url });
    const [one, other] = [new Listener(), new Listener()];
    const first = other.next();
    bus.subscribe('graph:1', one.wake);
    bus.subscribe('graph:2', other.wake);
    await first;
    await quiet(200);
    await own.kill();
    await quiet();
    const alone = one.next();
    bus.publish('graph:1');
    await alone;
    await quiet();
    const before = other.calls;
    const back = other.next();
    const again = await startRedis({ port: own.port });
    await back;
    expect(other.calls).toBeGreaterThan(before);
    const woken = one.next();
    await quiet(200);
    bus.publish('graph:1');
    await woken;
    await bus.close();
    await again.kill();
  });
});
