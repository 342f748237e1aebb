import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import type { Answer } from '../../support/graphql-client.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

/** In pairs: the JSON of the second begins like the first, for which V8 takes it once the first was read in the same place. */
const PAIRS = [
  ['\\', '"'],
  ['\\', '\n'],
  ['x\\', 'x"'],
] as const;

describe.each(engines)('names that JSON escapes, on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  beforeAll(async () => {
    engine = await open();
    service = await startService(engine.database);
  });
  afterAll(() => endService(service, engine));

  const put = (key: string, name: string, value: string) => ({
    putNode: {
      key,
      set: [
        { name: `a of ${key.slice(5)}`, value: 1 },
        { name, value },
      ],
    },
  });

  test.each(PAIRS)('%j and %j are never taken for each other', async (first, second) => {
    const { client, made } = service;
    const [one, two] = [`1 of ${first}${second}`, `2 of ${first}${second}`];
    const write = (actor: string, ...changes: unknown[]) =>
      made('writeGraph', 'transaction { seq }', { graph: 'demo', actor, changes });
    const { transaction } = await write('start', put(one, first, 'old'), put(two, second, 'old'));
    await write('agent', put(one, first, 'wrong'), put(two, second, 'wrong'));
    await write('person', put(one, first, 'right'), put(two, second, 'right'));

    const names = async (key: string): Promise<string[]> => {
      const query = `query ($key: ID!) { graph(name: "demo") { entity(key: $key) { ... on GraphNode { properties { name } } } } }`;
      return (await client.data(query, { key })).graph.entity.properties.map(({ name }: Answer) => name);
    };
    expect(await names(one)).toContain(first);
    expect(await names(two)).toContain(second);
    expect(await names(two)).not.toContain(first);

    const { id } = await made('rollback', 'id', {
      graph: 'demo',
      undo: { by: { actor: 'agent' }, from: { seq: transaction.seq } },
      onConflict: { default: 'SKIP' },
    });
    await service.ended(id);
    const asked = `query ($id: ID!) { rollbackOperation(id: $id) { conflicts { nodes { key property liveState { properties { name } } } } } }`;
    const { rollbackOperation } = await client.data(asked, { id });
    const shown = rollbackOperation.conflicts.nodes.map(({ key, property, liveState }: Answer) => [
      key,
      property,
      liveState.properties.map(({ name }: Answer) => name),
    ]);
    expect(shown).toEqual([
      [one, first, expect.arrayContaining([first])],
      [two, second, expect.arrayContaining([second])],
    ]);
    for (const name of [first, second]) {
      const metadata = { a: 1, [name]: 'b' };
      const point = await made('createRollbackPoint', 'metadata', { graph: 'demo', name: `of ${name}`, metadata });
      expect(point).toMatchObject({ metadata });
      expect(Object.keys(point.metadata)).toContain(name);
    }
  });
});
