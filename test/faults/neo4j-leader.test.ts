import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { type BoltProxy, type BoltRequest, type Refusal, startBoltProxy } from '../support/bolt-proxy.ts';
import { byApi, changeTo, nodeOf, nodeRef, put } from '../support/captured.ts';
import { neo4jEngine, type OpenedGraphEngine } from '../support/graph-engines.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { goneNode, openWorld, type World } from '../support/rollback-world.ts';

/**
 * A single server does not lose an election: the proxy answers in its place what a member of a cluster answers that did. Of whether a
 * commit took place that could not be replicated, a cluster does not know itself.
 */
jest.setTimeout(120_000);

const NOT_A_LEADER = 'Neo.ClientError.Cluster.NotALeader';
const READ_ONLY = 'Neo.ClientError.General.ForbiddenOnReadOnlyDatabase';
const UNAVAILABLE = 'Neo.TransientError.General.DatabaseUnavailable';
const LEADER_SWITCH = 'Neo.TransientError.Transaction.LeaderSwitch';
const LEASE_EXPIRED = 'Neo.TransientError.Transaction.LeaseExpired';
const NOT_REPLICATED = 'Neo.TransientError.Cluster.ReplicationFailure';

const isOfRollback = ({ begun }: BoltRequest): boolean => begun.includes('ROLLBACK');
const begins = (request: BoltRequest): boolean => request.name === 'BEGIN' && isOfRollback(request);
const commits = (request: BoltRequest): boolean => request.name === 'COMMIT' && isOfRollback(request);
const writes = (request: BoltRequest): boolean =>
  request.name === 'RUN' && isOfRollback(request) && request.text.includes('SET e += ');

let engine: OpenedGraphEngine;
let proxy: BoltProxy;
/** To the server itself. */
let direct: Connection;
let round = 0;
beforeAll(async () => {
  engine = await neo4jEngine[1]();
  const url = new URL(engine.neo4j ?? '');
  proxy = await startBoltProxy({ host: url.hostname, port: Number(url.port) });
  direct = new Connection({ url: url.href });
}, 300_000);
afterAll(async () => {
  await direct?.close();
  await proxy?.close();
  await engine?.close();
});

// First as in a cluster: by the routing driver the graph is attached, too.
describe.each(['neo4j', 'bolt'])('a leader that is one no more, at %s://', (scheme) => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld(engine.database, { neo4j: `${scheme}://127.0.0.1:${proxy.port}`, sweepMs: 50 });
  });
  afterAll(() => world?.close());
  afterEach(() => proxy.relent());

  const refusals: readonly (readonly [string, Refusal])[] = [
    // The first transaction of a rollback takes its marker.
    ['a batch cannot begin', { to: begins, code: UNAVAILABLE, after: 2 }],
    ['a write is not for it', { to: writes, code: NOT_A_LEADER, after: 1 }],
    ['a write meets a database that is only read', { to: writes, code: READ_ONLY, after: 1 }],
    ['a write comes after the switch', { to: writes, code: LEADER_SWITCH, after: 1 }],
    ['a commit is not for it', { to: commits, code: NOT_A_LEADER, after: 2 }],
    ['a commit meets a database that is only read', { to: commits, code: READ_ONLY, after: 2 }],
    ['a commit comes after its lease', { to: commits, code: LEASE_EXPIRED, after: 2 }],
    ['a commit is not replicated', { to: commits, code: NOT_REPLICATED, after: 2 }],
    ['a commit is replicated, and said not to be', { to: commits, code: NOT_REPLICATED, after: 2, isDone: true }],
  ];

  test.each(refusals)('%s: a gradual rollback writes every change once', async (_, refusal) => {
    const { expected, id } = await begun(world, () => proxy.refuse({ ...refusal, times: 1 }));
    expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
    expect(proxy.refused).toBe(1);
    await expectUndone(world, id, expected);
  });

  const lasting: readonly (readonly [string, Refusal, { code: string; message: unknown }])[] = [
    [
      'no member is the leader',
      { to: writes, code: NOT_A_LEADER, after: 1 },
      scheme === 'bolt'
        ? { code: NOT_A_LEADER, message: expect.stringMatching(/not the leader/) }
        : { code: 'SessionExpired', message: expect.stringMatching(/no longer possible to write/i) },
    ],
    [
      'no commit is replicated',
      { to: commits, code: NOT_REPLICATED, after: 2 },
      { code: 'CommitUnanswered', message: expect.stringMatching(/did not say whether/) },
    ],
  ];

  test.each(lasting)(
    'while %s, a rollback stays where it is and says why; then it goes on',
    async (_, refusal, error) => {
      const { expected, id } = await begun(world, () => proxy.refuse(refusal));
      const told = world.errors.length;
      await world.until(async () => world.errors.length > told);
      expect(world.errors[told]).toMatchObject({ name: 'GraphError', retryable: true, ...error });
      expect(await world.read(id)).toMatchObject({ status: 'EXECUTING', counts: { applied: 4n } });
      proxy.relent();
      expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED' });
      await expectUndone(world, id, expected);
    },
  );

  test.each([
    ['not replicated', { code: NOT_REPLICATED }],
    ['replicated, and said not to be', { code: NOT_REPLICATED, isDone: true }],
    ['not for it', { code: NOT_A_LEADER }],
  ])('a transaction that is no rollback is applied once, too, when its commit is %s', async (_, answer) => {
    await put(world.graph, [nodeOf('counter', { n: 0 })]);
    const to = ({ name, begun }: BoltRequest): boolean => name === 'COMMIT' && begun.includes('ada');
    proxy.refuse({ ...answer, to, after: 2, times: 1 });
    for (let i = 0; i < 4; i += 1) {
      await world.graph.transaction(byApi(), async (tx) => {
        const before = (await tx.lock([nodeRef('counter')])).get('n:counter');
        await tx.write([changeTo(before, nodeOf('counter', { n: Number(before?.properties.n) + 1 }))]);
      });
    }
    expect(proxy.refused).toBe(1);
    expect(await direct.read(`MATCH (n {palinodeKey: 'counter'}) RETURN n.n AS n`)).toEqual([{ n: 4n }]);
  });

  const drains = ({ name, text }: BoltRequest): boolean => name === 'RUN' && text.includes('DETACH DELETE o');
  const commitsDrain = ({ name, ran }: BoltRequest): boolean => name === 'PULL' && ran.includes('DETACH DELETE o');
  const reads = ({ name, text }: BoltRequest): boolean => name === 'RUN' && text.includes('_palinode_whose');

  test.each<readonly [string, Refusal]>([
    ['its removal of what it recorded is not for it', { to: drains, code: NOT_A_LEADER, times: 1 }],
    ['its removal meets a database that is only read', { to: drains, code: READ_ONLY, times: 1 }],
    [
      'its removal takes place, and is said not to be replicated',
      { to: commitsDrain, code: NOT_REPLICATED, times: 1, isDone: true },
    ],
    ['it cannot read what waits', { to: reads, code: UNAVAILABLE, times: 1 }],
    ['it cannot read what waits for longer than it tries at once', { to: reads, code: UNAVAILABLE, times: 3 }],
  ])('the recorder loses and doubles nothing when %s', async (_, refusal) => {
    const { seq } = await world.moments.live(world.graphId);
    const recorded = async () =>
      (await world.history.transactions(world.graphId, { since: seq }, { limit: 100 })).items;
    proxy.refuse(refusal);
    for (let i = 0; i < 5; i += 1) {
      await direct.write({ metadata: { palinode: { actor: `step ${i}` } } }, (tx) =>
        tx.run(`MERGE (n:Step {palinodeKey: 'step'}) SET n.n = coalesce(n.n, 0) + 1`),
      );
    }
    await world.until(async () => (await recorded()).length >= 5 && (await waiting()) === 0);
    expect((await recorded()).map(({ actor, changeCount }) => [actor, changeCount])).toEqual(
      [0, 1, 2, 3, 4].map((i) => [`step ${i}`, 1n]),
    );
    expect(proxy.refused).toBe(refusal.times);
    expect(await world.history.graph(world.graphId)).toMatchObject({ captureError: null, reconciled: 0n });
  });
});

