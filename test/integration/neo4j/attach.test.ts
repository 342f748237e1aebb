import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestNeo4j, type TestNeo4j } from '../../support/neo4j.ts';
import { Neo4jService } from '../../support/neo4j-service.ts';

describe('a graph that is captured by a trigger', () => {
  let neo4j: TestNeo4j;
  let service: Neo4jService;

  beforeAll(async () => {
    neo4j = await startTestNeo4j();
    service = await Neo4jService.open(neo4j.url);
    await service.cypher(
      `UNWIND range(1, 12000) AS i CREATE (p:Item {n: i, at: date('2024-01-01')})
       WITH collect(p) AS items UNWIND range(0, 11998) AS i
       WITH items[i] AS a, items[i + 1] AS b CREATE (a)-[:NEXT]->(b)`,
    );
  }, 300_000);
  afterAll(async () => {
    await service?.close();
    await neo4j?.stop();
  });

  test('the first recording goes on while others write, and what they do is neither lost nor doubled', async () => {
    const progress: number[] = [];
    const follow = service.client.follow('sse', 'subscription { captureProgress(graph: "g") { mode progress } }');
    const following = (async () => {
      for await (const { data } of follow) {
        progress.push(data.captureProgress.progress);
        if (data.captureProgress.mode === 'CONTINUOUS') return;
      }
    })();
    expect(await service.attach()).toMatchObject({ __typename: 'Graph' });
    let writing = true;
    const writer = async (name: string): Promise<number> => {
      let done = 0;
      for (; writing; done += 1) {
        const n = 1 + Math.floor(Math.random() * 12_000);
        const by = { actor: name };
        await service.cypher(
          'MATCH (p:Item {n: $n}) SET p.by = $name, p.count = coalesce(p.count, 0) + 1',
          { n, name },
          by,
        );
        await service.cypher('MATCH (p:Item {n: $n}) CREATE (p)-[:MADE]->(:Made {by: $name})', { n, name }, by);
        if (done % 5 === 0)
          await service.cypher('MATCH (m:Made {by: $name}) WITH m LIMIT 1 DETACH DELETE m', { name }, by);
        if (done % 7 === 0) await service.cypher('MATCH (p:Item {n: $n}) DETACH DELETE p', { n }, by);
      }
      return done;
    };
    const writers = [writer('ada'), writer('bob')];
    await service.until('CONTINUOUS', 240);
    await sleep(500);
    writing = false;
    for (const done of await Promise.all(writers)) expect(done).toBeGreaterThan(0);
    await following;
    expect(progress.every((value, at) => at === 0 || value >= (progress[at - 1] ?? 0))).toBe(true);
    expect(progress.at(-1)).toBe(100);
    expect(await service.verify()).toMatchObject({ status: 'DONE', matches: true });
    expect((await service.graph()).capture).toMatchObject({ error: null, reconciled: '0' });
  }, 300_000);

  test('nothing reaches before the end of the first recording', async () => {
    const { earliest } = await service.graph();
    const query = 'query ($seq: BigInt!) { graph(name: "g") { diff(from: {seq: $seq}) { summary { nodesCreated } } } }';
    expect(await service.client.code(query, { seq: '1' })).toBe('HISTORY_DROPPED');
    expect(BigInt(earliest.seq)).toBeGreaterThan(1n);
  });

  test('a session over Bolt is undone, and the work of others stays', async () => {
    const by = { actor: 'robot', session: 'nightly' };
    await service.cypher('MATCH (p:Item) WHERE p.n <= 100 SET p.wrong = true', {}, by);
    await service.cypher('CREATE (:Item {n: -1})', {}, by);
    await service.cypher('MATCH (p:Item {n: 5}) SET p.right = true', {}, { actor: 'ada' });
    // A session is known once a transaction of it is recorded.
    await service.point('after the session');
    const { graph } = await service.client.data('{ graph(name: "g") { session(name: "nightly") { id } } }');
    const undone = await service.rollback({ undo: { by: { session: graph.session.id } } });
    expect(undone).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
    const [row] = await service.cypher(
      'MATCH (p:Item) WHERE p.wrong OR p.n = -1 WITH count(p) AS left OPTIONAL MATCH (r:Item {right: true}) RETURN left, count(r) AS right',
    );
    expect(row?.toObject()).toMatchObject({ left: 0n });
  });

  test('a trigger that somebody drops is noticed; verification brings history in line, and no proof claims certainty', async () => {
    const { capture } = await service.graph();
    const point = await service.point('before the gap');
    const session = service.driver.session({ database: 'system' });
    await session.run(`CALL apoc.trigger.drop('neo4j', '_palinode')`);
    await session.close();
    await sleep(1000);
    await service.cypher('MATCH (p:Item {n: 7}) SET p.unseen = true');
    let shown = await service.graph();
    for (let tries = 0; shown.capture.error === null && tries < 100; tries += 1) {
      await sleep(100);
      shown = await service.graph();
    }
    expect(shown.capture).toMatchObject({ error: expect.stringContaining('trigger'), epoch: capture.epoch + 1 });
    const found = await service.verify();
    expect(found).toMatchObject({ status: 'DONE', matches: false, transaction: { source: 'RECONCILE' } });
    expect((await service.graph()).capture).toMatchObject({ mode: 'CONTINUOUS', error: null });
    const restored = await service.rollback({ to: { point: point.id } });
    expect(restored).toMatchObject({ status: 'COMPLETED', proof: { method: 'TOUCHED_ENTITIES', matches: true } });
    const [row] = await service.cypher('MATCH (p:Item {unseen: true}) RETURN count(p) AS left');
    expect(row?.get('left')).toBe(0n);
  }, 300_000);

  test('detaching removes trigger, outbox and markers; a later attach starts an epoch', async () => {
    const before = await service.graph();
    const point = await service.point('before detaching');
    expect(await service.detach()).toMatchObject({ __typename: 'Graph', capture: { mode: 'OFF' } });
    await service.cypher('MATCH (p:Item {n: 8}) SET p.unseen = true');
    const [left] = await service.cypher(
      `OPTIONAL MATCH (o:_PalinodeOutbox|_PalinodeMarker) WITH count(o) AS ours
       OPTIONAL MATCH (n) WHERE n.palinodeKey IS NULL RETURN ours, count(n) AS bare`,
    );
    expect(left?.toObject()).toEqual({ ours: 0n, bare: 0n });
    expect((await service.cypher('CALL apoc.trigger.list() YIELD name RETURN name')).length).toBe(0);
    await service.attach();
    const again = await service.until('CONTINUOUS', 60);
    expect(again.capture.epoch).toBe(before.capture.epoch + 1);
    expect(again.earliest).toEqual(before.earliest);
    expect(await service.rollback({ to: { point: point.id } })).toMatchObject({ status: 'COMPLETED' });
    expect(await service.verify()).toMatchObject({ matches: true });
  }, 300_000);
});
