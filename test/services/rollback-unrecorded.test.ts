import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { CaptureError } from '../../src/core/errors.ts';
import { changedNodes } from '../support/changed-nodes.ts';
import { node } from '../support/graph-writes.ts';
import { Interruptions } from '../support/interruptions.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { openWorld, type World } from '../support/rollback-world.ts';

/** An instance that records so slowly that nobody sees it get anywhere. */
const OTHER = 'the other instance';

const interruptions = new Interruptions();
let database: Awaited<ReturnType<typeof createPgliteDatabase>>;
let world: World;
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
  const recording = { leaseMs: 300, fenceTimeoutMs: 100 };
  world = await openWorld(database, { wrapGraph: interruptions.wrap, recording, sweepMs: 50 });
}, 60_000);
afterEach(() => interruptions.reset());
afterAll(async () => {
  await world.close();
  await database.close();
});

/** From now on another instance records the graph, for so long as it is left to. */
async function losesSeat(): Promise<void> {
  await database.query(
    `UPDATE graphs SET recorder_holder = $1, recorder_token = recorder_token + 1,
       recorder_expires_at = now() + interval '1 hour'`,
    [OTHER],
  );
}
const getsSeat = () =>
  database.query('UPDATE graphs SET recorder_holder = NULL, recorder_expires_at = NULL WHERE recorder_holder = $1', [
    OTHER,
  ]);

test('a rollback that is written waits for the instance that records, and ends with its proof', async () => {
  const { keys, undo } = await changedNodes(world, 5);
  interruptions.recount();
  const head = await world.moments.recorded(world.graphId);
  interruptions.after = async (transaction) => {
    if (transaction === 2) await losesSeat();
  };
  const id = await world.request({ undo });
  const late = () => world.errors.filter((error) => error instanceof CaptureError).length;
  await world.until(async () => late() >= 3 || (await world.read(id)).status === 'FAILED');
  expect(await world.read(id)).toMatchObject({ status: 'EXECUTING', counts: { applied: 5n } });
  await getsSeat();
  expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED', outcome: 'APPLIED', counts: { applied: 5n } });
  expect((await world.details(id))?.proof).toMatchObject({ matches: true });
  const content = await world.content();
  expect(keys.map((key) => content[`n:${key}`]?.properties.p)).toEqual(keys.map(() => 0));
  // Once, however often it was taken up.
  expect((await world.moments.recorded(world.graphId)).seq).toBe(head.seq + 1n);
});

test('a restore of everything does not claim less because the instance that records was slow', async () => {
  const { start } = await changedNodes(world, 5);
  interruptions.recount();
  interruptions.after = async (transaction) => {
    if (transaction === 2) await losesSeat();
  };
  const id = await world.request({ to: { seq: start } });
  await world.until(async () => (await world.read(id)).counts.applied === 5n);
  await getsSeat();
  expect(await world.settle(id)).toMatchObject({ status: 'COMPLETED' });
  expect((await world.details(id))?.proof).toMatchObject({ matches: true, method: 'CONTINUOUS_CHECKSUM' });
});

test('whoever asks for a point meanwhile is told in time, and a gap is no matter of waiting', async () => {
  await losesSeat();
  await world.graph.transaction(
    { id: world.keys.next(), source: 'API', actor: 'ada', session: null, operation: null },
    (tx) => tx.write([{ kind: 'NODE', key: 'late', before: null, after: node('late', {}) }]),
  );
  const late = { name: 'CaptureError', code: 'CAPTURE_UNAVAILABLE', passes: true };
  await expect(world.recorder.certainFence()).rejects.toMatchObject(late);
  await getsSeat();
  await world.recorder.certainFence();
  await world.recorder.reportGap('writes are missing');
  await expect(world.recorder.certainFence()).rejects.toMatchObject({ ...late, passes: false });
  await expect(world.request({ to: { seq: 1n } })).rejects.toThrow(CaptureError);
});
