import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import type { Answer } from '../../support/graphql-client.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

const DIFF = `from { seq } to { seq } schemaFrom { at { seq } time } schemaTo { at { seq } time }
  schemaChanges { action before { name kind definition } after { name kind definition } }`;

describe.each(engines)('differences of the schema on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  beforeAll(async () => {
    engine = await open();
    service = await startService(engine.database);
  });
  afterAll(() => endService(service, engine));

  const sql = (text: string) => engine.database.script(text);
  const point = async (name: string, more: Answer = {}): Promise<Answer> =>
    service.made('createRollbackPoint', 'id seq schema { name }', { graph: 'demo', name, ...more });
  const write = (p: number) =>
    service.made('writeGraph', 'transaction { seq time }', {
      graph: 'demo',
      changes: [{ putNode: { key: 'a', set: [{ name: 'p', value: p }] } }],
    });
  const diff = async (from: Answer, to: Answer = null): Promise<Answer> => {
    const query = `query ($from: At!, $to: At) { graph(name: "demo") { diff(from: $from, to: $to) { ${DIFF} } } }`;
    return (await service.client.data(query, { from, to })).graph.diff;
  };
  const named = ({ schemaChanges }: Answer): [string, string][] =>
    schemaChanges.map(({ action, before, after }: Answer) => [action, (before ?? after).name]);

  test('are between the readings of two points, and of a point and the live graph, in both directions', async () => {
    await write(0);
    await sql(
      "CREATE INDEX by_p ON graph_demo.nodes ((properties ->> 'p')); CREATE INDEX odd ON graph_demo.nodes (key text_pattern_ops)",
    );
    const first = await point('first');
    expect(first.schema.map(({ name }: Answer) => name)).toEqual(['by_p', 'odd']);
    await sql('DROP INDEX graph_demo.by_p; DROP INDEX graph_demo.odd; CREATE INDEX odd ON graph_demo.nodes (key)');
    await sql('ALTER TABLE graph_demo.relationships ADD CONSTRAINT no_loops CHECK (start_key <> end_key)');
    const second = await point('second');
    const between = await diff({ point: first.id }, { point: second.id });
    expect(named(between)).toEqual([
      ['DELETED', 'by_p'],
      ['CREATED', 'no_loops'],
      ['UPDATED', 'odd'],
    ]);
    // No transaction lies between the two: only the readings tell them apart.
    expect(between).toMatchObject({
      from: { seq: first.seq },
      to: { seq: first.seq },
      schemaFrom: { at: { seq: first.seq } },
    });
    expect(between.schemaFrom.time < between.schemaTo.time).toBe(true);
    expect(between.schemaChanges[1].after).toEqual({
      name: 'no_loops',
      kind: 'CHECK',
      definition: 'CHECK ((start_key <> end_key))',
    });
    expect(named(await diff({ point: second.id }, { point: first.id }))).toEqual([
      ['CREATED', 'by_p'],
      ['DELETED', 'no_loops'],
      ['UPDATED', 'odd'],
    ]);
    expect(named(await diff({ point: second.id }))).toEqual([]);
    await sql('DROP INDEX graph_demo.odd');
    expect(named(await diff({ point: second.id }))).toEqual([['DELETED', 'odd']]);
    const query = `query ($id: ID!) { rollbackPoint(id: $id) { changesSince { ${DIFF} } } }`;
    const { rollbackPoint } = await service.client.data(query, { id: second.id });
    expect(named(rollbackPoint.changesSince)).toEqual([['DELETED', 'odd']]);
  });

  test('at a time or a transaction are those of the last reading by then: at a point, at attaching, at verifying', async () => {
    const attached = await diff({ keyword: 'EARLIEST' });
    expect(attached).toMatchObject({ schemaFrom: { at: { seq: '0' } } });
    expect(named(attached)).toEqual([['CREATED', 'no_loops']]);

    const { transaction } = await write(1);
    await sql('CREATE INDEX verified ON graph_demo.nodes (key)');
    const early = await diff({ keyword: 'EARLIEST' }, { seq: transaction.seq });
    expect(named(early)).toEqual([
      ['CREATED', 'no_loops'],
      ['CREATED', 'odd'],
    ]);
    const { id } = await service.made('verifyGraph', 'id', { graph: 'demo' });
    const status = 'query ($id: ID!) { node(id: $id) { ... on Verification { status } } }';
    while ((await service.client.data(status, { id })).node.status === 'RUNNING') await sleep(20);
    const late = await diff({ keyword: 'EARLIEST' }, { seq: transaction.seq });
    expect(late.schemaTo).toMatchObject({ at: { seq: transaction.seq } });
    expect(named(late)).toEqual([
      ['CREATED', 'no_loops'],
      ['CREATED', 'verified'],
    ]);
    // A time is told from another even where no transaction lies between.
    await sql('DROP INDEX graph_demo.verified');
    await point('without');
    const then = { time: late.schemaTo.time };
    expect(named(await diff(then))).toEqual([['DELETED', 'verified']]);
    expect((await diff(then)).schemaFrom).toEqual(late.schemaTo);
    // Nobody has read it for a point in the past, which therefore has none of its own.
    const past = await point('past', { at: { seq: '0' } });
    expect(past.schema).toBeNull();
    expect(await diff({ point: past.id })).toMatchObject({ schemaFrom: { at: { seq: '0' } } });
  });

  test('are not made up where nobody had read the schema by then', async () => {
    await engine.database.query('DELETE FROM schema_readings WHERE seq = 0');
    expect(await diff({ keyword: 'EARLIEST' })).toMatchObject({ schemaFrom: null, schemaTo: {}, schemaChanges: [] });
  });

  test('are kept over a restart, which is a reading only if the schema became another', async () => {
    const readings = async (): Promise<bigint | undefined> =>
      (await engine.database.query<{ count: bigint }>('SELECT count(*) FROM schema_readings')).rows[0]?.count;
    const before = (await readings()) ?? 0n;
    await service.stop();
    service = await startService(engine.database);
    expect(await readings()).toBe(before);
    await service.stop();
    await sql('CREATE INDEX meanwhile ON graph_demo.nodes (key)');
    service = await startService(engine.database);
    expect(await readings()).toBe(before + 1n);
  });
});
