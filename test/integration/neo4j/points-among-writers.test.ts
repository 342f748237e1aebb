import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';
import { Transfers } from '../../support/transfers.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j();
});
afterAll(() => shared?.close());

test('every point that is pinned among many writers is a state that the graph had, with all that was told to be committed before', async () => {
  const { service } = shared;
  const transfers = await Transfers.open(service, 12);
  await service.attach();
  await service.until('CONTINUOUS');
  const { transactions, points } = await transfers.run(4000);
  expect(transactions).toBeGreaterThan(20);
  expect(points).toBeGreaterThan(4);
  expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
  expect((await service.graph()).capture).toMatchObject({ error: null, reconciled: '0' });
});
