import { describe, expect, jest, test } from '@jest/globals';
import { picker, WIPE_ALL, writeAtRandom } from '../../support/bolt-writers.ts';
import { neo4jRecordings } from '../../support/neo4j-recordings.ts';
import { expectWhole } from '../../support/recorded-states.ts';

jest.setTimeout(300_000);

const SEED = Number(process.env.PALINODE_SEED ?? Date.now() % 1_000_000);

describe('what users do to a Neo4j over Bolt, several at a time', () => {
  const recordings = neo4jRecordings();

  test.each([0, 1])(`is what history says it was, at every cut (seed ${SEED} + %i)`, async (run) => {
    const pick = picker(SEED + run);
    const { driver } = recordings;
    const recording = await recordings.open({ recorder: { maxChanges: 7 } });
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
