import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Connection } from '../../../src/adapters/neo4j/connection.ts';
import { PrismaClient } from '../../../src/generated/prisma/client.ts';
import { plain, readGraph } from '../../support/api-graph.ts';
import { archivedGraph, settledPoint, storedArchive } from '../../support/archives.ts';
import { borrowSharedNeo4j } from '../../support/neo4j.ts';
import { wipe } from '../../support/neo4j-graphs.ts';
import { Neo4jService } from '../../support/neo4j-service.ts';

jest.setTimeout(300_000);

let giveBack: () => void;
let connection: Connection;
let service: Neo4jService;
beforeAll(async () => {
  const borrowed = await borrowSharedNeo4j();
  giveBack = borrowed.giveBack;
  connection = new Connection({ url: borrowed.url });
  await wipe(connection);
  service = await Neo4jService.open(borrowed.url);
});
afterAll(async () => {
  await service?.close();
  await wipe(connection);
  await connection.close();
  giveBack();
});

test('a point of a Neo4j graph is archived from history: afterwards the graph is not needed any more', async () => {
  await service.cypher(
    `CREATE (a:Item:Old {n: 1, f: 1.0, d: date('2024-02-29'), at: datetime('2024-10-27T02:30:00+02:00[Europe/Berlin]'), list: [1.5, 2.0],
       p: point({longitude: 13.4, latitude: 52.5}), big: 9007199254740993, span: duration('P14M3DT0.5S')})-[:NEXT {since: localtime('12:00')}]->(b:Item)`,
  );
  await service.attach();
  for (let graph = await service.graph(); !['SCAN', 'CONTINUOUS'].includes(graph.capture.mode); await sleep(50)) {
    graph = await service.graph();
  }
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
