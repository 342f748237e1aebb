import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { leftOfOurs, untilNothingIsLeft } from '../../support/left-of-ours.ts';
import { startTestNeo4j, type TestNeo4j } from '../../support/neo4j.ts';
import { Neo4jService } from '../../support/neo4j-service.ts';

jest.setTimeout(500_000);

let neo4j: TestNeo4j;
let service: Neo4jService;

beforeAll(async () => {
  neo4j = await startTestNeo4j();
  service = await Neo4jService.open(neo4j.url);
});
afterAll(async () => {
  await service?.close();
  await neo4j?.stop();
});

async function startedAgain(options: { readonly apoc?: boolean; readonly triggers?: boolean }): Promise<void> {
  await service.stop();
  await neo4j.stop();
  await neo4j.restart(options);
  await service.start();
}

/** Captured by a trigger, with entries that nobody has recorded: the service has stopped. */
async function attachedWithEntries(): Promise<void> {
  await service.attach();
  await service.until('CONTINUOUS');
  await service.stop();
  for (let n = 0; n < 3; n += 1) await service.cypher('CREATE (:Item {n: $n})', { n });
  expect((await leftOfOurs(service.driver)).nodes).toBeGreaterThan(3n);
}

async function untilRefused(what: string): Promise<void> {
  for (let looks = 0; looks < 600; looks += 1) {
    const { error } = (await service.graph()).capture;
    if (String(error).includes(what)) return;
    await sleep(50);
  }
  throw new Error(`nothing says ${what}: ${JSON.stringify(await service.graph())}`);
}

test('a graph that is detached once APOC has gone keeps nothing of ours, and its trigger goes as soon as APOC is back', async () => {
  await attachedWithEntries();
  await startedAgain({ apoc: false });
  await untilRefused('procedures of APOC are not there');
  await service.cypher('CREATE (:_PalinodeOutbox:_PalinodeGap)');
  expect(await service.detach()).toMatchObject({ __typename: 'Graph', capture: { mode: 'OFF' } });
  expect(await leftOfOurs(service.driver)).toEqual({ nodes: 0n, triggers: 0n });

  await startedAgain({ apoc: true });
  await untilNothingIsLeft(service.driver);
  await service.cypher('CREATE (:Item {n: 9})');
  expect(await leftOfOurs(service.driver)).toEqual({ nodes: 0n, triggers: 0n });
});

test('so does the trigger of a graph that is captured by scans since', async () => {
  await attachedWithEntries();
  await startedAgain({ apoc: false });
  await untilRefused('procedures of APOC are not there');
  await service.detach();
  await service.attach();
  await service.until('SCAN');

  await startedAgain({ apoc: true });
  for (let left = 1n; left > 0n; await sleep(50)) left = (await leftOfOurs(service.driver)).triggers;
  const outbox = await service.cypher(
    'CREATE (:Item {n: 9}) WITH 1 AS one OPTIONAL MATCH (o:_PalinodeOutbox) RETURN o',
  );
  expect(outbox.map((row) => row.get('o'))).toEqual([null]);
  await untilRefused('can be captured by a trigger now');
  await service.detach();
  await untilNothingIsLeft(service.driver);
});

test('a trigger that APOC is not allowed to run is dropped when it is again', async () => {
  await attachedWithEntries();
  await startedAgain({ triggers: false });
  await untilRefused('apoc.trigger.enabled');
  await service.detach();
  expect(await leftOfOurs(service.driver)).toEqual({ nodes: 0n, triggers: 0n });
  await startedAgain({ triggers: true });
  await untilNothingIsLeft(service.driver);
});
