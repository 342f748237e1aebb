import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeId } from '../../../src/api/graphql/ids.ts';
import type { EntityChange } from '../../../src/core/entities.ts';
import { type RecordedApi, startRecordedApi } from '../../support/recorded-api.ts';
import { addOperations, addPlan, addPoints } from '../../support/records.ts';
import { addSessionHistory } from '../../support/session-history.ts';

describe.each(['pglite', 'server'] as const)('the number of SQL statements on %s', (engine) => {
  let api: RecordedApi;
  let points: string[];
  let operations: string[];
  beforeAll(async () => {
    api = await startRecordedApi({ engine });
    points = await addPoints(api.prisma, api.graph.id, 20);
    operations = await addOperations(api.prisma, api.graph.id, points, 5);
    for (const operation of operations.slice(-10)) await addPlan(api.prisma, operation, 3);
    await api.record(star(20));
    await addSessionHistory(api, points);
  });
  afterAll(async () => api[Symbol.asyncDispose]());

  const count = async (query: string, variables: Record<string, unknown>): Promise<number> => {
    await api.client.data(query, variables);
    const sent = await api.statements(async () =>
      expect((await api.client.request(query, variables)).errors).toBeUndefined(),
    );
    return sent.length;
  };
  /** Which loads meet in one batch can depend on the order in which the database answers. */
  const least = async (query: string, variables: Record<string, unknown>): Promise<number> =>
    Math.min(await count(query, variables), await count(query, variables), await count(query, variables));
  const same = async (query: string, few: Record<string, unknown>, many: Record<string, unknown>): Promise<number> => {
    const [one, all] = [await least(query, few), await least(query, many)];
    expect(all).toBe(one);
    return all;
  };

  it('does not grow with the number of points, nested as deep as one likes', async () => {
    const query = `query ($first: Int) { graph(name: "demo") { points(first: $first) { totalCount nodes { name session { name } snapshots { type }
      operations(first: 5) { totalCount nodes { id type target { seq } availableActions openConflictCount undoneBy { id } resumes { id } resumedBy { id } executedAs { id } paused undo { from { seq } }
        conflicts(first: 5) { nodes { key merged { json } version remembered liveChangedBy { seq } dependents { totalCount } } } plan(first: 5) { nodes { change { key } conflict { id } } }
        targetPoint { name graph { name earliest { seq } } operations(first: 2) { nodes { id } } } } } } } } }`;
    const total = await same(query, { first: 1 }, { first: 20 });
    expect(total).toBeLessThan(30);
  });

  it('is three for a graph, its points and their operations; the points that those restore to are known by then', async () => {
    const query = `query ($first: Int) { graph(name: "demo") { points(first: $first) { nodes { name
      operations(first: 5) { nodes { status targetPoint { name } } } } } } }`;
    expect(await same(query, { first: 1 }, { first: 20 })).toBe(3);
  });

  it('does not grow with the number of entities whose neighbours are asked for', async () => {
    const query = `query ($first: Int) { graph(name: "demo") { nodes(first: $first) { nodes { key
      relationships(first: 5, direction: OUT) { nodes { key start { key } end { key relationships(first: 1) { nodes { key } } } } } } } } }`;
    await same(query, { first: 2 }, { first: 20 });
  });

  it('grows by two for the schema, however many diffs ask for it', async () => {
    const query = (more: string) =>
      `query ($first: Int) { graph(name: "demo") { points(first: $first) { nodes { changesSince { from { seq } ${more} } } } } }`;
    const schema = 'schemaFrom { time } schemaTo { time } schemaChanges { action }';
    for (const first of [1, 20]) {
      expect((await least(query(schema), { first })) - (await least(query(''), { first }))).toBe(2);
    }
  });

  it('does not grow with the number of entities whose history is asked for', async () => {
    const history = `history(first: 3) { nodes { from { seq } to { seq } state { properties { name } } transaction { actor } } }`;
    const query = `query ($first: Int) { graph(name: "demo") { nodes(first: $first) { nodes { ${history} } } relationships(first: $first) { nodes { ${history}
      start { ${history} } end { ${history} } } } } }`;
    await same(query, { first: 2 }, { first: 20 });
  });

  it('does not grow with the number of transactions whose changes are asked for', async () => {
    const query = `query ($first: Int, $scope: ScopeInput) { graph(name: "demo") { transactions(first: $first) { nodes { seq
      changes(first: 2, scope: $scope) { nodes { key before { properties { name } } } } } } } }`;
    const last = `query ($first: Int) { graph(name: "demo") { transactions(last: $first) { nodes { changes(last: 2) { nodes { key } } } } } }`;
    for (const scope of [null, { relationshipTypes: ['KNOWS'] }, { labels: ['Busy'] }]) {
      await same(query, { first: 3, scope }, { first: 40, scope });
    }
    await same(last, { first: 2 }, { first: 20 });
  });

  it('does not grow with the number of sessions whose transactions and changes are asked for', async () => {
    const query = `query ($first: Int) { graph(name: "demo") { sessions(first: $first) { nodes { name summary { nodesUpdated } transactions(first: 2) { nodes { seq
      changes(first: 2) { nodes { key } } } } } } } }`;
    await same(query, { first: 2 }, { first: 20 });
  });

  const since = (fields: string) =>
    `query ($first: Int, $scope: ScopeInput) { graph(name: "demo") { points(first: $first) { nodes { id changesSince(scope: $scope) { ${fields} } } } } }`;
  const fields = [
    'from { seq time } to { seq } summary { nodesUpdated relationshipsUpdated }',
    'changes(first: 2) { pageInfo { hasNextPage } nodes { key before { properties { name } } } }',
    'changes(last: 2, kind: RELATIONSHIP) { nodes { key } }',
    'changes(action: UPDATED, label: "Busy", first: 2) { pageInfo { hasNextPage } nodes { key } }',
  ];
  const scopes = [null, { relationshipTypes: ['KNOWS'] }, { labels: ['Busy'] }];

  it('does not grow with the number of diffs, whatever is asked of them', async () => {
    for (const field of fields)
      for (const scope of scopes) await same(since(field), { first: 2, scope }, { first: 20, scope });
  });

  it('does not grow with the number of diffs that begin and end at transactions, at times and now', async () => {
    const query = `query ($first: Int) { graph(name: "demo") { sessions(first: $first) { nodes { diff { summary { nodesUpdated } changes(first: 2) { nodes { key } } } } } } }`;
    const [few, many] = [await least(query, { first: 6 }), await least(query, { first: 20 })];
    // The three are looked up in steps of their own, and now and then two of these meet. Fourteen diffs more would show.
    expect(Math.abs(many - few)).toBeLessThanOrEqual(2);
  });

  it('does not change what is read', async () => {
    for (const field of fields) {
      for (const scope of scopes) {
        const together = await api.client.data(since(field), { first: 20, scope });
        const alone = `query ($id: ID!, $scope: ScopeInput) { rollbackPoint(id: $id) { id changesSince(scope: $scope) { ${field} } } }`;
        const each = points.map(async (id) => {
          const read = await api.client.data(alone, { id: encodeId('RollbackPoint', id), scope });
          return read.rollbackPoint;
        });
        expect(new Set(together.graph.points.nodes)).toEqual(new Set(await Promise.all(each)));
      }
    }
    const changes = 'changes(first: 1, scope: $scope) { pageInfo { hasNextPage } nodes { key after { labels } } }';
    for (const scope of scopes) {
      const many = `query ($scope: ScopeInput) { graph(name: "demo") { transactions(last: 20) { nodes { id ${changes} } } } }`;
      const one = `query ($id: ID!, $scope: ScopeInput) { node(id: $id) { id ... on Transaction { ${changes} } } }`;
      for (const transaction of (await api.client.data(many, { scope })).graph.transactions.nodes) {
        expect((await api.client.data(one, { id: transaction.id, scope })).node).toEqual(transaction);
      }
    }
  });

  it('does not grow with the number of records that lead to the same graph', async () => {
    const query = `query ($first: Int) { graph(name: "demo") { points(first: $first) { nodes { graph { earliest { seq } capture { pending problems(first: 2) { nodes { kind } } }
      nodes(first: 2) { totalCount nodes { key } } relationships(first: 2) { nodes { key } } labels(first: 2) { nodes { name } } relationshipTypes(first: 2) { nodes { name } }
      transactions(first: 2) { nodes { seq } } changes(first: 2) { nodes { seq } } contributions(since: { seq: "0" }, first: 2) { nodes { actor } }
      neighbourhood(keys: ["n0"]) { nodes { key } } entity(key: "n1") { key } sessions(first: 2) { nodes { name } } session(name: "s1") { name }
      diff(from: { seq: "1" }) { summary { nodesUpdated } changes(first: 2) { nodes { key } } subgraph { nodes { key } } } } } } } }`;
    await same(query, { first: 1 }, { first: 20 });
  });

  it('grows with the subgraphs that are drawn and with the neighbourhoods of scopes: each is walked in a state of its own', async () => {
    const query = `query ($first: Int, $scope: ScopeInput, $drawn: Boolean!) { graph(name: "demo") { points(first: $first) { nodes {
      changesSince(scope: $scope) { summary { nodesUpdated } subgraph(limit: 20) @include(if: $drawn) { nodes { key } } } } } } }`;
    const each = async (variables: Record<string, unknown>): Promise<number> =>
      ((await least(query, { ...variables, first: 20 })) - (await least(query, { ...variables, first: 2 }))) / 18;
    expect(await each({ drawn: true })).toBeLessThanOrEqual(5);
    expect(await each({ drawn: false, scope: { neighbourhood: { keys: ['n1'], hops: 1 } } })).toBeLessThanOrEqual(8);
  });

  it('does not grow with the number of ids', async () => {
    const query = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }';
    const ids = [
      ...points.map((id) => encodeId('RollbackPoint', id)),
      ...operations.slice(0, 70).map((id) => encodeId('RollbackOperation', id)),
      ...Array.from({ length: 10 }, (_, index) => encodeId('GraphNode', `${api.graph.id}:1:n${index}`)),
    ];
    const few = [ids[0], ids[30], ids[95]];
    await same(query, { ids: few }, { ids });
  });
});

/** A node in the middle that knows all others. */
function star(count: number): EntityChange[] {
  const keys = Array.from({ length: count }, (_, index) => `n${index}`);
  return [
    ...keys.map(
      (key): EntityChange => ({
        kind: 'NODE',
        key,
        before: null,
        after: { kind: 'NODE', key, labels: [], properties: {} },
      }),
    ),
    ...keys.map((end, index): EntityChange => {
      const key = `r${index}`;
      return {
        kind: 'RELATIONSHIP',
        key,
        before: null,
        after: { kind: 'RELATIONSHIP', key, type: 'KNOWS', start: 'n0', end, properties: {} },
      };
    }),
  ].sort((a, b) => (a.kind === b.kind ? (a.key < b.key ? -1 : 1) : a.kind === 'NODE' ? -1 : 1));
}
