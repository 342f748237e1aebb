import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MemoryEventBus } from '../../src/adapters/memory/event-bus.ts';
import { RedisEventBus } from '../../src/adapters/redis/event-bus.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { type RedisCluster, startRedisCluster } from '../support/redis-cluster.ts';
import { eventBusContract, Listener, quiet } from './event-bus.contract.ts';

let server: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  server = await startRedis();
  cluster = await startRedisCluster();
});
afterAll(async () => {
  await server.kill();
  await cluster.kill();
});

eventBusContract('in memory', async () => {
  const bus = new MemoryEventBus();
  return [bus, bus];
});

eventBusContract('on Redis', async () => [
  new RedisEventBus({ url: server.url }),
  new RedisEventBus({ url: server.url }),
]);

eventBusContract('on a Redis Cluster', async () => [
  new RedisEventBus({ url: cluster.urls }),
  new RedisEventBus({ url: cluster.urls }),
]);

describe('event bus on a Redis Cluster that loses a node', () => {
  test('listeners of every topic are woken through the nodes that are left', async () => {
    const own = await startRedisCluster();
    const [here, there] = [new RedisEventBus({ url: own.urls }), new RedisEventBus({ url: own.urls })];
    await own.nodes[0]?.kill();
    for (const topic of ['graph:1', 'graph:2', 'graph:3', 'operation:1']) {
      const listener = new Listener();
      here.subscribe(topic, listener.wake);
      const before = listener.calls;
      for (const deadline = Date.now() + 15_000; listener.calls === before && Date.now() < deadline; await quiet(50))
        there.publish(topic);
      expect(listener.calls).toBeGreaterThan(before);
    }
    await here.close();
    await there.close();
    await own.kill();
  }, 60_000);
});

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
