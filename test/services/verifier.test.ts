import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { engines } from '../support/engines.ts';
import { CALLER } from '../support/rollback-world.ts';
import { openVerifyingWorld, type VerifyingWorld } from '../support/verifying-world.ts';

describe.each(engines)('verification on %s', (_, open) => {
  let database: PostgresStore;
  let opened: VerifyingWorld;
  let world: VerifyingWorld['world'];
  let verifications: VerifyingWorld['verifications'];
  const verify = () => opened.verify();

  beforeAll(async () => {
    const engine = await open();
    database = engine.database;
    opened = await openVerifyingWorld(engine);
    ({ world, verifications } = opened);
  });
  afterAll(() => opened.close());

  const node = (key: string, p: number) => ({ kind: 'NODE', key, labels: ['T'], properties: { p } }) as const;
  const graph = async () => {
    const record = await world.history.graph(world.graphId);
    if (record === null) throw new Error('no graph');
    return record;
  };

  test('a graph that is as recorded matches', async () => {
    await world.write('ada', [node('a', 1), node('b', 1)]);
    expect(await verify()).toMatchObject({ status: 'DONE', matches: true, entitiesChecked: 2n, transactionSeq: null });
  });

  test('writes that capture missed are found, recorded as RECONCILE, and the gap they leave ends one epoch only', async () => {
    const { epoch } = await graph();
    await database.script(`ALTER TABLE graph_demo.nodes DISABLE TRIGGER USER;
      UPDATE graph_demo.nodes SET properties = '{"p": 99}' WHERE key = 'a'; DELETE FROM graph_demo.nodes WHERE key = 'b';
      INSERT INTO graph_demo.nodes VALUES ('c', '{T}', '{"p": 3}')`);
    const found = await verify();
    expect(found).toMatchObject({ status: 'DONE', matches: false, errorMessage: null });
    const seq = found.transactionSeq ?? 0n;
    const reconcile = (await world.history.transactionsBySeq(world.graphId, [seq])).get(seq);
    expect(reconcile).toMatchObject({ source: 'RECONCILE', changeCount: 3n });
    const differences = await verifications.differences(found.id, null, 10);
    expect(differences.map(({ key, before, after }) => [key, before === null, after === null])).toEqual([
      ['a', false, false],
      ['b', false, true],
      ['c', true, false],
    ]);
    const settled = await graph();
    expect(settled.captureError).toBeNull();
    expect(settled.epoch).toBeGreaterThan(epoch);
    // Capture is looked at every few seconds: what has been compared must not be found to be a gap again.
    await sleep(3500);
    await world.write('ada', [node('d', 1)]);
    expect(await graph()).toMatchObject({ captureError: null, epoch: settled.epoch });
    expect(await verify()).toMatchObject({ matches: true });
  });

  test('writers that go on meanwhile are never taken for differences', async () => {
    let writing = true;
    const writer = (async () => {
      for (let p = 0; writing; p += 1) await world.write('bob', [node('a', p), node(`w${p % 50}`, p)]);
    })();
    expect(await verify()).toMatchObject({ status: 'DONE', matches: true });
    writing = false;
    await writer;
  });

  test('an unknown graph is refused', async () => {
    await expect(opened.verifier.begin(CALLER, { graph: 'nope' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
