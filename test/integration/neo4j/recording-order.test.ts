import { expect, jest, test } from '@jest/globals';
import type { CapturedTransaction } from '../../../src/core/recording-types.ts';
import type { KnowledgeGraph } from '../../../src/ports/knowledge-graph.ts';
import { Recorder } from '../../../src/services/recorder/recorder.ts';
import type { Neo4jRecording } from '../../support/neo4j-recording.ts';
import { neo4jRecordings } from '../../support/neo4j-recordings.ts';

jest.setTimeout(300_000);

let recording: Neo4jRecording;
const recordings = neo4jRecordings();

/**
 * A recorder that does not see, in its first scans, what is at some places of the feed: as a scan that reads what is committed may pass
 * by a place before the transaction there is committed.
 */
async function passingBy(
  missed: (scan: number) => readonly number[],
): Promise<{ recorder: Recorder; scans: () => number }> {
  let scans = 0;
  const seen = new Map<string, number>();
  async function* feed(size: number): AsyncGenerator<readonly CapturedTransaction[]> {
    scans += 1;
    const hidden = missed(scans);
    for await (const slice of recording.graph.feed(size)) {
      for (const { id } of slice) if (!seen.has(id)) seen.set(id, seen.size);
      const left = slice.filter(({ id }) => !hidden.includes(seen.get(id) ?? -1));
      if (left.length > 0) yield left;
    }
  }
  recording = await recordings.open();
  const graph: KnowledgeGraph = new Proxy(recording.graph, {
    get(target, name) {
      if (name === 'feed') return feed;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const recorder = new Recorder({ ...recording.deps, graph }, { inspectMs: 0, waitMs: 100, waitScans: 3 });
  return { recorder, scans: () => scans };
}

async function expectExact(): Promise<void> {
  expect(await recording.recorded()).toEqual(await recording.live());
}

test('a change waits for the one before it, which the scan has passed by; both are recorded in the order of their stamps', async () => {
  const { recorder, scans } = await passingBy((scan) => (scan <= 2 ? [1] : []));
  await recording.write('CREATE (:A {x: 1})', {}, { palinode: { actor: 'first' } });
  await recording.write('MATCH (a:A) SET a.x = 2', {}, { palinode: { actor: 'second' } });
  await recording.write('MATCH (a:A) SET a.x = 3', {}, { palinode: { actor: 'third' } });
  await recorder.fence();
  await recorder.stop();
  await expectExact();
  expect(scans()).toBeGreaterThan(2);
  const transactions = await recording.transactions();
  expect(transactions.map(({ actor }) => actor)).toEqual(['first', 'second', 'third']);
  // What is recorded while another one is missing is no state that the graph had.
  expect(transactions.at(-1)?.cut).toBe(true);
  expect(await recording.record()).toMatchObject({ reconciled: 0n, captureError: null });
});

test('so does a relationship whose end is not recorded yet', async () => {
  const { recorder } = await passingBy((scan) => (scan <= 2 ? [0] : []));
  await recording.write('CREATE (:A {x: 1})');
  await recording.write('MATCH (a:A) CREATE (a)-[:T]->(:B)');
  await recorder.fence();
  await recorder.stop();
  await expectExact();
  expect((await recording.transactions()).map(({ changeCount }) => changeCount)).toEqual([1n, 2n]);
  expect(await recording.record()).toMatchObject({ reconciled: 0n, captureError: null });
});

test('what never fits is reconciled from the graph after a bound, counted and shown', async () => {
  const { recorder, scans } = await passingBy(() => [1]);
  await recording.write('CREATE (:A {x: 1})');
  await recording.write('MATCH (a:A) SET a.x = 2');
  await recording.write('MATCH (a:A) SET a.x = 3');
  await recorder.fence();
  await recorder.stop();
  expect(scans()).toBeGreaterThanOrEqual(3);
  await expectExact();
  const record = await recording.record();
  expect(record).toMatchObject({ reconciled: 1n, captureError: expect.stringContaining('without being captured') });
  expect((await recording.transactions()).map(({ source }) => source)).toEqual(['BOLT', 'RECONCILE', 'BOLT']);
});
