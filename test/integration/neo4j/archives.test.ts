import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { PrismaClient } from '../../../src/generated/prisma/client.ts';
import { plain, readGraph } from '../../support/api-graph.ts';
import { archivedGraph, settledPoint, storedArchive } from '../../support/archives.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j();
});
afterAll(() => shared?.close());

test('a point of a Neo4j graph is archived from history: afterwards the graph is not needed any more', async () => {
  const { service } = shared;
  await service.cypher(
    `CREATE (a:Item:Old {n: 1, f: 1.0, d: date('2024-02-29'), at: datetime('2024-10-27T02:30:00+02:00[Europe/Berlin]'), list: [1.5, 2.0],
       p: point({longitude: 13.4, latitude: 52.5}), big: 9007199254740993, span: duration('P14M3DT0.5S')})-[:NEXT {since: localtime('12:00')}]->(b:Item)`,
  );
  await service.attach();
  await service.until('CONTINUOUS');
  const { id } = await service.point('to keep');
  const before = await readGraph(service.client, null, 200, 'g');
  expect(before.size).toBe(3);
  await service.detach();
  await service.cypher('MATCH (n:Item) DETACH DELETE n');
  const archived = await service.mutate(
    'archiveRollbackPoint',
    'ArchiveRollbackPointInput',
    { id },
    '... on RollbackPoint { id }',
  );
  expect(archived).toMatchObject({ id });
  const settled = await settledPoint(service.client, id);
  expect(settled).toMatchObject({ status: 'STORED', problems: [] });
  const prisma = new PrismaClient({ adapter: service.database.database.prismaAdapter() });
  const stored = await storedArchive({ prisma, dataFolder: service.dataFolder }, settled.snapshots[1].id);
  await prisma.$disconnect();
  expect(plain(archivedGraph(stored))).toEqual(plain(before));
});
