import { expect, jest, test } from '@jest/globals';
import { Neo4jGraph } from '../../../src/adapters/neo4j/neo4j-graph.ts';
import { triggerCapture } from '../../../src/adapters/neo4j/trigger/trigger-capture.ts';
import { Recorder } from '../../../src/services/recorder/recorder.ts';
import { neo4jRecordings } from '../../support/neo4j-recordings.ts';

jest.setTimeout(300_000);

const recordings = neo4jRecordings();
const keyProperty = 'uuid';
/** Longer than the test: what is noted is noted by nobody's regular look. */
const NEVER_MS = 3_600_000;

test('a key that was changed is a gap that an instance which dies leaves to the next one', async () => {
  const recording = await recordings.open({ graph: { keyProperty } });
  const { deps, secret } = recording;
  if (deps.bindings === undefined) throw new Error('no bindings');
  const kept = { bindings: deps.bindings, secret };
  const graph = new Neo4jGraph('next', { url: recordings.url }, kept, triggerCapture(), { keyProperty });
  await graph.attach();
  const next = new Recorder({ ...deps, graph }, { inspectMs: NEVER_MS });
  try {
    await recording.write("CREATE (:Doc {uuid: 'a'})");
    await next.fence();
    await recording.write("MATCH (d:Doc) SET d.uuid = 'b'");
    // It reads the feed, and that is the last of it.
    for await (const slice of recording.graph.feed(100)) expect(slice).toEqual([]);
    expect(recording.graph.noticedGaps()).toBe(1);
    expect(await recording.graph.pending()).toMatchObject({ transactions: 1n });
    await next.fence();
    expect(graph.noticedGaps()).toBe(1);
    expect((await recording.record()).captureError).toContain('the key property uuid was changed');
    await next.fence();
    expect(await graph.pending()).toMatchObject({ transactions: 0n });
  } finally {
    await next.stop();
    await graph.close();
  }
});
