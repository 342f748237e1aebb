import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { PostgresSchemaReadings } from '../../src/adapters/postgres/schema-readings.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import { auditFact } from '../../src/services/audit-facts.ts';
import type { ServedGraph } from '../../src/services/graph-registry.ts';
import { VerificationRun } from '../../src/services/verification-run.ts';
import { engines } from '../support/engines.ts';
import { overriding } from '../support/recording-world.ts';
import { CALLER } from '../support/rollback-world.ts';
import { openVerifyingWorld, type VerifyingWorld } from '../support/verifying-world.ts';

describe.each(engines)('what comes between a verification and its end, on %s', (_, open) => {
  let database: PostgresStore;
  let opened: VerifyingWorld;
  let world: VerifyingWorld['world'];
  let verifier: VerifyingWorld['verifier'];
  let verifications: VerifyingWorld['verifications'];
  /** Done once, as soon as the graph is read. */
  let intrude: (() => Promise<unknown>) | undefined;

  const interrupted = (graph: KnowledgeGraph): KnowledgeGraph =>
    overriding(graph, {
      scan: async function* (kind, size) {
        const work = intrude;
        intrude = undefined;
        await work?.();
        yield* graph.scan(kind, size);
      },
    });

  beforeAll(async () => {
    const engine = await open();
    database = engine.database;
    opened = await openVerifyingWorld(engine, { wrapGraph: interrupted });
    ({ world, verifier, verifications } = opened);
    const properties = { p: 1 };
    await world.write('ada', [{ kind: 'NODE', key: 'a', labels: ['T'], properties }]);
  });
  afterAll(() => opened.close());

  const ended = (id: string) => opened.ended(id);
  const verify = () => opened.verify();
  const captureError = async () => (await world.history.graph(world.graphId))?.captureError;

  test('a process that dies, and whose lease outlives it: another one takes the verification up', async () => {
    const id = randomUUID();
    await verifications.create(id, world.graphId, auditFact(CALLER, 'VERIFICATION_STARTED', {}));
    expect(await verifications.acquire(id, 'a dead process', 300)).toBe(true);
    // The job is delivered while the lease lives, and that is all the queue does.
    await verifier.run(id);
    expect(await verifications.get(id)).toMatchObject({ status: 'RUNNING' });
    expect(await verifier.begin(CALLER, { graph: 'demo' })).toBe(id);
    for (let looks = 0; looks < 100 && (await verifications.abandoned(10)).length === 0; looks += 1) await sleep(20);
    await verifier.sweep();
    expect(await ended(id)).toMatchObject({ status: 'DONE', matches: true });
  });

  test('a process that stops in the middle lets go of it', async () => {
    const id = randomUUID();
    await verifications.create(id, world.graphId, auditFact(CALLER, 'VERIFICATION_STARTED', {}));
    const leaving = opened.make();
    intrude = async () => leaving.stop();
    await expect(leaving.run(id)).rejects.toThrow();
    expect(await verifications.abandoned(10)).toEqual([id]);
    await verifier.sweep();
    expect(await ended(id)).toMatchObject({ status: 'DONE', matches: true });
  });

  test('a process whose verification was taken over records no part of what it found, and lifts nothing', async () => {
    await database.script(`ALTER TABLE graph_demo.nodes DISABLE TRIGGER USER;
      UPDATE graph_demo.nodes SET properties = '{"p": 77}' WHERE key = 'a'`);
    await world.recorder.certainFence().catch(() => {});
    const id = randomUUID();
    await verifications.create(id, world.graphId, auditFact(CALLER, 'VERIFICATION_STARTED', {}));
    await verifications.acquire(id, 'slow', VerificationRun.leaseMs);
    const recorder = overriding<ServedGraph['recorder']>(world.recorder, {
      reconcile: async (...call) => {
        await database.query('UPDATE verifications SET lease_expires_at = now() WHERE id = $1', [id]);
        await verifications.acquire(id, 'fast', 60_000);
        return world.recorder.reconcile(...call);
      },
    });
    const record = await verifications.get(id);
    if (record === null) throw new Error('no verification');
    const deps = { ...world, schemas: new PostgresSchemaReadings(database), verifications, holder: 'slow' };
    const slow = new VerificationRun(deps, { graph: world.graph, recorder }, record, new AbortController().signal);
    await expect(slow.complete()).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(await captureError()).not.toBeNull();
    await verifications.release(id, 'fast');
    await verifier.sweep();
    expect(await ended(id)).toMatchObject({ status: 'DONE', matches: false });
    expect(await captureError()).toBeNull();
  });

  test('asked for several times at once, a graph has one verification', async () => {
    const asked = Promise.withResolvers<void>();
    intrude = () => asked.promise;
    const begun = Promise.all([1, 2, 3, 4].map(() => verifier.begin(CALLER, { graph: 'demo' })));
    const ids = await begun.finally(() => asked.resolve());
    expect(new Set(ids).size).toBe(1);
    for (const id of ids) await ended(id);
    expect(await verifications.running(world.graphId)).toBeNull();
  });

  test('asked for while nobody runs it, it is taken up at once', async () => {
    const id = randomUUID();
    await verifications.create(id, world.graphId, auditFact(CALLER, 'VERIFICATION_STARTED', {}));
    expect(await verifier.begin(CALLER, { graph: 'demo' })).toBe(id);
    for (let looks = 0; looks < 150 && (await verifications.abandoned(10)).length > 0; looks += 1) await sleep(20);
    expect(await verifications.abandoned(10)).toEqual([]);
    expect(await ended(id)).toMatchObject({ status: 'DONE' });
  });

  test.each([
    ['that is over by the end of it', () => world.history.beginGap(world.graphId, 'the trigger was paused', true, [])],
    ['that lasts', () => database.query('ALTER TABLE graph_demo.nodes DISABLE TRIGGER USER')],
  ])('another gap in capture %s: nothing is certified, and the next one does', async (_name, gap) => {
    intrude = gap;
    expect(await verify()).toMatchObject({
      status: 'FAILED',
      matches: null,
      errorMessage: expect.stringMatching(/another gap/),
    });
    await world.recorder.certainFence().catch(() => {});
    expect(await captureError()).not.toBeNull();
    expect(await verify()).toMatchObject({ status: 'DONE', matches: true });
    expect(await captureError()).toBeNull();
  });

  test('a gap that was there before, and is found at every look, is settled by it', async () => {
    await database.script(`ALTER TABLE graph_demo.nodes DISABLE TRIGGER USER;
      UPDATE graph_demo.nodes SET properties = '{"p": 99}' WHERE key = 'a'`);
    await world.recorder.certainFence().catch(() => {});
    intrude = () => world.recorder.certainFence().catch(() => {});
    expect(await verify()).toMatchObject({ status: 'DONE', matches: false });
    expect(await captureError()).toBeNull();
  });

  test('a gap that was there before, and comes again in the middle, is another one though it reads the same', async () => {
    const off = () => database.query('ALTER TABLE graph_demo.nodes DISABLE TRIGGER USER');
    await off();
    await world.recorder.certainFence().catch(() => {});
    intrude = async () => {
      await off();
      await world.recorder.certainFence().catch(() => {});
      await world.graph.attach();
    };
    expect(await verify()).toMatchObject({ status: 'FAILED', errorMessage: expect.stringMatching(/another gap/) });
    expect(await captureError()).not.toBeNull();
    expect(await verify()).toMatchObject({ status: 'DONE', matches: true });
  });
});
