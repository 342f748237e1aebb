import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { graphEngines } from '../../support/graph-engines.ts';
import type { Answer } from '../../support/graphql-client.ts';
import { Liar, type Lie } from '../../support/lying-graph.ts';
import { type Service, startService } from '../../support/service.ts';

const PROOF = `query ($id: ID!) { rollbackOperation(id: $id) { status outcome errorMessage proof { method matches checkedEntities
  differences(first: 10) { totalCount nodes { key kind before { properties { name value { text } } } after { properties { name value { text } } } } }
  changedMeanwhile { totalCount } } } }`;

describe.each(graphEngines)('a graph that lies about what it wrote, on %s', (_, open) => {
  const liar = new Liar();
  let service: Service;
  let close: () => Promise<void>;
  let made = 0;

  beforeAll(async () => {
    const engine = await open();
    service = await startService(engine.database, { graphs: [engine.setting], wrapGraph: liar.wrap });
    close = async () => {
      await service.stop();
      await engine.close();
    };
  }, 300_000);
  afterAll(() => close());

  const write = (actor: string, changes: unknown[]) =>
    service.made('writeGraph', 'transaction { seq }', { graph: 'demo', actor, changes });
  const put = (key: string, label: string, value: number) => ({
    putNode: { key, labels: [label], set: [{ name: 'p', value }] },
  });

  const kinds = ['full restore', 'scoped restore', 'undo'] as const;
  const lies: readonly Lie[] = ['FORGETS', 'GARBLES', 'MISREADS'];
  test.each(kinds.flatMap((kind) => lies.map((lie) => [kind, lie] as const)))(
    '%s, %s: ends FAILED, with the difference listed',
    async (kind, lie) => {
      made += 1;
      const [key, label, actor] = [`${made}-x`, `L${made}`, `u${made}`];
      const { transaction } = await write('start', [put(key, label, 0), put(`${made}-y`, label, 0)]);
      await write(actor, [put(key, label, 1), put(`${made}-y`, label, 1), put(`${made}-z`, label, 1)]);
      liar.tell(lie, `n:${key}`);
      const from = { seq: transaction.seq };
      const what =
        kind === 'undo'
          ? { undo: { by: { actor }, from } }
          : { to: from, ...(kind === 'scoped restore' && { scope: { labels: [label] } }) };
      const { id } = await service.made('rollback', 'id', { graph: 'demo', ...what });
      await service.ended(id);
      const { rollbackOperation: operation } = await service.client.data(PROOF, { id });
      expect(operation).toMatchObject({ status: 'FAILED', outcome: 'FAILED' });
      expect(operation.errorMessage).toMatch(/the graph is not what the rollback should have made it/);
      expect(operation.proof).toMatchObject({
        method: kind === 'full restore' ? 'CONTINUOUS_CHECKSUM' : 'TOUCHED_ENTITIES',
        matches: false,
        checkedEntities: '3',
        changedMeanwhile: { totalCount: '0' },
      });
      const { nodes, totalCount } = operation.proof.differences;
      expect([totalCount, nodes.length, nodes[0].key, nodes[0].kind]).toEqual(['1', 1, key, 'NODE']);
      expect(shown(nodes[0].before)).toEqual({ p: '0' });
      expect(shown(nodes[0].after)).toEqual(lie === 'FORGETS' ? { p: '1' } : { p: '0', garbled: 'true' });
    },
  );
});

function shown(state: Answer): Record<string, string> {
  return Object.fromEntries(state.properties.map(({ name, value }: Answer) => [name, value.text]));
}
