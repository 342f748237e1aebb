import { describe, expect, it } from '@jest/globals';
import type { ListPage } from '../../src/ports/history.ts';
import { ListReads } from '../../src/services/list-reads.ts';

/** Lists of numbers from 1 to `size`, and the statements that were made to read them. */
function readLists() {
  const made: { args: string; lists: number; limit: number }[] = [];
  const reads = new ListReads<string, { size: number }, number, number>(async (args, lists, { limit }: ListPage) => {
    made.push({ args, lists: lists.length, limit });
    if (args === 'broken') throw new Error('no such table');
    return lists.map(({ size, after = 0 }) => {
      const items = Array.from({ length: Math.min(limit, size - after) }, (_, index) => after + index + 1);
      return { items, hasMore: after + items.length < size };
    });
  });
  return { reads, made };
}

describe('reads of several lists', () => {
  it('are one statement when they are asked for at the same time, each from its own position', async () => {
    const { reads, made } = readLists();
    const pages = await Promise.all([
      reads.page('a', { size: 5 }, { limit: 2 }),
      reads.page('a', { size: 5 }, { limit: 2, after: 3 }),
      reads.page('b', { size: 1 }, { limit: 2 }),
    ]);
    expect(pages).toEqual([
      { items: [1, 2], hasMore: true },
      { items: [4, 5], hasMore: false },
      { items: [1], hasMore: false },
    ]);
    expect(made).toEqual([
      { args: 'a', lists: 2, limit: 2 },
      { args: 'b', lists: 1, limit: 2 },
    ]);
  });

  it('are not joined once they have begun', async () => {
    const { reads, made } = readLists();
    await reads.page('a', { size: 1 }, { limit: 2 });
    await reads.page('a', { size: 1 }, { limit: 2 });
    expect(made).toHaveLength(2);
  });

  it('ask one statement for a bounded number of rows, with whole pages', async () => {
    const { reads, made } = readLists();
    const asked = Array.from({ length: 50 }, () => reads.page('a', { size: 1000 }, { limit: 499 }));
    for (const page of await Promise.all(asked)) expect(page.items).toHaveLength(499);
    expect(made.map(({ lists }) => lists)).toEqual([20, 20, 10]);
  });

  it('give less of each list the more there are when it is read on, and all of it in the end', async () => {
    const { reads, made } = readLists();
    const all = async (size: number): Promise<number> => {
      let read = 0;
      for (let more = true; more; ) {
        const { items, hasMore } = await reads.chunk('a', { size }, { limit: 1000, after: read });
        read += items.length;
        more = hasMore;
      }
      return read;
    };
    const sizes = Array.from({ length: 40 }, (_, index) => index * 20);
    expect(await Promise.all(sizes.map(all))).toEqual(sizes);
    expect(made[0]).toEqual({ args: 'a', lists: 40, limit: 250 });
    for (const { lists, limit } of made) expect(lists * limit).toBeLessThanOrEqual(10_000);
    expect(made.length).toBeLessThan(5);
  });

  it('fail together, and others do not', async () => {
    const { reads } = readLists();
    const settled = await Promise.allSettled([
      reads.page('broken', { size: 1 }, { limit: 2 }),
      reads.page('broken', { size: 2 }, { limit: 2 }),
      reads.page('a', { size: 1 }, { limit: 2 }),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });
});
