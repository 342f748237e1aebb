import { hash } from 'node:crypto';
import { inspect } from 'node:util';
import { beforeEach, expect, jest, test } from '@jest/globals';
import neo4j from 'neo4j-driver';
import { byApi, changeTo, nodeOf, put } from '../support/captured.ts';
import type { Neo4jRecording } from '../support/neo4j-recording.ts';
import { neo4jRecordings } from '../support/neo4j-recordings.ts';
import { replaceTrigger, runningTrigger, statementFor, trustingStatement } from '../support/triggers.ts';

jest.setTimeout(300_000);

let recording: Neo4jRecording;
const recordings = neo4jRecordings();
beforeEach(async () => {
  recording = await recordings.open();
});

/** What the recorder made of each transaction: source, actor, session, operation, how many changes. */
async function booked(): Promise<readonly unknown[]> {
  await recording.recorder.fence();
  expect(await recording.recorded()).toEqual(await recording.live());
  const found = await recording.transactions();
  return found.map(({ source, actor, sessionId, operationId, changeCount }) =>
    [source, actor, sessionId, operationId, changeCount].map((value) => value ?? null),
  );
}

async function outboxIds(): Promise<readonly unknown[]> {
  const rows = await recording.connection.read('MATCH (o:_PalinodeOutbox) RETURN elementId(o) AS id ORDER BY id');
  return rows.map(({ id }) => id);
}

/** What somebody may try in the place of the secret. */
const WRONG: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['a number', 7n],
  ['a fraction', 0.5],
  ['a truth', true],
  ['an empty text', ''],
  ['a text', 'secret'],
  ['a text of megabytes', 'x'.repeat(3_000_000)],
  ['a list', ['a', 1n, null, [true]]],
  ['an empty list', []],
  ['a map', { secret: 'x', deep: { er: [1n] } }],
  ['an empty map', {}],
  ['bytes', new Int8Array([1, 2, 3])],
  ['a date', new neo4j.types.Date(2024, 1, 1)],
  ['a duration', new neo4j.types.Duration(1n, 2n, 3n, 4n)],
  ['a point', new neo4j.types.Point(7203n, 1, 2)],
];

test('a writer who claims to be the service’s housekeeping is captured', async () => {
  await recording.write('CREATE (:A {x: 1})', {}, { palinodeDrain: true });
  await recording.write('MATCH (a:A) SET a.x = 2', {}, { palinodeDrain: true, palinodeSecret: 'guessed' });
  await recording.write('MATCH (a:A) SET a.x = 3, a:B', {}, { palinodeDrain: true });
  await recording.write('CALL tx.setMetaData({palinodeDrain: true}) MATCH (a:A) DETACH DELETE a');
  const user = ['BOLT', null, null, null, 1n];
  expect(await booked()).toEqual([user, user, user, user]);
});

test('a writer who claims to be an operation is a user, with the actor and session that he names', async () => {
  const claim = { id: 'an-id', source: 'ROLLBACK', operation: 'an-operation', actor: 'eve', session: 's' };
  await recording.write('CREATE (:A {x: 1, palinodeKey: "brought"})-[:T]->(:A)', {}, { palinode: claim });
  await recording.write('MATCH (a:A {x: 1}) SET a.x = 2', {}, { palinode: claim, palinodeSecret: 'guessed' });
  await recording.write(
    'MATCH (a:A {x: 2}) SET a.palinodeKey = "set", a.y = 1',
    {},
    { palinode: { ...claim, source: 'API' } },
  );
  expect(await booked()).toEqual([
    ['BOLT', 'eve', 's', null, 3n],
    ['BOLT', 'eve', 's', null, 1n],
    ['BOLT', 'eve', 's', null, 1n],
  ]);
  const keys = (await recording.connection.read('MATCH (a:A) RETURN a.palinodeKey AS key')).map(({ key }) => key);
  expect(keys).not.toContain('brought');
  expect(keys).not.toContain('set');
});

test('who holds the secret is believed: what the service writes is booked as its own', async () => {
  const operation = '6e1f6ae5-7a35-4f0c-8f56-5f5a54a7f0b1';
  await put(recording.graph, [nodeOf('mine', { x: 1 })], { ...byApi(), source: 'ROLLBACK', operation });
  await put(recording.graph, [nodeOf('mine', { x: 2 })]);
  await recording.unseen('MATCH (m:_PalinodeMarker) SET m.touched = true');
  expect(await booked()).toEqual([
    ['ROLLBACK', 'ada', null, operation, 1n],
    ['API', 'ada', null, null, 1n],
  ]);
});

test.each(WRONG)('%s in the place of the secret fails no commit, and hides none', async (_, wrong) => {
  const secret = wrong === undefined ? {} : { palinodeSecret: wrong };
  const metadatas = [
    { palinodeDrain: true, ...secret },
    { palinodeDrain: wrong ?? null, palinode: { id: 'forged', source: 'API', operation: wrong ?? null }, ...secret },
    { palinode: wrong ?? null, ...secret },
  ];
  // A statement of each kind that the trigger treats in a way of its own.
  for (const metadata of metadatas) {
    await recording.write('CREATE (:A {x: 0})', {}, metadata);
    await recording.write('MATCH (a:A {x: 0}) SET a.x = 1', {}, metadata);
    await recording.write('MATCH (a:A {x: 1}) SET a.x = 2, a:B', {}, metadata);
  }
  const found = await booked();
  expect(found).toHaveLength(9);
  expect(found.every((one) => Array.isArray(one) && one[0] === 'BOLT' && one[3] === null)).toBe(true);
});

