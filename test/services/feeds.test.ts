import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PostgresOperationEvents } from '../../src/adapters/postgres/operation-store/event-reader.ts';
import type { OperationEvents, StoredOperationEvent } from '../../src/ports/operation-events.ts';
import { Feeds } from '../../src/services/feeds.ts';
import { engines } from '../support/engines.ts';
import { openWorld, type World } from '../support/rollback-world.ts';

describe.each(engines)('feeds on %s', (_, open) => {
  let world: World;
  let events: OperationEvents;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const engine = await open();
    world = await openWorld(engine.database);
    events = new PostgresOperationEvents(engine.database);
    close = async () => {
      await world.close();
      await engine.close();
    };
  });
  afterAll(() => close());

  const feedsOn = (reader: OperationEvents): Feeds => new Feeds({ ...world, events: reader });
  const node = (key: string, p: number) => ({ kind: 'NODE', key, labels: ['T'], properties: { p } }) as const;

  async function follow(feeds: Feeds, id: string, after = 0n): Promise<StoredOperationEvent[]> {
    const found: StoredOperationEvent[] = [];
    for await (const event of feeds.operationEvents(id, after, AbortSignal.timeout(20_000))) found.push(event);
    return found;
  }

  /** A dry run of taking back one write. */
  async function dryRun(key: string): Promise<string> {
    const before = await world.write('ada', [node(key, 1)]);
    await world.write('bob', [node(key, 2)]);
    return world.request({ to: { seq: before }, dryRun: true });
  }

  test('an operation is followed from its first event to its last, each once and in order', async () => {
    const found = await follow(feedsOn(events), await dryRun('a'));
    expect(found.map(({ seq }) => seq)).toEqual(found.map((__, index) => BigInt(index + 1)));
    expect(found.at(-1)).toMatchObject({ type: 'COMPLETED', status: 'COMPLETED' });
  });

  test('events that are stored while the reader is between two looks are not lost', async () => {
    const id = await dryRun('b');
    let looks = 0;
    const slow: OperationEvents = {
      ...events,
      ofGraph: (...args) => events.ofGraph(...args),
      ofOperation: async (...args) => {
        looks += 1;
        // The first look finds only the beginning; by the second the operation has ended.
        if (looks === 1) {
          const [, after, limit] = args;
          const first = (await events.ofOperation(id, after, limit)).slice(0, 1);
          await world.settle(id);
          return first;
        }
        return events.ofOperation(...args);
      },
    };
    expect(await follow(feedsOn(slow), id)).toEqual(await events.ofOperation(id, 0n, 100));
  });

  test('a reader that comes back gets what it has not seen; one that has seen all is told that it is over', async () => {
    const id = await dryRun('c');
    const all = await follow(feedsOn(events), id);
    const [first] = all;
    const last = all.at(-1);
    expect(await follow(feedsOn(events), id, first?.seq)).toEqual(all.slice(1));
    expect(await follow(feedsOn(events), id, last?.seq)).toEqual([]);
  });

  test('as many events as one read gives, the last of them the end, are followed to their end', async () => {
    const id = await dryRun('d');
    await world.settle(id);
    const { length } = await events.ofOperation(id, 0n, 100);
    await world.database.query(
      `WITH later AS (UPDATE operation_events SET seq = 200 WHERE operation_id = $1 AND seq = $2 RETURNING *)
       INSERT INTO operation_events (operation_id, graph_id, seq, type, status, progress, counts)
       SELECT operation_id, graph_id, n.seq, 'PROGRESS', 'EXECUTING', 50, counts FROM later CROSS JOIN generate_series($2::bigint, 199) AS n (seq)`,
      [id, length],
    );
    expect(await follow(feedsOn(events), id)).toHaveLength(200);
  });

  test('many readers of one operation cost the database what one does', async () => {
    let reads = 0;
    const counting: OperationEvents = {
      ofGraph: (...args) => events.ofGraph(...args),
      ofOperation: (...args) => {
        reads += 1;
        return events.ofOperation(...args);
      },
    };
    const feeds = feedsOn(counting);
    const id = await dryRun('e');
    const found = await Promise.all(Array.from({ length: 50 }, () => follow(feeds, id)));
    const stored = await events.ofOperation(id, 0n, 100);
    for (const each of found) expect(each).toEqual(stored);
    // One at the beginning and one for each notice at most, of which every event has two; and the looks at who is at the end already.
    expect(reads).toBeLessThan(3 * stored.length + 60);
  });

  test('transactions follow one another without gaps, those of a session alone when asked', async () => {
    const start = (await world.moments.live(world.graphId)).seq;
    const leave = new AbortController();
    const seen: bigint[] = [];
    const reading = (async () => {
      for await (const { seq } of feedsOn(events).transactions(world.graphId, start, null, leave.signal)) {
        seen.push(seq);
        if (seen.length === 3) leave.abort();
      }
    })();
    const written = [
      await world.write('ada', [node('t1', 1)], 'import'),
      await world.write('bob', [node('t2', 1)]),
      await world.write('ada', [node('t3', 1)], 'import'),
    ];
    await reading;
    expect(seen).toEqual(written);
    const session =
      (await world.history.transactionsBySeq(world.graphId, written)).get(written[0] ?? 0n)?.sessionId ?? null;
    const own: bigint[] = [];
    const again = new AbortController();
    for await (const { seq } of feedsOn(events).transactions(world.graphId, start, session, again.signal)) {
      own.push(seq);
      if (own.length === 2) again.abort();
    }
    expect(own).toEqual([written[0], written[2]]);
  });
});
