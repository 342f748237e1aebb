import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from './redis.ts';

export interface RedisCluster {
  /** All nodes, as the service's setting takes them. */
  readonly urls: string;
  readonly nodes: readonly RedisServer[];
  kill(): Promise<void>;
}

const SLOTS = 16_384;
const NODES = 3;

/** Starts a throwaway Redis Cluster of three nodes without replicas. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const settings = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    '2000',
    '--cluster-require-full-coverage',
    'no',
  ];
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startRedis({ settings })));
  const clients = nodes.map(({ url }) => new Redis(url));
  const [first, ...others] = clients;
  for (const [at, client] of clients.entries()) {
    const [from, to] = [at, at + 1].map((n) => Math.floor((n * SLOTS) / NODES));
    await client.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String((to ?? SLOTS) - 1));
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(at + 1));
  }
  for (const node of nodes.slice(1)) await first?.call('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
  for (const client of [first, ...others]) if (client !== undefined) await untilWhole(client);
  for (const client of clients) client.disconnect();
  const kill = async (): Promise<void> => {
    for (const node of nodes) await node.kill();
  };
  return { urls: nodes.map(({ url }) => url).join(','), nodes, kill };
}

async function untilWhole(client: Redis): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const state = String(await client.call('CLUSTER', 'INFO'));
    if (
      state.includes('cluster_state:ok') &&
      state.includes(`cluster_known_nodes:${NODES}`) &&
      state.includes(`cluster_size:${NODES}`)
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the Redis Cluster did not form');
}
