/**
 * The same items, the next one being fetched while one is worked on. Holds one item more than its source. An error comes where it would have
 * come without.
 */
export async function* ahead<Item>(source: AsyncIterable<Item>): AsyncGenerator<Item> {
  const items = source[Symbol.asyncIterator]();
  let next = fetched(items);
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = fetched(items);
      yield value;
    }
  } finally {
    // Whoever leaves early must not leave a statement behind.
    await next.catch(() => {});
    await items.return?.();
  }
}

function fetched<Item>(items: AsyncIterator<Item>): Promise<IteratorResult<Item>> {
  const next = items.next();
  // Awaited later: until then nobody may take the error for an unhandled one.
  next.catch(() => {});
  return next;
}

/**
 * The results of work on the items, in their order, while as many as `most` are worked on at a time. Holds that many results. An error comes
 * where it would have come without.
 */
export async function* worked<Item, Result>(
  source: AsyncIterable<Item>,
  most: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const under: Promise<Result>[] = [];
  try {
    for await (const item of source) {
      const result = work(item);
      result.catch(() => {});
      under.push(result);
      if (under.length < most) continue;
      const first = under.shift();
      if (first !== undefined) yield await first;
    }
    for (let first = under.shift(); first !== undefined; first = under.shift()) yield await first;
  } finally {
    await Promise.allSettled(under);
  }
}

/** What both come to, once both have settled: when one fails the other is not left behind. */
export async function both<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

/** The items of two sources side by side, each pair fetched at once, until both have ended; null for one that has. */
export async function* together<A, B>(
  first: AsyncIterable<A>,
  second: AsyncIterable<B>,
): AsyncGenerator<readonly [A | null, B | null]> {
  const [a, b] = [first[Symbol.asyncIterator](), second[Symbol.asyncIterator]()];
  try {
    for (;;) {
      const [nextA, nextB] = await Promise.all([a.next(), b.next()]);
      if (nextA.done === true && nextB.done === true) return;
      yield [nextA.done === true ? null : nextA.value, nextB.done === true ? null : nextB.value];
    }
  } finally {
    await a.return?.();
    await b.return?.();
  }
}
