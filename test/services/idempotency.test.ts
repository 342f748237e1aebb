import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PostgresIdempotencyStore } from '../../src/adapters/postgres/idempotency-store.ts';
import { randomKeys } from '../../src/adapters/system/keys.ts';
import { Idempotency } from '../../src/services/idempotency.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';
import { startService } from '../support/service.ts';

const DAY_MS = 24 * 3_600_000;

describe.each(engines)('idempotency keys on %s', (_, open) => {
  let engine: OpenedEngine;
  let idempotency: Idempotency;
  let runs: string[] = [];
  beforeAll(async () => {
    engine = await open();
    const store = new PostgresIdempotencyStore(engine.database);
    idempotency = new Idempotency({ store, keys: randomKeys, holder: randomUUID() });
  });
  afterAll(() => engine.close());

  const use = (key: string, work: () => Promise<string> = async () => key) => {
    const caller = { actor: 'ada', ip: null, userAgent: null };
    return idempotency.run(caller, { graph: '1', mutation: 'm', key, input: {}, type: 'Node' }, () => {
      runs.push(key);
      return work();
    });
  };
  const age = (key: string, ms: number) =>
    engine.database.query(
      `UPDATE idempotency_keys SET created_at = now() - $2::bigint * interval '1 millisecond' WHERE key = $1`,
      [key, ms],
    );
  const kept = async (): Promise<string[]> =>
    (await engine.database.query<{ key: string }>('SELECT key FROM idempotency_keys ORDER BY key')).rows.map(
      ({ key }) => key,
    );

  test('hold as long as they are kept, counted from when they were last claimed', async () => {
    for (const key of ['new', 'old']) await use(key);
    const failing = use('failed at first', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    await age('new', DAY_MS - 60_000);
    for (const key of ['old', 'failed at first']) await age(key, DAY_MS + 60_000);
    await use('failed at first');

    await idempotency.sweep(DAY_MS);
    expect(await kept()).toEqual(['failed at first', 'new']);
    runs = [];
    for (const key of ['new', 'old', 'failed at first']) expect(await use(key)).toBe(key);
    expect(runs).toEqual(['old']);
  });

  test('of a while ago are forgotten, however many, once the service runs; those of a day ago are not', async () => {
    await age('old', DAY_MS + 60_000);
    await engine.database.query(
      `INSERT INTO idempotency_keys (actor, graph, mutation, key, input_hash, result, created_at)
       SELECT 'ada', '1', 'm', 'older ' || n, '', '{"done": null}', now() - interval '3 days' FROM generate_series(1, 11000) AS n`,
    );
    const service = await startService(engine.database);
    while ((await kept()).length > 3) await sleep(20);
    expect(await kept()).toEqual(['failed at first', 'new', 'old']);
    await service.stop();
  });
});
