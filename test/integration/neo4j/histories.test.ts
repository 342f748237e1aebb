import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import neo4j, { type Driver } from 'neo4j-driver';
import type { Database } from '../../../src/ports/database.ts';
import { picker, WIPE_ALL, writeAtRandom } from '../../support/bolt-writers.ts';
import { borrowSharedNeo4j } from '../../support/neo4j.ts';
import { Neo4jRecording } from '../../support/neo4j-recording.ts';
import { createPgliteDatabase } from '../../support/postgres.ts';

jest.setTimeout(300_000);

const SEED = Number(process.env.PALINODE_SEED ?? Date.now() % 1_000_000);

describe('what users do to a Neo4j over Bolt, several at a time', () => {
  let database: Database;
  let driver: Driver;
  let server: Awaited<ReturnType<typeof borrowSharedNeo4j>>;
  let recording: Neo4jRecording;

  beforeAll(async () => {
    server = await borrowSharedNeo4j();
    database = await createPgliteDatabase({ migrated: true });
    driver = neo4j.driver(server.url, undefined, { useBigInt: true });
  });
  afterEach(() => recording.close());
  afterAll(async () => {
    await driver.close();
    await database.close();
    await server.giveBack();
  });

  test.each([0, 1])(`is what history says it was, at every cut (seed ${SEED} + %i)`, async (run) => {
    const pick = picker(SEED + run);
    recording = await Neo4jRecording.open(database, server.url, `h${run}`, { recorder: { maxChanges: 7 } });
    recording.recorder.start();
    const cuts: { seq: bigint; states: ReadonlyMap<string, unknown> }[] = [];
    let committed = 0;
    for (let round = 0; round < 5; round += 1) {
      const sessions = Array.from({ length: 4 }, (_, i) => writeAtRandom(driver, picker(pick(1e9) + i), 6));
      for (const count of await Promise.all(sessions)) committed += count;
      // A drain under way must not bring back what it has recorded.
      if (round === 3) await driver.executeQuery(WIPE_ALL.text);
      await recording.recorder.fence();
      const { head, nodeCount, relationshipCount } = await recording.record();
      const live = await recording.live();
      expect(await recording.recorded()).toEqual(live);
      expect(await recording.graph.count()).toEqual({ nodes: nodeCount, relationships: relationshipCount });
      cuts.push({ seq: head.seq, states: live });
    }
    for (const { seq, states } of cuts) expect(await recording.recorded(seq)).toEqual(states);
    expect(await recording.record()).toMatchObject({ captureError: null, reconciled: 0n });
    const transactions = await recording.transactions();
    expect(transactions.length).toBeLessThanOrEqual(committed + 1);
    expect(new Set(transactions.map(({ source }) => source))).toEqual(new Set(['BOLT']));
    for (const { cut, seq } of transactions) if (cut) expectWhole(await recording.recorded(seq));
    expect(await recording.graph.pending()).toMatchObject({ transactions: 0n });
  });
});

/** No relationship without its ends. */
function expectWhole(states: Awaited<ReturnType<Neo4jRecording['recorded']>>): void {
  for (const state of states.values()) {
    if (state.kind === 'NODE') continue;
    expect([states.has(`n:${state.start}`), states.has(`n:${state.end}`)]).toEqual([true, true]);
  }
}
