import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import neo4j, { type Driver } from 'neo4j-driver';
import { PostgresAttachmentStore } from '../../../src/adapters/postgres/attachment-store.ts';
import type { KnowledgeGraph } from '../../../src/ports/knowledge-graph.ts';
import { auditFact } from '../../../src/services/audit-facts.ts';
import { neo4jEngine, type OpenedGraphEngine } from '../../support/graph-engines.ts';
import { overriding } from '../../support/recording-world.ts';
import { CALLER } from '../../support/rollback-world.ts';
import { administer } from '../../support/triggers.ts';
import { openVerifyingWorld, type VerifyingWorld } from '../../support/verifying-world.ts';

jest.setTimeout(300_000);

let engine: OpenedGraphEngine;
let opened: VerifyingWorld;
let driver: Driver;
const attached = Promise.withResolvers<void>();
/** Happens to the graph right before it is attached by a verification, which found capture out of order. */
let before: () => Promise<unknown> = async () => {};
beforeAll(async () => {
  engine = await neo4jEngine[1]();
  driver = neo4j.driver(engine.neo4j ?? '', undefined, { useBigInt: true });
  const wrapGraph = (graph: KnowledgeGraph): KnowledgeGraph =>
    overriding(graph, {
      attach: async (found) => {
        await before();
        return graph.attach(found).finally(attached.resolve);
      },
    });
  opened = await openVerifyingWorld(engine, { neo4j: engine.neo4j, queue: 'direct', wrapGraph });
});
afterAll(async () => {
  await driver?.close();
  await opened?.close();
});

test('a graph that is detached while it is compared stays so: nothing is installed anew, and the verification has ended', async () => {
  const { world, verifications } = opened;
  await driver.executeQuery('UNWIND range(1, 5) AS n CREATE (:Item {n: n})');
  await world.moments.live(world.graphId);
  await administer(driver, 'drop');
  const attachments = new PostgresAttachmentStore(world.database);
  before = async () => {
    // As the instance that detaches it does.
    await world.recorder.stop();
    await attachments.end(world.graphId, auditFact(CALLER, 'GRAPH_DETACHED', {}, {}));
    await world.graph.detach({ removeKeys: false });
    // Whoever attaches it again and verifies it then is not given this one.
    expect(await verifications.running(world.graphId)).toBeNull();
  };
  const ended = await opened.verify();
  expect(ended).toMatchObject({ status: 'FAILED', matches: null, errorMessage: expect.stringMatching(/detached/) });
  const running = async () =>
    (await driver.executeQuery('CALL apoc.trigger.list() YIELD name RETURN name')).records.length;
  // Detaching had ended the verification, so what it installs since may be there for a while.
  await attached.promise;
  for (let looks = 0; looks < 200 && (await running()) > 0; looks += 1) await sleep(50);
  expect(await running()).toBe(0);
  const ours = `MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH '_Palinode') RETURN n`;
  expect((await driver.executeQuery(ours)).records).toEqual([]);
});
