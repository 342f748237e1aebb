import type { EventBus } from '../../ports/event-bus.ts';
import { Topics } from '../memory/topics.ts';
import { connectRedis, type RedisConnection } from './connection.ts';

const PREFIX = 'palinode:';

export interface RedisEventBusOptions {
  /** `redis://...`; several, separated by commas, are the nodes of a cluster to begin with. */
  readonly url: string;
  /** Told of connection errors; the client connects again by itself. */
  readonly onError?: (error: Error) => void;
}

/**
 * Wakes listeners in every instance through Redis channels. While the connection is away, listeners in this process are still woken by
 * this process, and everybody is woken once it is back: something may have been missed.
 */
export class RedisEventBus implements EventBus {
  readonly #publisher: RedisConnection;
  readonly #subscriber: RedisConnection;
  readonly #topics = new Topics();
  readonly #report: (error: Error) => void;
  #closed = false;

  constructor(options: RedisEventBusOptions) {
    this.#report = options.onError ?? (() => {});
    // A notice that waits until the connection is back would wake for nothing: all are woken then.
    this.#publisher = connectRedis(options.url, { offlineQueue: false });
    this.#subscriber = connectRedis(options.url, { offlineQueue: true });
    for (const connection of [this.#publisher, this.#subscriber]) connection.on('error', this.#report);
    this.#subscriber.on('message', (channel: string) => this.#topics.wake(channel.slice(PREFIX.length)));
    // A cluster changes the node that it listens through without becoming ready anew.
    for (const event of ['ready', '+subscriber']) this.#subscriber.on(event, () => this.#resume());
  }

  publish(topic: string): void {
    if (this.#closed) return;
    this.#publisher.publish(PREFIX + topic, '').catch((error: Error) => {
      this.#topics.wake(topic);
      this.#fail(error);
    });
  }

  subscribe(topic: string, wake: () => void): () => void {
    const own = () => wake();
    if (this.#topics.add(topic, own)) this.#subscribeTo([topic]);
    return () => {
      if (!this.#topics.remove(topic, own) || this.#closed) return;
      this.#subscriber.unsubscribe(PREFIX + topic).catch((error: Error) => this.#fail(error));
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#topics.clear();
    this.#publisher.disconnect();
    this.#subscriber.disconnect();
  }

  /** The connection is there, perhaps again: what was published meanwhile is lost. */
  #resume(): void {
    this.#subscribeTo(this.#topics.topics());
    this.#topics.wakeAll();
  }

  #subscribeTo(topics: readonly string[]): void {
    if (topics.length === 0 || this.#closed) return;
    this.#subscriber
      .subscribe(...topics.map((topic) => PREFIX + topic))
      // A notice may have gone out between the caller's reading and now.
      .then(() => topics.forEach((topic) => void this.#topics.wake(topic)))
      .catch((error: Error) => this.#fail(error));
  }

  #fail(error: Error): void {
    if (!this.#closed) this.#report(error);
  }
}
