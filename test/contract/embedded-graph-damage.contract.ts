import { expect, test } from '@jest/globals';
import { EmbeddedGraph } from '../../src/adapters/embedded-graph/embedded-graph.ts';
import { drain, nodeOf, put, scanOf } from '../support/captured.ts';
import type { SqlGraph } from './embedded-graph.contract.ts';

/** What may happen to capture, and how it is noticed. */
export function damageContract(current: () => SqlGraph): void {
  test.each([
    ['disabled', 'ALTER TABLE nodes DISABLE TRIGGER palinode_update', 'TRIGGER_DISABLED'],
    ['no longer always on', 'ALTER TABLE nodes ENABLE TRIGGER palinode_update', 'TRIGGER_DISABLED'],
    ['dropped', 'DROP TRIGGER palinode_delete ON relationships', 'TRIGGER_MISSING'],
    ['dropped with its table', 'DROP TABLE relationships', 'TRIGGER_MISSING'],
    [
      'off for a time only',
      `ALTER TABLE nodes DISABLE TRIGGER palinode_insert; INSERT INTO nodes VALUES ('unseen');
       ALTER TABLE nodes ENABLE ALWAYS TRIGGER palinode_insert`,
      'TRIGGER_ALTERED',
    ],
    [
      'given another function',
      `CREATE OR REPLACE FUNCTION capture_nodes() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
      'TRIGGER_ALTERED',
    ],
  ])('notices a trigger that was %s, repairs it, and reports it until that is settled', async (_, text, kind) => {
    const { graph, sql } = current();
    await sql(text);
    const before = await graph.inspectCapture();
    expect(before.length).toBeGreaterThan(0);
    for (const finding of before) expect(finding).toMatchObject({ kind, gap: true });
    await Promise.all([graph.attach(), graph.attach()]);
    const after = await graph.inspectCapture();
    expect(after.map((finding) => finding.message)).toEqual(before.map((finding) => finding.message));
    await put(graph, [nodeOf('seen')]);
    expect((await drain(graph)).flatMap(({ changes }) => changes.map(({ key }) => key))).toEqual(['seen']);
    await graph.settleIncidents(after.map(({ incident }) => incident ?? ''));
    expect(await graph.inspectCapture()).toEqual([]);
  });

  test('says that capture is not installed where it is not', async () => {
    const { database } = current();
    const [finding] = await new EmbeddedGraph(database, 'nobody_attached').inspectCapture();
    expect(finding).toMatchObject({ kind: 'NOT_INSTALLED', gap: true });
  });

  test('transactions that were not given their place are fed once the trigger is back', async () => {
    const { graph, sql } = current();
    await sql('ALTER TABLE outbox_transactions DISABLE TRIGGER palinode_complete');
    await put(graph, [nodeOf('a')]);
    expect(await scanOf(graph)).toEqual([]);
    await graph.attach();
    expect((await scanOf(graph)).flatMap(({ changes }) => changes.map(({ key }) => key))).toEqual(['a']);
  });

  test('a restored dump keeps what waited, in order, and cannot mix it with new transactions', async () => {
    const { graph, database, schema, sql } = current();
    for (const key of ['a', 'b']) await put(graph, [nodeOf(key)]);
    const waiting = (await scanOf(graph)).map(({ id }) => id);
    for (let life = 0; life < 2; life += 1) {
      await sql(`UPDATE capture SET store = 'another', newest_recorded = 1000000`);
      await graph.attach();
      // The next transaction gets an id that the old life has used.
      const { rows } = await database.query<{ next: bigint }>(`SELECT pg_current_xact_id()::text::bigint + 2 AS next`);
      await sql(`UPDATE outbox_transactions SET xid = ${rows[0]?.next} WHERE xid = 1`);
      await put(graph, [nodeOf(`new${life}`)]);
    }
    const scan = await scanOf(graph);
    expect(scan.slice(0, 2).map(({ id }) => id)).toEqual(waiting);
    expect(scan.flatMap(({ changes }) => changes.map(({ key }) => key))).toEqual(['a', 'b', 'new0', 'new1']);
    expect(scan.at(-1)?.cut).toBe(true);
    const { rows } = await database.query<{ old: bigint }>(
      `SELECT count(*) AS old FROM ${schema}.outbox WHERE xid < 0`,
    );
    expect(rows).toEqual([{ old: 3n }]);
    expect((await graph.inspectCapture()).map(({ kind }) => kind)).toEqual(['STORE_CHANGED', 'STORE_CHANGED']);
  });

  test('two instances may attach a new graph at once', async () => {
    const { database, second } = current();
    const name = `twice_${Date.now()}`;
    const instances = [database, second ?? database, database].map((one) => new EmbeddedGraph(one, name));
    await Promise.all(instances.map((graph) => graph.attach()));
    for (const graph of instances) expect(await graph.inspectCapture()).toEqual([]);
  });

  test('a scan that another reader acknowledges under it fails rather than passing for empty', async () => {
    const { graph } = current();
    for (let i = 0; i < 4; i += 1) await put(graph, [nodeOf(`n${i}`), nodeOf(`m${i}`)]);
    const feed = graph.feed(2)[Symbol.asyncIterator]();
    expect((await feed.next()).value).toHaveLength(1);
    await drain(graph);
    await expect(feed.next()).rejects.toThrow(/another reader/);
  });

  test.each(['', 'A', '1a', 'a-b', 'a"b', 'x'.repeat(42)])('refuses the name %p', (name) => {
    expect(() => new EmbeddedGraph(current().database, name)).toThrow(/named/);
  });
}
