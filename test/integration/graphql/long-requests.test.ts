import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { QUERY_LIMITS } from '../../../src/api/graphql/limits/use-limits.ts';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

const WRITE = `mutation ($input: WriteGraphInput!) { writeGraph(input: $input) { __typename
  ... on GraphWriteSummary { transaction { seq } } } }`;

/** PGlite has one connection: there a lock that somebody else holds cannot be. */
const [, server] = engines;

describe('a request that takes too long', () => {
  let engine: OpenedEngine;
  let service: Service;
  beforeAll(async () => {
    if (server === undefined) throw new Error('no server');
    engine = await server[1]();
    service = await startService(engine.database, { queries: { ...QUERY_LIMITS, requestMs: 300 } });
  });
  afterAll(() => endService(service, engine));

  test('is answered with TIMEOUT, and what it began is told to whoever sends it again', async () => {
    const input = {
      graph: 'demo',
      idempotencyKey: 'once',
      changes: [{ putNode: { key: 'a', labels: ['Thing'], set: [{ name: 'p', value: 1 }] } }],
    };
    const locked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const holder = engine.database.transaction(async (tx) => {
      await tx.query('LOCK TABLE graph_demo.nodes IN EXCLUSIVE MODE');
      locked.resolve();
      await release.promise;
    });
    await locked.promise;
    const { data, errors } = await service.client.request(WRITE, { input });
    release.resolve();
    await holder;
    expect(data ?? null).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'TIMEOUT', limitMs: 300 } }]);
    let again = await service.client.request(WRITE, { input });
    while (again.errors !== undefined) {
      await sleep(50);
      again = await service.client.request(WRITE, { input });
    }
    expect(again.data.writeGraph).toMatchObject({ transaction: { seq: '1' } });
    const { graph } = await service.client.data('{ graph(name: "demo") { head { seq } } }');
    expect(graph.head.seq).toBe('1');
  });
});
