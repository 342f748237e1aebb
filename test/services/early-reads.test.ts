import { describe, expect, test } from '@jest/globals';
import { type EntityId, type EntityRef, entityId } from '../../src/core/entities.ts';
import type { CapturedTransaction } from '../../src/core/recording-types.ts';
import { EarlyReads } from '../../src/services/recorder/early-reads.ts';
import { nodeRef } from '../support/captured.ts';

const [a, b, c] = [nodeRef('a'), nodeRef('b'), nodeRef('c')];

/** What is stored, as one number per entity, and what was asked for. */
class Stored {
  readonly values = new Map<EntityId, number>();
  readonly asked: string[][] = [];
  read = async (refs: readonly EntityRef[]): Promise<ReadonlyMap<EntityId, number>> => {
    this.asked.push(refs.map(({ key }) => key));
    return new Map(
      refs.flatMap((ref) => {
        const value = this.values.get(entityId(ref));
        return value === undefined ? [] : [[entityId(ref), value] as const];
      }),
    );
  };
}

describe('what is read before its turn', () => {
  const slice: readonly CapturedTransaction[] = [];
  const world = () => {
    const stored = new Stored();
    stored.values.set(entityId(a), 1).set(entityId(b), 1);
    const reads = new EarlyReads(stored.read);
    reads.begin(slice, [a, b]);
    return { stored, reads };
  };

  test('is not read again when its turn comes', async () => {
    const { stored, reads } = world();
    expect([...(await reads.of(slice, [a, b])).values()]).toEqual([1, 1]);
    expect(stored.asked).toEqual([['a', 'b']]);
  });

  test('is read again where something was stored since', async () => {
    const { stored, reads } = world();
    stored.values.set(entityId(b), 2);
    reads.stored([b]);
    expect(await reads.of(slice, [a, b])).toEqual(
      new Map([
        [entityId(a), 1],
        [entityId(b), 2],
      ]),
    );
    expect(stored.asked).toEqual([['a', 'b'], ['b']]);
  });

  test('is gone where what was stored since took it away', async () => {
    const { stored, reads } = world();
    stored.values.delete(entityId(a));
    reads.stored([a]);
    expect(await reads.of(slice, [a, b])).toEqual(new Map([[entityId(b), 1]]));
  });

  test('is completed by what nobody asked for then', async () => {
    const { stored, reads } = world();
    stored.values.set(entityId(c), 5);
    expect((await reads.of(slice, [a, c])).get(entityId(c))).toBe(5);
    expect(stored.asked).toEqual([['a', 'b'], ['c']]);
  });

  test('is read as usual for a slice that was not prepared, or has ended', async () => {
    const { stored, reads } = world();
    const other: readonly CapturedTransaction[] = [];
    await reads.of(other, [b]);
    reads.end(slice);
    await reads.of(slice, [a]);
    expect(stored.asked).toEqual([['a', 'b'], ['b'], ['a']]);
  });

  test('fails when its turn comes, not before', async () => {
    const reads = new EarlyReads<number>(() => Promise.reject(new Error('the database went away')));
    reads.begin(slice, [a]);
    await expect(reads.of(slice, [a])).rejects.toThrow('the database went away');
    await reads.endAll();
  });

  test('is over when it is waited for', async () => {
    let over = false;
    const reads = new EarlyReads<number>(async () => {
      await new Promise(setImmediate);
      over = true;
      return new Map();
    });
    reads.begin(slice, [a]);
    await reads.endAll();
    expect(over).toBe(true);
  });
});
