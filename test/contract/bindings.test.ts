import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PostgresBindings } from '../../src/adapters/postgres/bindings.ts';
import type { EntityBinding, EntityKind } from '../../src/core/entities.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';

const bound = (key: string, localId: bigint, kind: EntityKind = 'NODE'): EntityBinding => ({ kind, key, localId });

describe.each(engines)('bindings on %s', (_engine, open) => {
  let engine: OpenedEngine;
  let graphs = 0;
  const fresh = () => {
    graphs += 1;
    return new PostgresBindings(engine.database, graphs);
  };
  beforeAll(async () => {
    engine = await open();
  });
  afterAll(() => engine.close());

  test('are found by kind and key, of one graph alone', async () => {
    const [mine, other] = [fresh(), fresh()];
    await mine.put([bound('a', 1n), bound('b', 2n ** 62n), bound('a', 7n, 'RELATIONSHIP')]);
    await other.put([bound('a', 99n)]);
    expect(await mine.find('NODE', ['a', 'b', 'c'])).toEqual(
      new Map([
        ['a', 1n],
        ['b', 2n ** 62n],
      ]),
    );
    expect(await mine.find('RELATIONSHIP', ['a', 'b'])).toEqual(new Map([['a', 7n]]));
    expect(await mine.find('NODE', [])).toEqual(new Map());
  });

  test('the last one put counts', async () => {
    const bindings = fresh();
    await bindings.put([bound('a', 1n), bound('a', 2n)]);
    await bindings.put([bound('a', 3n)]);
    await bindings.put([]);
    expect(await bindings.find('NODE', ['a'])).toEqual(new Map([['a', 3n]]));
  });

  test('what is added binds no key anew, and it is told where the keys are bound', async () => {
    const bindings = fresh();
    expect(await bindings.add([bound('a', 1n), bound('b', 2n)])).toEqual(new Map());
    expect(await bindings.add([])).toEqual(new Map());
    expect(await bindings.add([bound('b', 9n), bound('c', 3n)])).toEqual(
      new Map([
        ['b', 2n],
        ['c', 3n],
      ]),
    );
    expect(await bindings.add([bound('a', 1n), bound('b', 2n)])).toEqual(await bindings.find('NODE', ['a', 'b']));
  });

  test('one that was replaced meanwhile is not forgotten', async () => {
    const bindings = fresh();
    await bindings.put([bound('a', 1n), bound('b', 2n), bound('b', 2n, 'RELATIONSHIP')]);
    await bindings.put([bound('a', 3n)]);
    await bindings.forget([bound('a', 1n), bound('b', 2n), bound('nobody', 5n)]);
    expect(await bindings.find('NODE', ['a', 'b'])).toEqual(new Map([['a', 3n]]));
    expect(await bindings.find('RELATIONSHIP', ['b'])).toEqual(new Map([['b', 2n]]));
  });

  test('clearing forgets all of one graph', async () => {
    const [mine, other] = [fresh(), fresh()];
    await mine.put([bound('a', 1n)]);
    await other.put([bound('a', 2n)]);
    await mine.clear();
    expect(await mine.find('NODE', ['a'])).toEqual(new Map());
    expect(await other.find('NODE', ['a'])).toEqual(new Map([['a', 2n]]));
  });
});
