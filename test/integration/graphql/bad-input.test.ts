import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { rollbacks } from '../../support/bad-input/rollbacks.ts';
import { points, sessions } from '../../support/bad-input/sessions-and-points.ts';
import { type BadInputWorld, openBadInputWorld } from '../../support/bad-input/world.ts';
import { writes } from '../../support/bad-input/writes.ts';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import { endService } from '../../support/suite-end.ts';

describe.each(engines)('bad input on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: BadInputWorld;
  beforeAll(async () => {
    engine = await open();
    world = await openBadInputWorld(engine.database);
  });
  afterAll(() => endService(world.service, engine));

  describe.each([
    ['writes', writes],
    ['sessions', sessions],
    ['points', points],
    ['rollbacks', rollbacks],
  ] as const)('%s', (__, cases) => {
    test.each(cases)('%s: %s is refused, and nothing is written', async (___, mutation, input, error) => {
      const before = await world.trace();
      expect(await world.service.refused(mutation, input(world.ids))).toMatchObject(error);
      expect(await world.trace()).toEqual(before);
    });
  });

  test('a key used again for something else is refused and names what it made first', async () => {
    const input = { graph: 'demo', name: 'keyed', idempotencyKey: 'k' };
    const { id } = await world.service.made('createRollbackPoint', 'id', input);
    const before = await world.trace();
    expect(await world.service.refused('createRollbackPoint', { ...input, name: 'other' })).toMatchObject({
      __typename: 'IdempotencyError',
      code: 'IDEMPOTENCY_MISMATCH',
      first: { id },
    });
    expect((await world.service.made('createRollbackPoint', 'id', input)).id).toBe(id);
    expect(await world.trace()).toEqual(before);
  });

  test('a scope that matches nothing is no error: there is nothing to do and nothing to see', async () => {
    const { good } = world.ids;
    const scope = { labels: ['Nowhere'] };
    const { graphs } = await world.trace();
    expect(await world.rollback('demo', { to: { point: good }, scope })).toMatchObject({
      status: 'COMPLETED',
      outcome: 'NOTHING_TO_DO',
      counts: { planned: '0', applied: '0' },
      safetyPoint: null,
    });
    const query =
      'query ($at: At!, $scope: ScopeInput) { graph(name: "demo") { diff(from: $at, scope: $scope) { changes { nodes { key } } } } }';
    const { graph } = await world.service.client.data(query, { at: { point: good }, scope });
    expect(graph.diff.changes.nodes).toEqual([]);
    expect((await world.trace()).graphs).toEqual(graphs);
  });
});
