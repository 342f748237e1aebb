import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KnowledgeGraph } from '../../../src/ports/knowledge-graph.ts';
import { readGraph } from '../../support/api-graph.ts';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

/** The most changes that one transaction of the graph may hold here. */
const LIMIT = 3;

describe.each(engines)('a session that is closed with rollback, on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  beforeAll(async () => {
    engine = await open();
    service = await startService(engine.database, { wrapGraph: narrow });
  });
  afterAll(() => endService(service, engine));

  const write = (writer: { actor: string } | { session: string }, keys: readonly string[], value: number) =>
    service.made('writeGraph', 'transaction { seq }', {
      graph: 'demo',
      ...writer,
      changes: keys.map((key) => ({ putNode: { key, labels: ['Person'], set: [{ name: 'p', value }] } })),
    });

  test.each([
    ['no more than one transaction holds', 'IMMEDIATE', ['a', 'b'], { planned: '3', applied: '3' }],
    ['more than one transaction holds', 'GRADUAL', ['a', 'b', 'c', 'd'], { planned: '5', applied: '5' }],
  ])('takes back its writes, and only those: %s', async (_, strategy, keys, counts) => {
    await write({ actor: 'ada' }, ['a'], 0);
    const before = await readGraph(service.client);
    const session = await service.made('openSession', 'id', { graph: 'demo', name: strategy, point: false });
    await write({ session: session.id }, keys, 1);
    await write({ session: session.id }, [`${strategy} too`], 1);
    await write({ actor: 'bob' }, [strategy], 2);

    const input = { id: session.id, rollback: true, idempotencyKey: `close ${strategy}` };
    const closed = await service.made('closeSession', 'id closedAt rollback { id strategy dryRun }', input);
    expect(closed).toMatchObject({
      id: session.id,
      closedAt: expect.any(String),
      rollback: { strategy, dryRun: false },
    });
    const ended = await service.ended(closed.rollback.id);
    expect(ended).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts, proof: { matches: true } });
    const after = await readGraph(service.client);
    expect([...after.keys()].sort()).toEqual([...before.keys(), `n:${strategy}`].sort());
    for (const [key, facts] of before) expect(after.get(key)).toEqual(facts);

    expect(await service.made('closeSession', 'id closedAt rollback { id strategy dryRun }', input)).toEqual(closed);
  });
});

function narrow(graph: KnowledgeGraph): KnowledgeGraph {
  return new Proxy(graph, {
    get: (target, name) => {
      if (name === 'immediateLimit') return LIMIT;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
