import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import { RecordingWorld } from '../../support/recording-world.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

describe.each(engines)('a gap in capture on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  beforeAll(async () => {
    engine = await open();
    service = await startService(engine.database);
  });
  afterAll(() => endService(service, engine));

  const capture = async () => {
    const { graph } = await service.client.data('{ graph(name: "demo") { capture { mode error epoch } } }');
    return graph.capture;
  };

  async function verified(): Promise<void> {
    const { id } = await service.made('verifyGraph', 'id', { graph: 'demo' });
    for (let status = 'RUNNING'; status === 'RUNNING'; await sleep(20)) {
      const { node } = await service.client.data(
        'query ($id: ID!) { node(id: $id) { ... on Verification { status } } }',
        { id },
      );
      status = node.status;
    }
  }

  test('is no ground for a point or a rollback until the graph has been compared; writers are not held up', async () => {
    const { made, refused, ended } = service;
    const write = (p: number) =>
      made('writeGraph', 'transaction { seq }', {
        graph: 'demo',
        actor: 'ada',
        changes: [{ putNode: { key: 'a', set: [{ name: 'p', value: p }] } }],
      });
    await write(0);
    const point = await made('createRollbackPoint', 'id', { graph: 'demo', name: 'before' });
    await write(1);
    const { id } = await made('rollback', 'id', { graph: 'demo', to: { point: point.id }, dryRun: true });
    const preview = await ended(id);
    const { epoch } = await capture();

    // Noticed at once, however short ago capture was looked at.
    const world = await RecordingWorld.open(engine.database, 'demo');
    await world.unseen(`UPDATE nodes SET properties = '{"p": 99}' WHERE key = 'a'`);
    const gap = {
      __typename: 'CaptureError',
      code: 'CAPTURE_UNAVAILABLE',
      mode: 'CONTINUOUS',
      message: expect.stringMatching(/gap.*verify/),
    };
    expect(await refused('createRollbackPoint', { graph: 'demo', name: 'in the gap' })).toMatchObject(gap);
    expect(await refused('createRollbackPoint', { graph: 'demo', name: 'in the gap', at: { seq: 1 } })).toMatchObject(
      gap,
    );
    expect(await refused('openSession', { graph: 'demo', name: 'with a point' })).toMatchObject(gap);
    expect(await refused('rollback', { graph: 'demo', to: { point: point.id } })).toMatchObject(gap);
    expect(await refused('rollback', { graph: 'demo', to: { point: point.id }, dryRun: true })).toMatchObject(gap);
    expect(await refused('executeRollback', { id, expectPlan: preview.planHash })).toMatchObject(gap);
    expect(await capture()).toMatchObject({ mode: 'CONTINUOUS', epoch: epoch + 1, error: expect.any(String) });
    const { id: session } = await made('openSession', 'id', { graph: 'demo', name: 'without', point: false });
    await made('closeSession', 'id', { id: session });
    await write(2);
    const { graph } = await service.client.data('{ graph(name: "demo") { points { nodes { name } } } }');
    expect(graph.points.nodes).toEqual([{ name: 'before' }]);

    await verified();
    expect(await capture()).toMatchObject({ error: null });
    await made('createRollbackPoint', 'id', { graph: 'demo', name: 'after' });
    const restore = await made('rollback', 'id', { graph: 'demo', to: { point: point.id } });
    expect(await ended(restore.id)).toMatchObject({ status: 'COMPLETED', proof: { matches: true } });
  });
});
