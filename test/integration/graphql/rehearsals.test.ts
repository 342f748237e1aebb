import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engines } from '../../support/engines.ts';
import type { Answer } from '../../support/graphql-client.ts';
import { type Service, startService } from '../../support/service.ts';

const REHEARSAL = `id status progress errorMessage requestedBy at { seq } operation { id } graph { name } counts { planned copied applied }
  proof { planHash checkedEntities matches expectedChecksum actualChecksum differences { totalCount nodes { key action before { properties { name } }
    properties { name before { text } after { text } } } } }`;

describe.each(engines)('rehearseRollback over GraphQL on %s', (_, open) => {
  let service: Service;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const engine = await open();
    service = await startService(engine.database);
    close = async () => {
      await service.stop();
      await engine.close();
    };
  });
  afterAll(() => close());

  const set = (key: string, value: number, mode = 'UPSERT') => ({
    putNode: { key, mode, labels: ['T'], set: [{ name: 'p', value }] },
  });
  const write = (actor: string, ...changes: unknown[]) =>
    service.made('writeGraph', 'transaction { seq }', { graph: 'demo', actor, changes });
  const previewOf = async (actor: string, seq: string): Promise<Answer> => {
    const undo = { by: { actor }, from: { seq } };
    const { id } = await service.made('rollback', 'id', { graph: 'demo', undo, dryRun: true });
    return service.ended(id);
  };
  const ended = async (id: string): Promise<Answer> => {
    for (const until = Date.now() + 20_000; Date.now() < until; await sleep(20)) {
      const { node } = await service.client.data(
        `query ($id: ID!) { node(id: $id) { ... on Rehearsal { ${REHEARSAL} } } }`,
        { id },
      );
      if (node.status !== 'RUNNING') return node;
    }
    throw new Error(`rehearsal ${id} does not end`);
  };

  test('answers at once with a rehearsal, which is found by its id and under the dry run', async () => {
    const { transaction } = await write('start', set('a', 0), set('b', 0));
    await write('ann', set('a', 1), set('b', 1), set('c', 1));
    const preview = await previewOf('ann', transaction.seq);
    const begun = await service.made('rehearseRollback', 'id status operation { id }', { id: preview.id });
    expect(begun).toMatchObject({ __typename: 'Rehearsal', operation: { id: preview.id } });
    const rehearsal = await ended(begun.id);
    expect(rehearsal).toMatchObject({
      status: 'DONE',
      progress: 100,
      errorMessage: null,
      graph: { name: 'demo' },
      counts: { planned: '3', copied: '3', applied: '3' },
      proof: {
        planHash: preview.planHash,
        checkedEntities: '3',
        matches: true,
        differences: { totalCount: '0', nodes: [] },
      },
    });
    expect(rehearsal.proof.actualChecksum).toBe(rehearsal.proof.expectedChecksum);
    const again = await service.made('rehearseRollback', 'id', { id: preview.id });
    const { rollbackOperation } = await service.client.data(
      `query ($id: ID!) { rollbackOperation(id: $id) { rehearsals(first: 10) { totalCount nodes { id } } } }`,
      { id: preview.id },
    );
    expect(rollbackOperation.rehearsals).toEqual({ totalCount: '2', nodes: [{ id: again.id }, { id: begun.id }] });
    const { graph } = await service.client.data(
      '{ graph(name: "demo") { entity(key: "a") { ... on GraphNode { property(name: "p") { text } } } } }',
    );
    expect(graph.entity.property.text).toBe('1');
  });

  test('lists what would not become as planned', async () => {
    const { transaction } = await write('start', set('d', 0));
    await write('bob', set('d', 1));
    const preview = await previewOf('bob', transaction.seq);
    await write('cid', set('d', 2));
    const { id } = await service.made('rehearseRollback', 'id', { id: preview.id });
    const { status, errorMessage, proof } = await ended(id);
    expect({ status, matches: proof.matches }).toEqual({ status: 'DONE', matches: false });
    expect(errorMessage).toMatch(/changed by others/);
    expect(proof.differences.nodes).toEqual([
      {
        key: 'd',
        action: 'UPDATED',
        before: { properties: [{ name: 'p' }] },
        properties: [{ name: 'p', before: { text: '0' }, after: { text: '2' } }],
      },
    ]);
  });

  test('refusals are typed and name what is wrong', async () => {
    const { id } = await service.made('rollback', 'id', {
      graph: 'demo',
      undo: { by: { actor: 'nobody' }, from: { keyword: 'EARLIEST' } },
    });
    await service.ended(id);
    expect(await service.refused('rehearseRollback', { id })).toMatchObject({
      __typename: 'StateError',
      state: 'COMPLETED',
    });
    expect(await service.refused('rehearseRollback', { id: 'nonsense' })).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path: ['id'] }],
    });
    const [first, second] = [await previewOf('ann', '0'), await previewOf('bob', '0')];
    await service.made('rehearseRollback', 'id', { id: first.id, idempotencyKey: 'k' });
    expect(await service.refused('rehearseRollback', { id: second.id, idempotencyKey: 'k' })).toMatchObject({
      __typename: 'IdempotencyError',
    });
  });
});
