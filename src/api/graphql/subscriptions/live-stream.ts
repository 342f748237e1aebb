import { type ApiContext, renewLoaders } from '../context.ts';
import { codedError } from '../errors.ts';

/** An item of a feed, or the one error that ends the stream. A thrown error would end the connection instead of the subscription. */
export type Delivery<Item> = { readonly item: Item } | { readonly error: Error };

export interface LiveStreamOptions<Item> {
  /** Opens the feed; it ends when the signal is aborted. */
  readonly open: (signal: AbortSignal) => AsyncIterable<Item>;
  /** Where a new subscription goes on after the item, as its `after` argument takes it. */
  readonly resumeAfter: (last: Item) => string;
  /** Where this subscription began, for a reader that has received nothing. */
  readonly startedAfter: string | null;
}

/**
 * A feed as a subscription. The next item is read only when the transport has passed the last one on, so a slow reader costs one item of
 * memory. A reader that takes nothing for `stallMs` is cut off from the feed and told where to resume as soon as it reads again.
 */
export class LiveStream<Item> implements AsyncIterableIterator<Delivery<Item>> {
  readonly #context: ApiContext;
  readonly #options: LiveStreamOptions<Item>;
  readonly #abort = new AbortController();
  readonly #source: AsyncIterator<Item>;
  readonly #draining: AbortSignal;
  readonly #onDrain = (): void => this.#abort.abort();
  #resumeAfter: string | null;
  #stall: NodeJS.Timeout | undefined;
  #stalled = false;
  #done = false;

  constructor(context: ApiContext, options: LiveStreamOptions<Item>) {
    this.#context = context;
    this.#options = options;
    this.#resumeAfter = options.startedAfter;
    this.#draining = context.limits.draining;
    this.#source = options.open(this.#abort.signal)[Symbol.asyncIterator]();
    this.#draining.addEventListener('abort', this.#onDrain, { once: true });
  }

  async next(): Promise<IteratorResult<Delivery<Item>>> {
    clearTimeout(this.#stall);
    if (this.#done) return { done: true, value: undefined };
    if (this.#stalled) return this.#fail('SLOW_READER', 'the reader took nothing for too long; subscribe again');
    try {
      const step = this.#draining.aborted ? null : await this.#source.next();
      if (this.#done) return { done: true, value: undefined };
      if (this.#draining.aborted) return this.#fail('GOING_AWAY', 'the service is stopping; subscribe again');
      if (step === null || step.done === true) return this.#finish();
      return this.#deliver(step.value);
    } catch (error) {
      if (this.#done) return { done: true, value: undefined };
      if (this.#draining.aborted) return this.#fail('GOING_AWAY', 'the service is stopping; subscribe again');
      return this.#last({ error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  /** Called when the client unsubscribes or is gone, also while `next` waits. */
  async return(): Promise<IteratorResult<Delivery<Item>>> {
    return this.#finish();
  }

  async throw(): Promise<IteratorResult<Delivery<Item>>> {
    return this.#finish();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #deliver(item: Item): IteratorResult<Delivery<Item>> {
    this.#resumeAfter = this.#options.resumeAfter(item);
    renewLoaders(this.#context);
    this.#stall = setTimeout(() => {
      this.#stalled = true;
      this.#abort.abort();
    }, this.#context.limits.stallMs);
    this.#stall.unref();
    return { done: false, value: { item } };
  }

  #fail(code: string, message: string): IteratorResult<Delivery<Item>> {
    return this.#last({ error: codedError(code, message, { resumeAfter: this.#resumeAfter }) });
  }

  #last(value: Delivery<Item>): IteratorResult<Delivery<Item>> {
    this.#finish();
    return { done: false, value };
  }

  #finish(): IteratorReturnResult<undefined> {
    this.#done = true;
    clearTimeout(this.#stall);
    this.#abort.abort();
    this.#draining.removeEventListener('abort', this.#onDrain);
    // Ends the feed's own clean-up; its outcome concerns nobody any more.
    Promise.resolve(this.#source.return?.()).catch(() => undefined);
    return { done: true, value: undefined };
  }
}

/** What a subscription's resolver answers for a delivery. */
export function received<Item>(delivery: Delivery<Item>): Item {
  if ('error' in delivery) throw delivery.error;
  return delivery.item;
}
