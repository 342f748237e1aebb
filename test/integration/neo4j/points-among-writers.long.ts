import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';
import { Transfers } from '../../support/transfers.ts';

let shared: SharedNeo4jService;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j();
});
afterAll(() => shared?.close());

test('for a minute, among 50 writers, every point is a state that the graph had', async () => {
  const { service } = shared;
  const transfers = await Transfers.open(service, 50);
  await service.attach();
  await service.until('CONTINUOUS');
  const { transactions, points } = await transfers.run(60_000);
  console.log(`${transactions} transactions of 50 writers, ${points} points`);
  expect(transactions).toBeGreaterThan(1000);
  expect(points).toBeGreaterThan(10);
  expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
  expect((await service.graph()).capture).toMatchObject({ error: null, reconciled: '0' });
});
