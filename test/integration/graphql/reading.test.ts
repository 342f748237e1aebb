import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RecordedApi, startRecordedApi } from '../../support/recorded-api.ts';

let api: RecordedApi;
beforeAll(async () => {
  api = await startRecordedApi();
}, 60_000);
afterAll(async () => api[Symbol.asyncDispose]());

describe('reading the graph', () => {
  it('shows it', async () => {
    const node = (key: string, n: number) => ({
      kind: 'NODE' as const,
      key,
      before: null,
      after: { kind: 'NODE' as const, key, labels: ['A'], properties: { n } },
    });
    await api.record([node('a', 1), node('b', 2), node('c', 3)]);
    const found = await api.client.request(`{ graph(name: "demo") { id name nodeCount head { seq time } earliest { seq }
      capture { mode pending epoch problems { nodes { kind } } }
      nodes(first: 2) { totalCount nodes { id key at { seq } properties { name value { type json text } } history { nodes { from { seq } transaction { actor } } } } pageInfo { endCursor hasNextPage } }
      labels { nodes { name count } } transactions { nodes { id seq actor changes { nodes { key action } } } }
      diff(from: { keyword: EARLIEST }) { summary { nodesCreated } changes { nodes { key action } } }
      contributions(since: { keyword: EARLIEST }) { nodes { actor transactions summary { nodesCreated } } } } }`);
    console.log(JSON.stringify(found, null, 1), api.reported);
    expect(found.errors).toBeUndefined();
  });
});
