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

  const inGraph = [
    'entity(key: $name) { key }',
    'session(name: $name) { id }',
    'nodes(label: $name) { nodes { key } }',
    'nodes(where: { name: $name, value: 1 }) { nodes { key } }',
    'relationships(type: $name) { nodes { key } }',
    'entity(key: "a") { ... on GraphNode { relationships(type: $name) { nodes { key } } } }',
    'transactions(filter: { actor: $name }) { nodes { seq } }',
    'changes(filter: { actor: $name }) { nodes { seq } }',
    'changes(filter: { scope: { keys: [$name] } }) { nodes { seq } }',
    'contributions(since: { seq: 0 }, scope: { labels: [$name] }) { nodes { actor } }',
    'diff(from: { seq: 0 }) { changes(label: $name) { nodes { key } } }',
    'diff(from: { seq: 0 }, scope: { relationshipTypes: [$name] }) { changes { nodes { key } } }',
    'points(filter: { name: $name }) { nodes { id } }',
    'sessions(filter: { actor: $name }) { nodes { id } }',
    'neighbourhood(keys: [$name]) { nodes { key } }',
    'neighbourhood(keys: ["a"], types: [$name]) { nodes { key } }',
  ];
  /** Each alone: an error that makes an object null hides those beside it. */
  const lookUps = [...inGraph.map((field) => `query ($name: String!) { graph(name: "demo") { ${field} } }`)].map(
    (query) => (/(key|keys): \[?\$name/.test(query) ? query.replace('String!', 'ID!') : query),
  );
  const objects = `query ($name: String!, $key: ID!) { graphNamed: graph(name: $name) { id } node(id: $key) { id }
      rollbackPoint(id: $key) { id } rollbackOperation(id: $key) { id } conflict(id: $key) { id } nodes(ids: [$key]) { id } }`;
  const audit =
    'query ($id: ID!, $name: String!) { rollbackPoint(id: $id) { audit(filter: { userId: $name, eventType: [$name] }) { nodes { id } } } }';

  test.each(BAD_NAMES.map((bad) => [shown(bad), bad]))(
    'for names like %s find nothing or say which argument is wrong',
    async (__, bad) => {
      for (const query of lookUps) {
        const { data, errors = [] } = await world.service.client.request(query, { name: bad });
        for (const { extensions } of errors)
          expect({ query, ...extensions }).toMatchObject({ query, code: 'INVALID_INPUT', fields: [{}] });
        if (errors.length === 0) expect(JSON.stringify(data)).not.toMatch(/"(key|seq|id|actor)":/);
      }
      const { data } = await world.service.client.request(objects, { name: bad, key: bad });
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
      [{ graph: 'demo', to: { time: '0000-01-01T00:00:00Z' } }, /input\.to\.time/],
      [{ graph: 'demo', to: { time: '9999-12-31T23:59:59-05:00' } }, /input\.to\.time/],
      [{ graph: 'demo', to: {}, colour: 'red' }, /colour|input\.to/],
      [{ to: { keyword: 'LIVE' } }, /graph/],
    ];
    for (const [input, place] of refused) {
      const { errors } = await client.request(rollback, { input });
      expect(errors?.[0]?.message).toMatch(place);
      expect(errors?.[0]?.extensions.code).toBe('INVALID_INPUT');
    }
  });

  test('the first and the last time that there are can be asked for', async () => {
    const { client } = world.service;
    const diff = 'query ($time: DateTime!) { graph(name: "demo") { diff(from: { time: $time }) { from { seq } } } }';
    expect(await client.code(diff, { time: '0001-01-01T00:00:00Z' })).toBe('HISTORY_DROPPED');
    const points = `query ($time: DateTime!) { graph(name: "demo") { points(filter: { until: { time: $time } }) { nodes { name } } } }`;
    const { graph } = await client.data(points, { time: '9999-12-31T23:59:59Z' });
    expect(graph.points.nodes.length).toBeGreaterThan(0);
  });

  test('JSON nested without end is refused', async () => {
    const { client } = world.service;
    const nested = (depth: number): Answer => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
    const create = `mutation ($metadata: JSON) { createRollbackPoint(input: { graph: "demo", name: "deep", metadata: $metadata }) { __typename } }`;
    const nodes = `query ($value: JSON!) { graph(name: "demo") { nodes(where: { name: "p", value: $value }) { nodes { key } } } }`;
    expect(await client.code(create, { metadata: nested(4000) })).toBe('INVALID_INPUT');
    expect(await client.code(nodes, { value: nested(4000) })).toBe('INVALID_INPUT');
    expect((await client.request(create, { metadata: nested(100) })).errors).toBeUndefined();
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
