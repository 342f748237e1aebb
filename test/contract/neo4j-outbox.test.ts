import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { OutboxDecoder } from '../../src/adapters/neo4j/outbox/decoder.ts';
import { OutboxFeed } from '../../src/adapters/neo4j/outbox/feed.ts';
import { Outbox } from '../../src/adapters/neo4j/outbox/outbox.ts';
import { OwnMetadata } from '../../src/adapters/neo4j/own-metadata.ts';
import { FeedChangedError } from '../../src/ports/knowledge-graph.ts';
import { borrowSharedNeo4j } from '../support/neo4j.ts';
import { wipe } from '../support/neo4j-graphs.ts';
import { overriding } from '../support/recording-world.ts';

jest.setTimeout(300_000);

/** The outbox of a graph without a trigger: what is in it is put there by the tests. */
let connection: Connection;
let giveBack: () => void;
const own = new OwnMetadata({ get: async () => 'secret', claim: async () => 'secret' });
beforeAll(async () => {
  const borrowed = await borrowSharedNeo4j();
  giveBack = borrowed.giveBack;
  connection = new Connection({ url: borrowed.url });
});
beforeEach(() => wipe(connection));
afterAll(async () => {
  await wipe(connection);
  await connection.close();
  giveBack();
});

const run = (text: string) => connection.write({}, (tx) => tx.run(text));
const put = (tx: string, payload: string, whose = '["BOLT",null,null,null,"p"]') =>
  run(`CREATE (:_PalinodeOutbox {_palinode_tx: '${tx}', _palinode_at: 1, _palinode_part: 0, _palinode_parts: 1, _palinode_changes: 1,
    _palinode_rows: 1, _palinode_whose: '${whose}', _palinode_size: 10, _palinode_payload: '${payload}'})`);

/** Scans once, and gives the ids of what was fed. */
async function scan(feed: OutboxFeed, outbox: Outbox): Promise<string[]> {
  const options = {
    keyProperty: 'palinodeKey',
    givesKeys: true,
    derivedProperties: new Set<string>(),
    maxChanges: 100,
  };
  const decoder = new OutboxDecoder(outbox, options, () => {});
  const fed: string[] = [];
  for await (const slice of feed.slices(
    decoder,
    100,
    () => {},
    () => false,
  ))
    fed.push(...slice.map(({ id }) => id));
  return fed;
}

test.each([
  ['a payload that is none', () => put('t', 'nonsense')],
  ['a writer that nobody can read', () => put('t', '[]', 'nonsense')],
  [
    'no payload',
    async () => {
      await put('t', '[]');
      await run('MATCH (o:_PalinodeOutbox) REMOVE o._palinode_payload');
    },
  ],
] as const)('an entry with %s leaves a note that stays', async (_, make) => {
  await make();
  const outbox = new Outbox(connection, own, async () => {});
  const feed = new OutboxFeed(outbox);
  for (let scans = 0; scans < 3; scans += 1) {
    expect(await scan(feed, outbox)).toEqual([]);
    expect(await outbox.gaps()).toBe(1n);
  }
});

test('an entry of many nodes goes as a whole: what is left of one would be taken for damaged', async () => {
  await run(`UNWIND range(0, 1199) AS i CREATE (:_PalinodeOutbox {_palinode_tx: 'large', _palinode_at: 1, _palinode_part: i,
    _palinode_parts: CASE i WHEN 0 THEN 1200 END, _palinode_changes: 1200, _palinode_rows: 1200, _palinode_whose: '[]', _palinode_size: 2, _palinode_payload: '[]'})`);
  await put('small', '[]');
  let writes = 0;
  const dying = overriding(connection, {
    writeOnce: (...call) => {
      writes += 1;
      return writes === 1 ? connection.writeOnce(...call) : Promise.reject(new Error('killed'));
    },
  });
  const outbox = new Outbox(dying, own, async () => {});
  const removed = new Map((await outbox.headers()).map(({ tx, parts }) => [tx, parts]));
  await expect(outbox.remove(removed)).rejects.toThrow('killed');
  expect((await outbox.headers()).map(({ isComplete }) => isComplete)).toEqual([true]);
});

test.each([
  ['gone', 'MATCH (o:_PalinodeOutbox) DETACH DELETE o', []],
  ['another’s by now', "MATCH (o:_PalinodeOutbox) SET o._palinode_tx = 'u'", [{ payload: '[]' }]],
] as const)('an entry that is %s has the scan made anew, and nothing is touched', async (_, meanwhile, left) => {
  await put('t', '[]');
  const moving = overriding(connection, {
    async read(text, params) {
      if (text.includes('_palinode_payload')) await run(meanwhile);
      return connection.read(text, params);
    },
  });
  const outbox = new Outbox(moving, own, async () => {});
  await expect(scan(new OutboxFeed(outbox), outbox)).rejects.toThrow(FeedChangedError);
  expect(await outbox.gaps()).toBe(0n);
  expect(await connection.read('MATCH (o:_PalinodeOutbox) RETURN o._palinode_payload AS payload')).toEqual(left);
});
