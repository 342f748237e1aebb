import { describe, expect, test } from '@jest/globals';
import { ahead, both, together, worked } from '../../src/core/ahead.ts';

async function* source(log: string[], items: number, failAt = Number.POSITIVE_INFINITY): AsyncGenerator<number> {
  try {
    for (let item = 0; item < items; item += 1) {
      log.push(`fetch ${item}`);
      if (item === failAt) throw new Error('broken');
      yield item;
    }
  } finally {
    log.push('closed');
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('the next item is being fetched while one is worked on, and no more than one', async () => {
  const log: string[] = [];
  for await (const item of ahead(source(log, 3))) log.push(`work ${item}`);
  expect(log).toEqual(['fetch 0', 'fetch 1', 'work 0', 'fetch 2', 'work 1', 'closed', 'work 2']);
});

test('an error comes after the items before it', async () => {
  const seen: number[] = [];
  const read = async (): Promise<void> => {
    for await (const item of ahead(source([], 3, 2))) {
      seen.push(item);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await expect(read()).rejects.toThrow('broken');
  expect(seen).toEqual([0, 1]);
});

test('whoever leaves early closes the source', async () => {
  const log: string[] = [];
  for await (const item of ahead(source(log, 3))) if (item === 0) break;
  expect(log.at(-1)).toBe('closed');
});

test('two sources side by side give what there is, until both have ended', async () => {
  const pairs: (readonly [number | null, number | null])[] = [];
  const log: string[] = [];
  for await (const pair of together(source(log, 1), source([], 3))) pairs.push(pair);
  expect(pairs).toEqual([
    [0, 0],
    [null, 1],
    [null, 2],
  ]);
  const logs: [string[], string[]] = [[], []];
  for await (const _ of together(source(logs[0], 3), source(logs[1], 3))) break;
  expect(logs.map((each) => each.at(-1))).toEqual(['closed', 'closed']);
});

describe('work on several items at a time', () => {
  test('gives its results in the order of the items, however long each takes, and is at no more than its bound', async () => {
    let under = 0;
    let most = 0;
    const results: number[] = [];
    const slowFirst = async (item: number): Promise<number> => {
      under += 1;
      most = Math.max(most, under);
      await turns(10 - item);
      under -= 1;
      return item * 10;
    };
    for await (const result of worked(source([], 6), 3, slowFirst)) results.push(result);
    expect(results).toEqual([0, 10, 20, 30, 40, 50]);
    expect(most).toBe(3);
  });

  test.each(['the source', 'the work'])('an error of %s comes after the results before it', async (where) => {
    const seen: number[] = [];
    const work = async (item: number): Promise<number> => {
      await turns(3);
      if (where === 'the work' && item === 2) throw new Error('broken');
      return item;
    };
    const read = async (): Promise<void> => {
      for await (const result of worked(source([], 5, where === 'the source' ? 2 : undefined), 2, work))
        seen.push(result);
    };
    await expect(read()).rejects.toThrow('broken');
    expect(seen).toEqual(where === 'the source' ? [0] : [0, 1]);
  });

  test('whoever leaves early waits for the work under way and closes the source', async () => {
    const log: string[] = [];
    let ended = 0;
    const work = async (item: number): Promise<number> => {
      await turns(5);
      ended += 1;
      return item;
    };
    for await (const result of worked(source(log, 5), 2, work)) if (result === 0) break;
    expect(ended).toBe(2);
    expect(log.at(-1)).toBe('closed');
  });
});

test('two sources are fetched at the same time, and when one fails both are closed', async () => {
  const logs: [string[], string[]] = [[], []];
  const slow = async function* (): AsyncGenerator<number> {
    await turns(3);
    expect(logs[1]).toContain('fetch 0');
    yield* source(logs[0], 2);
  };
  const read = async (): Promise<void> => {
    for await (const _ of together(slow(), source(logs[1], 2, 1)));
  };
  await expect(read()).rejects.toThrow('broken');
  expect(logs.map((log) => log.at(-1))).toEqual(['closed', 'closed']);
});

test('of two things under way neither is left behind when the other one fails', async () => {
  let isDone = false;
  const slow = turns(5).then(() => {
    isDone = true;
    return 'slow';
  });
  await expect(both(Promise.reject(new Error('broken')), slow)).rejects.toThrow('broken');
  expect(isDone).toBe(true);
  expect(await both(slow, Promise.resolve(1))).toEqual(['slow', 1]);
});
