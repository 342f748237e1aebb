import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Neo4jService } from '../../support/neo4j-service.ts';
import { type SharedNeo4jService, serviceOnSharedNeo4j } from '../../support/shared-neo4j-service.ts';
import { administer } from '../../support/triggers.ts';

jest.setTimeout(300_000);

let shared: SharedNeo4jService;
let service: Neo4jService;
beforeAll(async () => {
  shared = await serviceOnSharedNeo4j({ attach: true }, (graph) =>
    graph.write({}, (tx) => tx.run('UNWIND range(1, 20) AS n CREATE (:Item {n: n})')),
  );
  service = shared.service;
  await service.until('CONTINUOUS');
});
afterAll(() => shared?.close());

const refused = { __typename: 'CaptureError', code: 'CAPTURE_UNAVAILABLE', message: expect.stringContaining('verify') };

test.each(['stop', 'drop'] as const)(
  'after an admin’s apoc.trigger.%s nothing is promised until the graph was compared',
  async (procedure) => {
    const point = await service.point(`before ${procedure}`);
    const { capture } = await service.graph();
    await administer(service.driver, procedure);
    await service.cypher('MATCH (p:Item {n: 7}) SET p.unseen = $procedure', { procedure });
    await service.cypher('CREATE (:Item {n: 99})-[:UNSEEN]->(:Item {n: 100})');

    // Noticed by whoever asks for a promise first, shown from then on.
    expect(await service.point('in the gap')).toMatchObject(refused);
    const shown = await service.graph();
    expect(shown.capture).toMatchObject({ error: expect.stringContaining('trigger'), epoch: capture.epoch + 1 });
    expect(await service.begin({ to: { point: point.id } })).toMatchObject(refused);
    expect(await service.begin({ to: { point: point.id }, dryRun: true })).toMatchObject(refused);
    if (procedure === 'stop') {
      // That it runs again does not tell what was missed.
      await administer(service.driver, 'start');
      expect(await service.point('still in the gap')).toMatchObject(refused);
      await administer(service.driver, 'stop');
    }

    const found = await service.verify();
    expect(found).toMatchObject({
      status: 'DONE',
      matches: false,
      transaction: { source: 'RECONCILE', changeCount: '4' },
    });
    // Writes are captured again from the moment that the comparison began.
    await service.cypher('MATCH (p:Item {n: 8}) SET p.seen = $procedure', { procedure });
    const after = await service.point(`after ${procedure}`);
    expect(after).toMatchObject({ __typename: 'RollbackPoint' });
    expect(await service.verify()).toMatchObject({ matches: true });
    const restored = await service.graph();
    expect(restored.capture).toMatchObject({ mode: 'CONTINUOUS', error: null });
    expect(restored.capture.epoch).toBeGreaterThan(capture.epoch);

    // Across the gap nothing is proved by checksum; within the new epoch it is.
    await service.cypher('MATCH (p:Item {n: 8}) SET p.seen = null');
    expect(await service.rollback({ to: { point: after.id } })).toMatchObject({
      status: 'COMPLETED',
      proof: { method: 'CONTINUOUS_CHECKSUM', matches: true },
    });
    expect(await service.rollback({ to: { point: point.id } })).toMatchObject({
      status: 'COMPLETED',
      proof: { method: 'TOUCHED_ENTITIES', matches: true },
    });
    const [row] = await service.cypher(
      'MATCH (p:Item) RETURN count(p) AS items, count(p.unseen) AS unseen, count(p.seen) AS seen',
    );
    expect(row?.toObject()).toEqual({ items: 20n, unseen: 0n, seen: 0n });
  },
);
