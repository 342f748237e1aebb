import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { engines } from '../support/engines.ts';
import { node } from '../support/graph-writes.ts';
import { intruding } from '../support/intruding.ts';
import { openWorld, type World } from '../support/rollback-world.ts';

jest.setTimeout(240_000);

/** What a dump would hold, and putting it back without capture seeing it. */
const KEEP = `DROP TABLE IF EXISTS kept_nodes; DROP TABLE IF EXISTS kept_markers;
  CREATE TABLE kept_nodes AS SELECT key, properties FROM graph_demo.nodes; CREATE TABLE kept_markers AS SELECT * FROM graph_demo.markers;`;
const PUT_BACK = `ALTER TABLE graph_demo.nodes DISABLE TRIGGER USER;
  UPDATE graph_demo.nodes n SET properties = k.properties FROM kept_nodes k WHERE k.key = n.key;
  ALTER TABLE graph_demo.nodes ENABLE TRIGGER USER;
  DELETE FROM graph_demo.markers; INSERT INTO graph_demo.markers SELECT * FROM kept_markers;`;

describe.each(engines)(
  'a graph that is put back to an earlier state while a rollback writes to it, on %s',
  (_, open) => {
    let end = async (): Promise<void> => {};
    afterEach(() => end());

    /** Three batches of ten nodes. The first transaction takes the marker, the second writes batch 1. */
    async function rollback(keepBefore: number, putBackBefore: number) {
      const { database, close } = await open();
      const breaks = intruding(async (transaction) => {
        if (transaction === keepBefore) await database.script(KEEP);
        if (transaction === putBackBefore) await database.script(PUT_BACK);
      });
      const world: World = await openWorld(database, { wrapGraph: breaks.wrap, leaseMs: 2000, sweepMs: 100 });
      end = async () => {
        await world.close();
        await close();
      };
      const keys = Array.from({ length: 30 }, (__, n) => `n${`${n}`.padStart(2, '0')}`);
      const all = (p: number) => keys.map((key) => node(key, { p }));
      const start = await world.write('start', all(0));
      await world.write('u', all(1));
      const undo = { by: { actor: 'u' }, from: { seq: start } };
      const id = await world.request({ undo, strategy: 'GRADUAL', batchSize: 10, policy: { default: 'ABORT' } });
      const operation = await world.settle(id);
      const content = await world.content();
      const held = keys.map((key) => content[`n:${key}`]?.properties.p);
      const { rows } = await database.query<{ capture_error: string | null }>('SELECT capture_error FROM graphs');
      return { operation, details: await world.details(id), held, gap: rows[0]?.capture_error };
    }
    const times = (length: number, p: number): number[] => Array.from({ length }, () => p);

    test('before its first batch: it ends FAILED, and counts nothing as done', async () => {
      const { operation, details, held, gap } = await rollback(1, 4);
      expect(operation).toMatchObject({ status: 'FAILED', counts: { planned: 30n, applied: 0n } });
      expect(details).toMatchObject({
        error_message: expect.stringMatching(/earlier state.*20 .*verify/),
        account: { overwritten: '0', left: '30' },
      });
      expect(held).toEqual(times(30, 1));
      expect(gap).toMatch(/earlier state.*rollback/);
    });

    test('after its first batch: the account says what is there, and nothing more is written', async () => {
      const { operation, details, held, gap } = await rollback(3, 4);
      expect(operation).toMatchObject({ status: 'FAILED', counts: { planned: 30n, applied: 10n } });
      expect(details).toMatchObject({
        error_message: expect.stringMatching(/earlier state.*10 .*verify/),
        account: { overwritten: '10', left: '20' },
      });
      expect(held).toEqual([...times(10, 0), ...times(20, 1)]);
      expect(gap).toMatch(/earlier state.*rollback/);
    });
  },
);
