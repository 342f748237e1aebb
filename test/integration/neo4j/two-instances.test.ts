import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Neo4jService } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
let first: Neo4jService;
let second: Neo4jService;
let isDown = false;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j({}, (graph) =>
    graph.write({}, (tx) => tx.run('UNWIND range(1, 50) AS n CREATE (:Item {n: n, v: 0})')),
  );
  first = shared.service;
  second = await Neo4jService.open(shared.url, {}, { beside: first });
});
afterAll(async () => {
  if (isDown) await first.start();
  await second?.leave();
  await shared?.close();
});

test('one attaches, both serve: whichever is asked sees what was committed before', async () => {
  await first.attach();
  await first.until('CONTINUOUS');
  // Without Redis between them, the other one looks every two seconds what is attached.
  while ((await second.point('served')).__typename === 'CaptureError') await sleep(100);
  const start = await first.point('start');
  let seq = 0n;
  for (let round = 1; round <= 10; round += 1) {
    await first.cypher('MATCH (p:Item {n: $round}) SET p.v = $round', { round }, { actor: 'ada' });
    const point = await (round % 2 === 0 ? first : second).point(`round ${round}`);
    expect(point).toMatchObject({ __typename: 'RollbackPoint', nodeCount: '50' });
    expect(BigInt(point.seq)).toBeGreaterThan(seq);
    seq = BigInt(point.seq);
  }
  const undone = await second.rollback({ undo: { by: { actor: 'ada' }, from: { point: start.id } } });
  expect(undone).toMatchObject({ status: 'COMPLETED', proof: { matches: true }, counts: { applied: '10' } });
});

test('when the one that records is killed, the other one takes over, and nothing is recorded twice', async () => {
  await second.point('all that came before is recorded');
  const before = await second.graph();
  const writer = (async () => {
    let written = 0;
    for (; !isDown || written % 20 !== 0; written += 1) {
      await second.cypher('MATCH (p:Item {n: 1 + $written % 50}) SET p.v = p.v + 1', { written });
    }
    return written;
  })();
  await sleep(300);
  await first.kill();
  isDown = true;
  const written = await writer;
  expect(await second.point('after the other one has gone')).toMatchObject({ __typename: 'RollbackPoint' });
  const after = await second.graph();
  expect(BigInt(after.head.seq) - BigInt(before.head.seq)).toBe(BigInt(written));
  expect(after.capture).toMatchObject({ error: null, reconciled: '0', epoch: before.capture.epoch });
  expect(await second.verify()).toMatchObject({ status: 'DONE', matches: true });

  await first.start();
  isDown = false;
  await first.until('CONTINUOUS');
  expect(await first.point('and it is back')).toMatchObject({ __typename: 'RollbackPoint', seq: after.head.seq });
});
