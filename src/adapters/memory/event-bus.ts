import type { EventBus } from '../../ports/event-bus.ts';
import { Topics } from './topics.ts';

/** Wakes listeners in this process: enough for a single instance. */
export class MemoryEventBus implements EventBus {
  readonly #topics = new Topics();

  publish(topic: string): void {
    this.#topics.wake(topic);
  }

  subscribe(topic: string, wake: () => void): () => void {
    // A function of its own, so that subscribing one listener twice means two subscriptions.
    const own = () => wake();
    this.#topics.add(topic, own);
    return () => {
      this.#topics.remove(topic, own);
    };
  }

  async close(): Promise<void> {
    this.#topics.clear();
  }
}
