import { expect, test } from '@jest/globals';
import { ahead } from '../../src/services/ahead.ts';

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
