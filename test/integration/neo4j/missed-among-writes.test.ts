import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import neo4j, { type Driver } from 'neo4j-driver';
import { entityId } from '../../../src/core/entities.ts';
import type { KnowledgeGraph } from '../../../src/ports/knowledge-graph.ts';
import { neo4jEngine } from '../../support/graph-engines.ts';
import { overriding } from '../../support/recording-world.ts';
import { administer } from '../../support/triggers.ts';
import { openVerifyingWorld, type VerifyingWorld } from '../../support/verifying-world.ts';

jest.setTimeout(300_000);

let opened: VerifyingWorld;
let driver: Driver;
let key = '';
/** Happen while a verification compares: when it has come to the relationships, and whenever it has looked at the node again. */
let onRelationships: () => Promise<unknown> = async () => {};
let onRead: () => Promise<unknown> = async () => {};
const run = (text: string) => driver.executeQuery(text);

beforeAll(async () => {
  const engine = await neo4jEngine[1]();
  driver = neo4j.driver(engine.neo4j ?? '', undefined, { useBigInt: true });
  const wrapGraph = (graph: KnowledgeGraph): KnowledgeGraph =>
    overriding(graph, {
      scan(kind, pageSize) {
        return (async function* () {
          if (kind === 'RELATIONSHIP') await onRelationships();
          yield* graph.scan(kind, pageSize);
        })();
      },
      read: async (refs) => {
        const found = await graph.read(refs);
        if (found.has(entityId({ kind: 'NODE', key }))) await onRead();
        return found;
      },
    });
  opened = await openVerifyingWorld(engine, { neo4j: engine.neo4j, wrapGraph });
});
afterAll(async () => {
  await driver?.close();
  await opened?.close();
});

/** A node whose property a went from 1 to 2 while nobody captured it. */
beforeEach(async () => {
  onRelationships = onRead = async () => {};
  await run('MATCH (n) WHERE NOT any(l IN labels(n) WHERE l STARTS WITH "_Palinode") DETACH DELETE n');
  await run('CREATE (:Item {a: 1, b: 1})');
  await opened.world.moments.live(opened.world.graphId);
  key = (await run('MATCH (n:Item) RETURN n.palinodeKey AS key')).records[0]?.get('key');
  await administer(driver, 'stop');
  await run('MATCH (n:Item) SET n.a = 2');
});

async function recorded(): Promise<unknown> {
  const { world } = opened;
  await world.moments.live(world.graphId);
  const ref = { kind: 'NODE', key } as const;
  return (await world.history.current(world.graphId, [ref])).get(entityId(ref))?.state?.properties;
}

test('what was missed of an entity that is written to after it was compared is recorded beside that write', async () => {
  onRelationships = () => run('MATCH (n:Item) SET n.b = 2');
  expect(await opened.verify()).toMatchObject({ status: 'DONE', matches: false });
  expect(await recorded()).toEqual({ a: 2, b: 2 });
  expect(await opened.verify()).toMatchObject({ status: 'DONE', matches: true });
});

test('what was missed of an entity that is written to all the time is found', async () => {
  let writes = 0;
  onRead = async () => {
    writes += 1;
    await run('MATCH (n:Item) SET n.b = n.b + 1');
  };
  expect(await opened.verify()).toMatchObject({ status: 'DONE', matches: false });
  expect(await recorded()).toEqual({ a: 2, b: writes + 1 });
  // And once nothing is missing, what is written all the time is no difference.
  expect(await opened.verify()).toMatchObject({ status: 'DONE', matches: true });
});

test('what is written over since is as it was written', async () => {
  onRelationships = () => run('MATCH (n:Item) SET n.a = 3');
  await opened.verify();
  expect(await recorded()).toEqual({ a: 3, b: 1 });
});
