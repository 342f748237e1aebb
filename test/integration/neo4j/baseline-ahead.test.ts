import { setTimeout as sleep } from 'node:timers/promises';
import { expect, jest, test } from '@jest/globals';
import { PostgresAttachmentStore } from '../../../src/adapters/postgres/attachment-store.ts';
import type { AttachmentStore } from '../../../src/ports/attachment-store.ts';
import type { BaselinePage, KnowledgeGraph } from '../../../src/ports/knowledge-graph.ts';
import { auditFact } from '../../../src/services/audit-facts.ts';
import { Recorder } from '../../../src/services/recorder/recorder.ts';
import { neo4jRecordings } from '../../support/neo4j-recordings.ts';
import { overriding } from '../../support/recording-world.ts';

jest.setTimeout(120_000);

const recordings = neo4jRecordings();

test('what was written after its page was read, and recorded before that page was asked for, is not lost', async () => {
  const attachments = new PostgresAttachmentStore(recordings.database);
  const recording = await recordings.open({ deps: { attachments } });
  const { graphId, deps, graph } = recording;
  await recording.unseen('UNWIND range(1, 40) AS n CREATE (:Item {n: n})');
  await recordings.database.query(`UPDATE graphs SET capture_mode = 'OFF' WHERE id = $1`, [graphId]);
  await attachments.begin(graphId, { storeId: 'store', total: 40n }, auditFact(null, 'GRAPH_ATTACHED', {}));

  const written = Promise.withResolvers<void>();
  // While the third page is made the fourth is read, and then one of its nodes is written.
  const baseline: KnowledgeGraph['baseline'] = async function* (after) {
    const pages = graph.baseline(after, 4)[Symbol.asyncIterator]();
    const next = async (): Promise<BaselinePage> => {
      const { done, value } = await pages.next();
      if (done === true) throw new Error('there are fewer pages than this test takes');
      return value;
    };
    yield await next();
    yield await next();
    const [third, fourth] = [await next(), await next()];
    const [stale] = fourth.entities;
    await recording.write('MATCH (i:Item {palinodeKey: $key}) SET i.written = true', { key: stale?.key });
    written.resolve();
    yield third;
    yield fourth;
    yield* { [Symbol.asyncIterator]: () => pages };
  };
  // So the first page is noted when the write waits to be recorded, which it is before anything else is asked for.
  const advance: AttachmentStore['advance'] = async (...progress) => {
    await written.promise;
    return attachments.advance(...progress);
  };
  const recorder = new Recorder(
    {
      ...deps,
      graph: overriding<KnowledgeGraph>(graph, { baseline }),
      attachments: new Proxy(attachments, {
        get: (target, name) => {
          if (name === 'advance') return advance;
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      }),
    },
    { inspectMs: 0 },
  );
  recorder.start();
  try {
    while ((await recording.record()).captureMode !== 'CONTINUOUS') await sleep(20);
    const live = await recording.live();
    expect([...live.values()].filter(({ properties }) => properties.written === true)).toHaveLength(1);
    expect(await recording.recorded()).toEqual(live);
  } finally {
    await recorder.stop();
  }
});
