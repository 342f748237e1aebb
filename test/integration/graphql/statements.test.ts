import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeId } from '../../../src/api/graphql/ids.ts';
import type { EntityChange } from '../../../src/core/entities.ts';
import { type RecordedApi, startRecordedApi } from '../../support/recorded-api.ts';
import { addOperations, addPlan, addPoints } from '../../support/records.ts';

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