/** A gradual rollback of three batches, which creates, updates and deletes. @returns its id, and the nodes that it is to leave */
async function begun(world: World, refuse: () => void): Promise<{ id: string; expected: readonly object[] }> {
  round += 1;
  const key = (n: number): string => `l${round}-${String(n).padStart(2, '0')}`;
  const all = (p: number) => Array.from({ length: 10 }, (_, n) => node(key(n), { p }));
  const start = await world.write('start', all(0));
  const actor = `u${round}`;
  const gone = [8, 9].map((n) => goneNode(key(n)));
  const made = [node(key(10)), node(key(11)), relationship(`l${round}-r`, key(10), key(11))];
  await world.write(actor, [...all(1).slice(0, 8), ...gone, ...made]);
  refuse();
  const undo = { by: { actor }, from: { seq: start } };
  const id = await world.request({ undo, strategy: 'GRADUAL', batchSize: 4 });
  return { id, expected: all(0).map((state) => ({ key: state.key, p: 0n, ties: 0n })) };
}

/** By plain Cypher, by the proof, and by what was captured of it: each change is there, and was written once. */
async function expectUndone(world: World, id: string, expected: readonly object[]): Promise<void> {
  const found = await direct.read(
    `MATCH (n) WHERE n.palinodeKey STARTS WITH $prefix
     RETURN n.palinodeKey AS key, n.p AS p, COUNT { (n)--() } AS ties ORDER BY key`,
    { prefix: `l${round}-` },
  );
  expect(found).toEqual(expected);
  const { counts } = await world.read(id);
  expect(counts).toMatchObject({ planned: 13n, applied: 13n });
  expect((await world.details(id))?.proof).toMatchObject({ matches: true, checkedEntities: '13' });
  const { items } = await world.history.transactions(world.graphId, { operationId: id }, { limit: 100 });
  expect(items.reduce((sum, { changeCount }) => sum + changeCount, 0n)).toBe(13n);
  // What was refused at its commit is not left open, with its locks.
  const open = await direct.read('SHOW TRANSACTIONS YIELD metaData WHERE metaData.palinode.operation = $id', { id });
  expect(open).toEqual([]);
}

/** How many entries the outbox has. */
async function waiting(): Promise<number> {
  const [row] = await direct.read('MATCH (o:_PalinodeOutbox) RETURN count(o) AS n');
  return Number(row?.n);
}
