import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Connection } from '../../../src/adapters/neo4j/connection.ts';
import { Neo4jService } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';
import { replaceTrigger, runningTrigger, statementFor, trustingStatement } from '../../support/triggers.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
let first: Neo4jService;
let second: Neo4jService;
let connection: Connection;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j({ attach: true }, (graph) =>
    graph.write({}, (tx) => tx.run('UNWIND range(1, 20) AS n CREATE (:Item {n: n})')),
  );
  first = shared.service;
  await first.until('CONTINUOUS');
  second = await Neo4jService.open(shared.url, {}, { beside: first });
  connection = new Connection({ url: shared.url });
});
afterAll(async () => {
  await connection?.close();
  await second?.leave();
  await shared?.close();
});

async function secrets(): Promise<readonly string[]> {
  const { rows } = await first.database.database.query<{ secret: string }>('SELECT secret FROM capture_secrets');
  return rows.map(({ secret }) => secret);
}

async function expectServed(): Promise<string> {
  const [secret = '', ...more] = await secrets();
  expect(more).toEqual([]);
  expect(await runningTrigger(connection)).toBe(statementFor(hash('sha256', secret)));
  while ((await second.point('served')).__typename === 'CaptureError') await sleep(100);
  const point = await first.point('now');
  for (const [at, service] of [first, second].entries()) {
    await service.cypher('MATCH (i:Item {n: 1}) SET i.by = $at', { at }, { actor: `writer ${at}` });
    expect(await service.rollback({ to: { point: point.id } })).toMatchObject({
      status: 'COMPLETED',
      proof: { method: 'CONTINUOUS_CHECKSUM', matches: true },
    });
  }
  const [row] = await connection.read('MATCH (o:_PalinodeOutbox) RETURN count(o) AS waiting');
  expect(row?.waiting).toBe(0n);
  for (const { log } of [first, second]) expect(log).not.toContain(secret);
  return secret;
}

test('instances that start at once on a graph from before there were secrets agree on one, and what was hidden is found', async () => {
  expect(await secrets()).toHaveLength(1);
  await Promise.all([first.stop(), second.stop()]);
  await first.database.database.query('DELETE FROM capture_secrets');
  await replaceTrigger(connection, trustingStatement());
  await first.cypher('MATCH (i:Item {n: 2}) SET i.seen = true', {}, { actor: 'ada' });
  await connection.write({ metadata: { palinodeDrain: true } }, (tx) => tx.run('CREATE (:Item {n: 21})'));
  await Promise.all([first.start(), second.start()]);
  for (let shown = await first.graph(); shown.capture.error === null; shown = await first.graph()) await sleep(50);
  // What differs is recorded by the instance that records, and without Redis between them the other one cannot ask for that: so one is left.
  await second.stop();
  expect(await first.verify()).toMatchObject({ status: 'DONE', transaction: { changeCount: '1' } });
  expect((await first.graph()).capture).toMatchObject({ mode: 'CONTINUOUS', error: null });
  await second.start();
  await expectServed();
  await connection.write({ metadata: { palinodeDrain: true } }, (tx) => tx.run('CREATE (:Item {n: 22})'));
  expect(await first.verify()).toMatchObject({ status: 'DONE', matches: true });
});

test('detaching forgets the secret, and attaching again makes another one, which every instance knows', async () => {
  const [before] = await secrets();
  await first.detach();
  expect(await secrets()).toEqual([]);
  await first.attach();
  await first.until('CONTINUOUS');
  expect(await expectServed()).not.toBe(before);
});
