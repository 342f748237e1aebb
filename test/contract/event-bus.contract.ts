import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { EventBus } from '../../src/ports/event-bus.ts';

/** Counts notices and waits for them. */
export class Listener {
  calls = 0;
  #waiting: (() => void)[] = [];

  readonly wake = (): void => {
    this.calls += 1;
    for (const resolve of this.#waiting.splice(0)) resolve();
  };

  /** Resolves at the next notice. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Long enough for a notice that must not come. */
export const quiet = (ms = 60) => new Promise((resolve) => setTimeout(resolve, ms));

/** What every event bus must do. `open` gives two instances that hear each other, the same one twice if there is only one. */
export function eventBusContract(name: string, open: () => Promise<readonly [here: EventBus, there: EventBus]>): void {
  describe(`event bus: ${name}`, () => {
    let here: EventBus;
    let there: EventBus;

    beforeEach(async () => {
      [here, there] = await open();
    });
    afterEach(async () => {
      await here.close();
      await there.close();
    });

    /** Subscribes and waits until notices arrive. */
    async function listening(bus: EventBus, topic: string): Promise<{ listener: Listener; end: () => void }> {
      const listener = new Listener();
      const end = bus.subscribe(topic, listener.wake);
      for (const deadline = Date.now() + 5_000; listener.calls === 0 && Date.now() < deadline; ) {
        bus.publish(topic);
        await quiet(20);
      }
      // What was published until then may come late, on a busy machine.
      do {
        listener.calls = 0;
        await quiet(200);
      } while (listener.calls > 0);
      return { listener, end };
    }

    test('a notice wakes every listener of its topic, in every instance', async () => {
      const listeners = await Promise.all([
        listening(here, 'graph:1'),
        listening(here, 'graph:1'),
        listening(there, 'graph:1'),
      ]);
      const woken = Promise.all(listeners.map(({ listener }) => listener.next()));
      here.publish('graph:1');
      await woken;
      expect(listeners.every(({ listener }) => listener.calls > 0)).toBe(true);
    });

    test('a notice wakes nobody who listens to another topic', async () => {
      const [one, other] = await Promise.all([listening(here, 'graph:1'), listening(there, 'graph:11')]);
      const woken = one.listener.next();
      there.publish('graph:1');
      await woken;
      await quiet();
      expect(other.listener.calls).toBe(0);
    });

    test('after the end of a subscription its listener is not called, others still are', async () => {
      const [one, other] = await Promise.all([listening(here, 'point:1'), listening(here, 'point:1')]);
      one.end();
      one.end();
      const woken = other.listener.next();
      here.publish('point:1');
      await woken;
      await quiet();
      expect(one.listener.calls).toBe(0);
    });

    test('publishing calls nobody before it returns', async () => {
      const { listener } = await listening(here, 'capture:1');
      const before = listener.calls;
      const woken = listener.next();
      here.publish('capture:1');
      expect(listener.calls).toBe(before);
      await woken;
    });

    test('one function subscribed twice is called until both subscriptions ended', async () => {
      const { listener, end } = await listening(here, 'operation:1');
      const endSecond = here.subscribe('operation:1', listener.wake);
      end();
      const woken = listener.next();
      here.publish('operation:1');
      await woken;
      endSecond();
    });

    test('a closed bus is silent', async () => {
      const { listener } = await listening(here, 'graph:1');
      await here.close();
      here.publish('graph:1');
      there.publish('graph:1');
      await quiet();
      expect(listener.calls).toBe(0);
      await here.close();
    });
  });
}
