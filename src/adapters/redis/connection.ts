import { Cluster, Redis } from 'ioredis';

export type RedisConnection = Redis | Cluster;

export interface RedisConnectionOptions {
  /** Whether commands wait for a lost connection to come back, or fail at once. */
  readonly offlineQueue: boolean;
}

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;

const retryStrategy = (attempt: number): number =>
  Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt, 10), LONGEST_RETRY_MS);

/**
 * Connects to one server, or to the cluster whose first nodes a comma separated list names, and again whenever the connection is lost.
 * Listen to `error`: without a listener the client writes to the console.
 */
export function connectRedis(url: string, { offlineQueue }: RedisConnectionOptions): RedisConnection {
  const urls = url.split(',').map((part) => part.trim());
  const common = { enableOfflineQueue: offlineQueue, autoResubscribe: false } as const;
  if (urls.length > 1) {
    const redisOptions = { ...credentialsOf(urls[0] ?? ''), autoResubscribe: false };
    return new Cluster(urls, { enableOfflineQueue: offlineQueue, clusterRetryStrategy: retryStrategy, redisOptions });
  }
  return new Redis(url, { ...common, maxRetriesPerRequest: null, retryStrategy });
}

/** Nodes that a cluster names later are reached with the credentials of the first. */
function credentialsOf(url: string): { username?: string; password?: string; tls?: object } {
  const { username, password, protocol } = new URL(url);
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
}