test('neither what is nearly the secret nor its hash is the secret', async () => {
  const secret = await recording.secret.claim();
  for (const near of [hash('sha256', secret), secret.slice(0, -1), `${secret} `, secret.toUpperCase(), [secret]])
    await recording.write('CREATE (:A)', {}, { palinodeDrain: true, palinodeSecret: near });
  expect(await booked()).toHaveLength(5);
});

test('the secret is in no node, no text of a trigger, no error, no finding and no other table', async () => {
  const { graph, connection, recorder } = recording;
  const secret = await recording.secret.claim();
  await put(graph, [nodeOf('a', { x: 1 })]);
  const failed: unknown[] = [];
  const taken = graph.transaction(byApi(), (tx) => tx.write([changeTo(null, nodeOf('a'))]));
  failed.push(await taken.catch((error: unknown) => error));
  await replaceTrigger(connection, statementFor(hash('sha256', 'another')));
  await recording.write('CREATE (:A)');
  failed.push(await recorder.fence().catch((error: unknown) => error));
  expect(failed.every((error) => error instanceof Error)).toBe(true);
  const seen = [
    await connection.read('MATCH (n) RETURN properties(n) AS properties'),
    await runningTrigger(connection),
    await graph.inspectCapture(),
    failed.map((error) => inspect(error, { depth: 10, showHidden: true })),
  ];
  await graph.attach();
  seen.push(await runningTrigger(connection));
  const { rows: tables } = await recordings.database.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'capture_secrets'`,
  );
  expect(tables.length).toBeGreaterThan(10);
  for (const { name } of tables) {
    const { rows } = await recordings.database.query(`SELECT 1 FROM ${name} AS t WHERE t::text LIKE '%' || $1 || '%'`, [
      secret,
    ]);
    expect([name, rows]).toEqual([name, []]);
  }
  expect(inspect(seen, { depth: 10, maxStringLength: null, maxArrayLength: null })).not.toContain(secret);
});

test('under a trigger that asks for another secret nothing is lost, and nothing is written again and again', async () => {
  const { graph, connection, recorder } = recording;
  await recording.write('CREATE (:A {i: 0})');
  await recorder.fence();
  await replaceTrigger(connection, statementFor(hash('sha256', 'another')));
  for (let i = 1; i <= 3; i += 1) await recording.write('CREATE (:A {i: $i})', { i });
  const waiting = await outboxIds();
  expect(waiting).toHaveLength(3);
  for (let time = 0; time < 3; time += 1)
    await expect(recorder.fence()).rejects.toMatchObject({
      code: 'CAPTURE_UNAVAILABLE',
      message: expect.stringContaining('verifyGraph'),
    });
  expect(await outboxIds()).toEqual(waiting);
  // It would be booked as somebody else's, with keys of the trigger's own: so nothing is written.
  await expect(put(graph, [nodeOf('mine')])).rejects.toMatchObject({ code: 'CAPTURE_UNAVAILABLE' });
  expect(await graph.count()).toEqual({ nodes: 4n, relationships: 0n });
  expect((await graph.inspectCapture()).map(({ kind, gap }) => [kind, gap])).toEqual([['TRIGGER_CHANGED', true]]);

  expect(await graph.attach()).toMatchObject({ isNew: true });
  await recorder.fence();
  expect(await outboxIds()).toEqual([]);
  expect(await recording.recorded()).toEqual(await recording.live());
  expect(await recording.transactions()).toHaveLength(4);
  expect(await graph.inspectCapture()).toEqual([]);
});

test('a graph that was attached before there were secrets has one, and a trigger that asks for it, once it is attached', async () => {
  const { graph, connection, recorder } = recording;
  await replaceTrigger(connection, trustingStatement());
  await recordings.database.query('DELETE FROM capture_secrets WHERE graph_id = $1', [recording.graphId]);
  await recording.write('CREATE (:A {i: 0})');
  await recording.write('CREATE (:B)', {}, { palinodeDrain: true });
  expect((await graph.inspectCapture()).map(({ kind }) => kind)).toEqual(['TRIGGER_CHANGED']);
  expect(await graph.attach()).toMatchObject({ isNew: true });
  const secret = await recording.secret.get();
  expect(await runningTrigger(connection)).toBe(statementFor(hash('sha256', secret ?? '')));
  await recording.write('MATCH (b:B) DELETE b', {}, { palinodeDrain: true });
  await recorder.fence();
  expect(await recording.recorded()).toEqual(await recording.live());
  expect(await outboxIds()).toEqual([]);
  // By now it is as it should be: attaching again changes neither.
  expect(await graph.attach()).toMatchObject({ isNew: false });
  expect(await recording.secret.get()).toBe(secret);
});
