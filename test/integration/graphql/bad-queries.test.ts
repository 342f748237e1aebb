import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BAD_NAMES, type Ids, LONE, NUL, shown } from '../../support/bad-input/cases.ts';
import { type BadInputWorld, openBadInputWorld, unknownId } from '../../support/bad-input/world.ts';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import type { Answer } from '../../support/graphql-client.ts';
import { endService } from '../../support/suite-end.ts';

describe.each(engines)('bad queries on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: BadInputWorld;
  beforeAll(async () => {
    engine = await open();
    world = await openBadInputWorld(engine.database);
  });
  afterAll(() => endService(world.service, engine));

  const names = `query ($name: String!, $key: ID!, $names: [String!]!) { graph(name: "demo") { entity(key: $key) { key } session(name: $name) { id }
      nodes(label: $name) { nodes { key } } relationships(type: $name) { nodes { key } } transactions(filter: { actor: $name }) { nodes { seq } }
      points(filter: { name: $name }) { nodes { id } } sessions(filter: { actor: $name }) { nodes { id } }
      neighbourhood(keys: [$key], types: $names) { nodes { key } } } graphNamed: graph(name: $name) { id } node(id: $key) { id }
      rollbackPoint(id: $key) { id } rollbackOperation(id: $key) { id } conflict(id: $key) { id } nodes(ids: [$key]) { id } }`;
  const audit =
    'query ($id: ID!, $name: String!) { rollbackPoint(id: $id) { audit(filter: { userId: $name, eventType: [$name] }) { nodes { id } } } }';

  test.each(BAD_NAMES.map((bad) => [shown(bad), bad]))(
    'for names like %s find nothing or say which argument is wrong',
    async (__, bad) => {
      const { data, errors } = await world.service.client.request(names, { name: bad, key: bad, names: [bad] });
      for (const { extensions } of errors ?? []) expect(extensions.code).toBe('INVALID_INPUT');
      expect(await world.service.client.data(audit, { id: world.ids.good, name: bad })).toEqual({
        rollbackPoint: { audit: { nodes: [] } },
      });
      expect(data).toMatchObject({ graphNamed: null, node: null, rollbackPoint: null, nodes: [null] });
    },
  );

  const pages: readonly (readonly [args: string, argument: string])[] = [
    ['first: 0', 'first'],
    ['first: 501', 'first'],
    ['last: 0', 'last'],
    ['last: 501', 'last'],
    ['first: 1, last: 1', 'last'],
    ['after: "x"', 'after'],
    ['before: ""', 'before'],
  ];
  test.each(pages)('a page asked for with %s is refused by name', async (args, argument) => {
    for (const field of ['points', 'operations', 'transactions', 'nodes']) {
      const { errors } = await world.service.client.request(
        `{ graph(name: "demo") { ${field}(${args}) { nodes { id } } } }`,
      );
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: [argument] }] });
    }
  });

  test('a cursor from elsewhere is refused', async () => {
    const { client } = world.service;
    const { graph } = await client.data('{ graph(name: "demo") { points(first: 1) { pageInfo { endCursor } } } }');
    const query = `query ($after: String) { graph(name: "demo") { operations(after: $after) { nodes { id } } } }`;
    const foreign = `query ($after: String) { graph(name: "other") { points(after: $after) { nodes { id } } } }`;
    for (const elsewhere of [query, foreign]) {
      const { errors } = await client.request(elsewhere, { after: graph.points.pageInfo.endCursor });
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: ['after'] }] });
    }
  });

  const moments: readonly (readonly [name: string, at: (ids: Ids) => Answer, extensions: Answer])[] = [
    ['before capture began', () => ({ time: '1999-01-01T00:00:00Z' }), { code: 'HISTORY_DROPPED' }],
    ['to come', () => ({ seq: '999' }), { code: 'INVALID_INPUT', fields: [{ path: ['from', 'seq'] }] }],
    [
      'of another graph',
      ({ foreignPoint }) => ({ point: foreignPoint }),
      { code: 'INVALID_INPUT', fields: [{ path: ['from', 'point'] }] },
    ],
    ['that has expired', ({ expired }) => ({ point: expired }), { code: 'WRONG_STATE', state: 'EXPIRED' }],
    ['that is unknown', () => ({ point: unknownId('RollbackPoint') }), { code: 'NOT_FOUND' }],
  ];
  test.each(moments)('a diff from a moment %s is refused', async (__, from, extensions) => {
    const query = 'query ($from: At!) { graph(name: "demo") { diff(from: $from) { from { seq } } } }';
    const { data, errors } = await world.service.client.request(query, { from: from(world.ids) });
    expect(data).toEqual({ graph: { diff: null } });
    expect(errors?.[0]).toMatchObject({ path: ['graph', 'diff'], extensions });
  });

  test('what GraphQL itself cannot read is refused with the place', async () => {
    const { client } = world.service;
    const rollback = 'mutation ($input: RollbackInput!) { rollback(input: $input) { __typename } }';
    const refused: readonly (readonly [Answer, RegExp])[] = [
      [{ graph: 'demo', to: { keyword: 'NEVER' } }, /input\.to\.keyword/],
      [{ graph: 'demo', to: { keyword: 'LIVE' }, strategy: 'SLOW' }, /input\.strategy/],
      [{ graph: 'demo', to: { seq: 1, keyword: 'LIVE' } }, /input\.to/],
      [{ graph: 'demo', to: { seq: '1e3' } }, /input\.to\.seq/],
      [{ graph: 'demo', to: { seq: '99999999999999999999' } }, /input\.to\.seq/],
      [{ graph: 'demo', to: { time: '2024-02-30T00:00:00Z' } }, /input\.to\.time/],
      [{ graph: 'demo', to: { time: 'yesterday' } }, /input\.to\.time/],
      [{ graph: 'demo', to: {}, colour: 'red' }, /colour|input\.to/],
      [{ to: { keyword: 'LIVE' } }, /graph/],
    ];
    for (const [input, place] of refused) {
      const { errors } = await client.request(rollback, { input });
      expect(errors?.[0]?.message).toMatch(place);
      expect(errors?.[0]?.extensions.code).toBe('INVALID_INPUT');
    }
  });

  test('queries beyond the limits are refused before they run', async () => {
    const { client } = world.service;
    const deep = `{ graph(name: "demo") ${'{ points { nodes { graph '.repeat(8)} { name } ${'} } }'.repeat(8)} }`;
    const costly =
      'query ($n: Int) { graph(name: "demo") { points(first: $n) { nodes { operations(first: $n) { nodes { plan(first: $n) { nodes { state } } } } } } } }';
    const aliases = `{ ${Array.from({ length: 31 }, (__, n) => `a${n}: graphs { name }`).join(' ')} }`;
    const long = `{ graphs { ${'name '.repeat(6000)} } }`;
    expect(await client.code(deep)).toBe('TOO_COMPLEX');
    expect(await client.code(aliases)).toBe('TOO_COMPLEX');
    expect(await client.code(costly, { n: 100 })).toBe('TOO_COMPLEX');
    expect((await client.request(costly, { n: 2 })).errors).toBeUndefined();
    expect((await client.request(long)).errors).toBeDefined();
  });

  test('a batch of more ids than allowed is refused; unknown, foreign and garbage ids are null', async () => {
    const { client } = world.service;
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
    const { good, deleted } = world.ids;
    const many = await client.request(query, { ids: Array.from({ length: 101 }, () => good) });
    expect(many.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', fields: [{ path: ['ids'] }] });
    const ids = [good, unknownId('RollbackPoint'), deleted, 'garbage', '', unknownId('Session'), NUL, LONE];
    expect((await client.data(query, { ids })).nodes).toEqual([{ id: good }, null, null, null, null, null, null, null]);
  });
});
