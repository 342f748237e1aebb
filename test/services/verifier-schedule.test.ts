import { randomUUID } from 'node:crypto';
import { describe, expect, jest, test } from '@jest/globals';
import { PostgresIdempotencyStore } from '../../src/adapters/postgres/idempotency-store.ts';
import { PostgresSchemaReadings } from '../../src/adapters/postgres/schema-readings.ts';
import { PostgresVerificationStore } from '../../src/adapters/postgres/verification-store.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { Idempotency } from '../../src/services/idempotency.ts';
import { Verifier } from '../../src/services/verifier.ts';
import { engines } from '../support/engines.ts';
import { node } from '../support/graph-writes.ts';
import { openWorld } from '../support/rollback-world.ts';

jest.setTimeout(120_000);

describe.each(engines)('verification by the clock, on %s', (_, open) => {
  test('finds what capture missed without being asked, once per span of time however many instances there are', async () => {
    const { database, close } = await open();
    const world = await openWorld(database, { queue: 'pg-boss' });
    const everyMs = 1000;
    const verifiers = Array.from({ length: 2 }, () => {
      const holder = randomUUID();
      const idempotency = new Idempotency({ store: new PostgresIdempotencyStore(database), keys: world.keys, holder });
      const stores = {
        verifications: new PostgresVerificationStore(database),
        schemas: new PostgresSchemaReadings(database),
      };
      return new Verifier({ ...world, ...stores, clock: systemClock, idempotency, holder, everyMs });
    });
    await world.write('ada', [node('a', { p: 1 })]);
    await database.script(`ALTER TABLE graph_demo.nodes DISABLE TRIGGER USER;
      UPDATE graph_demo.nodes SET properties = '{"p": 99}' WHERE key = 'a'; ALTER TABLE graph_demo.nodes ENABLE TRIGGER USER;`);
    const spanOf = (time: number): number => Math.floor(time / everyMs);
    const began = spanOf(Date.now());
    for (const verifier of verifiers) await verifier.start();

    const done = async (): Promise<boolean[]> => {
      const { rows } = await database.query<{ matches: boolean }>(
        `SELECT matches FROM verifications WHERE status = 'DONE' ORDER BY created_at`,
      );
      return rows.map(({ matches }) => matches);
    };
    await world.until(async () => (await done()).length >= 3);
    for (const verifier of verifiers) verifier.stop();
    const [first, ...later] = await done();
    expect(first).toBe(false);
    expect(later).not.toContain(false);
    const spans = spanOf(Date.now()) - began + 1;
    expect(later.length + 1).toBeLessThanOrEqual(spans);
    const { seq } = await world.moments.live(world.graphId);
    const recorded = await world.history.statesAt(world.graphId, seq, [node('a')]);
    expect(recorded.get('n:a')).toEqual(node('a', { p: 99 }));
    await world.close();
    await close();
  });
});
