import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engines } from '../../support/engines.ts';
import type { Answer } from '../../support/graphql-client.ts';
import { type Service, startService } from '../../support/service.ts';

const OPERATION = `query ($id: ID!) { rollbackOperation(id: $id) { status outcome availableActions openConflictCount planHash paused
  counts { planned conflicted } resumedBy { id } resumes { id }
  cascade(first: 5) { nodes { key action } }
  plan(state: [CONFLICTED], first: 10) { nodes { state change { key action } conflict { id } } }
  conflicts(first: 10) { totalCount nodes { id key kind type aspect property version status remembered resolution resolvedBy liveHash explanation
    base { json } target { json } live { json } merged { json } resolvedValue { json }
    baseState { properties { name } } targetState { properties { name } } liveState { properties { name } }
    liveChangedBy { actor } dependents(first: 5) { nodes { key action } } operation { id } } } } }`;

describe.each(engines)('conflicts and operations over GraphQL, on %s', (_, open) => {
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
  afterAll(async () => {
    expect(service.reported).toEqual([]);
    await close();
  });

  let made = 0;
  const write = (actor: string, changes: unknown[]) =>
    service.made('writeGraph', 'transaction { seq }', { graph: 'demo', actor, changes });
  const put = (key: string, value: unknown) => ({
    putNode: { key, labels: ['Doc'], set: [{ name: 'title', value }] },
  });
  const operationOf = async (id: string): Promise<Answer> =>
    (await service.client.data(OPERATION, { id })).rollbackOperation;
  const until = async (id: string, holds: (operation: Answer) => boolean): Promise<Answer> => {
    for (;;) {
      const operation = await operationOf(id);
      if (holds(operation)) return operation;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  /** A text that an agent and then a person changed, and a node of the agent's that a person connected. */
  async function waiting(more: Record<string, unknown> = {}) {
    made += 1;
    const [text, hub, other, agent] = [`text${made}`, `hub${made}`, `other${made}`, `agent${made}`];
    const { transaction } = await write('start', [put(text, 'one two three four'), put(other, 'x')]);
    await write(agent, [put(text, 'one 2 three four'), put(hub, 'mine')]);
    await write('person', [
      put(text, 'one 2 three 4'),
      { putRelationship: { key: `r${made}`, type: 'KNOWS', start: hub, end: other } },
    ]);
    const undo = { by: { actor: agent }, from: { seq: transaction.seq } };
    const { id } = await service.made('rollback', 'id', { graph: 'demo', undo, ...more });
    const operation = await until(id, ({ status }) => status === (more.dryRun ? 'COMPLETED' : 'CONFLICT_RESOLUTION'));
    return { id, text, hub, other, operation };
  }

  test('a conflict says everything that a person needs to decide it', async () => {
    const { id, text, hub, operation } = await waiting();
    expect(operation).toMatchObject({
      openConflictCount: '2',
      counts: { planned: '0', conflicted: '2' },
      availableActions: expect.arrayContaining(['RESOLVE', 'ABORT']),
    });
    const [value, dependency] = operation.conflicts.nodes;
    expect(value).toMatchObject({
      key: text,
      kind: 'NODE',
      type: 'VALUE',
      aspect: 'PROPERTY',
      property: 'title',
      version: 1,
      status: 'OPEN',
      remembered: false,
      resolution: null,
      base: { json: 'one 2 three four' },
      target: { json: 'one two three four' },
      live: { json: 'one 2 three 4' },
      merged: { json: 'one two three 4' },
      liveState: { properties: [{ name: 'title' }] },
      liveChangedBy: { actor: 'person' },
      operation: { id },
    });
    expect(dependency).toMatchObject({ key: hub, type: 'DEPENDENCY', aspect: 'EXISTENCE', base: null, merged: null });
    expect(dependency.dependents.nodes).toEqual([{ key: `r${made}`, action: 'DELETED' }]);
    expect(operation.plan.nodes.map(({ change, conflict }: Answer) => [change.key, conflict.id]).sort()).toEqual(
      [
        [text, value.id],
        [hub, dependency.id],
        [`r${made}`, dependency.id],
      ].sort(),
    );
    await service.made('abortRollback', 'id', { id });
    expect((await service.ended(id)).status).toBe('ABORTED');
  });

  test('each is decided as it is chosen, and the operation goes on by itself', async () => {
    const { id, text, hub, operation } = await waiting();
    const [value, dependency] = operation.conflicts.nodes;
    const choose = (conflict: Answer, choice: unknown) => ({ conflict: conflict.id, choose: choice, expectVersion: 1 });
    const resolved = await service.made('resolveConflicts', 'id openConflictCount', {
      operation: id,
      resolutions: [{ ...choose(value, { side: 'MERGED' }), expectLive: value.liveHash }],
    });
    expect(resolved).toMatchObject({ id, openConflictCount: '1' });
    await service.made('resolveConflicts', 'id', {
      operation: id,
      resolutions: [choose(dependency, { side: 'TARGET' })],
    });
    expect(await service.ended(id)).toMatchObject({
      status: 'COMPLETED',
      outcome: 'APPLIED',
      proof: { matches: true },
    });
    const ended = await operationOf(id);
    expect(ended.cascade.nodes).toEqual([{ key: `r${made}`, action: 'DELETED' }]);
    expect(ended.availableActions).toEqual(['UNDO']);
    expect(ended.conflicts.nodes.map(({ resolution, resolvedBy }: Answer) => [resolution, resolvedBy])).toEqual([
      ['MERGE', expect.any(String)],
      ['OVERWRITE', expect.any(String)],
    ]);
    const state = `{ graph(name: "demo") { text: entity(key: "${text}") { ... on GraphNode { property(name: "title") { json } } }
      hub: entity(key: "${hub}") { key } } }`;
    expect((await service.client.data(state)).graph).toEqual({
      text: { property: { json: 'one two three 4' } },
      hub: null,
    });
  });

  test('what does not fit is refused by the name of its field', async () => {
    const { id, operation } = await waiting();
    const [value, dependency] = operation.conflicts.nodes;
    const refused = async (resolution: Record<string, unknown>): Promise<string[]> => {
      const input = { operation: id, resolutions: [{ conflict: value.id, expectVersion: 1, ...resolution }] };
      const { fields } = await service.refused('resolveConflicts', input);
      return fields.map(({ path }: Answer) => path.join('.'));
    };
    expect(await refused({ choose: { value: { $date: '2024-13-01' } } })).toEqual(['resolutions.0.choose.value.$date']);
    expect(await refused({ choose: { value: 7 } })).toEqual(['resolutions.0.choose.value']);
    expect(await refused({ conflict: dependency.id, choose: { value: 'x' } })).toEqual(['resolutions.0.choose.value']);
    expect(await refused({ choose: { side: 'LIVE' }, expectVersion: 2 })).toEqual(['resolutions.0.expectVersion']);
    expect(await refused({ choose: { side: 'LIVE' }, expectLive: 'x' })).toEqual(['resolutions.0.expectLive']);
    expect(await refused({ choose: { value: 'x' }, remember: true })).toEqual(['resolutions.0.remember']);
    expect(await refused({ conflict: id, choose: { side: 'LIVE' } })).toEqual(['resolutions.0.conflict']);
    const all = { where: { type: 'VALUE' }, choose: { side: 'LIVE' }, expectCount: '5' };
    const { fields } = await service.refused('resolveConflicts', { operation: id, all });
    expect(fields).toEqual([{ path: ['all', 'expectCount'], message: 'is 5, but 1 conflicts match' }]);
    await service.made('abortRollback', 'id', { id });
    await service.ended(id);
    const late = { operation: id, resolutions: [{ conflict: value.id, choose: { side: 'LIVE' }, expectVersion: 1 }] };
    expect(await service.refused('resolveConflicts', late)).toMatchObject({ code: 'WRONG_STATE', state: 'ABORTED' });
  });

  test('a decision can be remembered, is listed, decides by itself, says so, and can be forgotten', async () => {
    const { id, operation } = await waiting({ onConflict: { dependency: 'SKIP' } });
    const [value] = operation.conflicts.nodes;
    const resolution = { conflict: value.id, choose: { side: 'TARGET' }, expectVersion: 1, remember: true };
    await service.made('resolveConflicts', 'id', { operation: id, resolutions: [resolution] });
    await service.ended(id);
    const rules = `{ graph(name: "demo") { resolutionRules(first: 5) { totalCount nodes { id kind labels type property conflictType aspect side
      strategy createdBy graph { name } } } } }`;
    const listed = (await service.client.data(rules)).graph.resolutionRules;
    expect(listed).toMatchObject({
      totalCount: '1',
      nodes: [
        {
          kind: 'NODE',
          labels: ['Doc'],
          type: null,
          property: 'title',
          conflictType: 'VALUE',
          aspect: 'PROPERTY',
          side: 'TARGET',
          strategy: 'OVERWRITE',
          graph: { name: 'demo' },
        },
      ],
    });
    const [rule] = listed.nodes;
    const found = await service.client.data('query ($id: ID!) { node(id: $id) { id __typename } }', { id: rule.id });
    expect(found.node).toEqual({ id: rule.id, __typename: 'ResolutionRule' });
    const later = await waiting({ onConflict: { default: 'MANUAL' }, dryRun: true });
    expect(later.operation.conflicts.nodes[0]).toMatchObject({
      remembered: true,
      status: 'RESOLVED',
      resolution: 'OVERWRITE',
    });
    expect(later.operation.openConflictCount).toBe('1');
    expect(await service.made('forgetResolutionRule', 'deletedId', { id: rule.id })).toMatchObject({
      deletedId: rule.id,
    });
    expect((await service.client.data(rules)).graph.resolutionRules.nodes).toEqual([]);
    expect(await service.refused('forgetResolutionRule', { id: rule.id })).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('a preview is decided, executed by the plan that it has then, and not by the one that it had', async () => {
    const { id, operation } = await waiting({ dryRun: true });
    expect(operation.availableActions).toEqual(['EXECUTE', 'RESOLVE']);
    const all = { where: { status: 'OPEN' }, choose: { side: 'TARGET' }, expectCount: 2 };
    const decided = await service.made('resolveConflicts', 'planHash openConflictCount counts { planned }', {
      operation: id,
      all,
    });
    expect(decided).toMatchObject({ openConflictCount: '0', counts: { planned: '3' } });
    const old = { id, expectPlan: operation.planHash };
    expect(await service.refused('executeRollback', old)).toMatchObject({ code: 'PLAN_CHANGED' });
    const executed = await service.made('executeRollback', 'id', { id, expectPlan: decided.planHash });
    expect(await service.ended(executed.id)).toMatchObject({ outcome: 'APPLIED', planHash: decided.planHash });
  });

  test('a gradual operation is paused and continued', async () => {
    made += 1;
    const keys = Array.from({ length: 40 }, (_unused, n) => `g${made}-${n}`);
    const { transaction } = await write(
      'start',
      keys.map((key) => put(key, 'a')),
    );
    await write(
      `agent${made}`,
      keys.map((key) => put(key, 'b')),
    );
    const undo = { by: { actor: `agent${made}` }, from: { seq: transaction.seq } };
    const slow = { strategy: 'GRADUAL', batchSize: 5, maxChangesPerSecond: 10 };
    const { id } = await service.made('rollback', 'id', { graph: 'demo', undo, ...slow });
    const running = await until(id, ({ availableActions }) => availableActions.includes('PAUSE'));
    expect(running.paused).toBe(false);
    expect(await service.made('pauseRollback', 'paused availableActions', { id })).toMatchObject({
      paused: true,
      availableActions: ['CONTINUE', 'ABORT'],
    });
    expect(await service.refused('pauseRollback', { id })).toMatchObject({ code: 'WRONG_STATE' });
    expect(await service.made('continueRollback', 'paused', { id })).toMatchObject({ paused: false });
    await service.made('abortRollback', 'id', { id });
    const { status } = await service.ended(id);
    expect(['ABORTED', 'PARTIALLY_COMPLETED']).toContain(status);
    expect(await service.refused('resumeRollback', { id })).toMatchObject({ code: 'WRONG_STATE' });
  });
});
