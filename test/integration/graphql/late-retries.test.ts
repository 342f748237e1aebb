import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeId } from '../../../src/api/graphql/ids.ts';
import { SnapshotManager } from '../../../src/services/snapshot-manager.ts';
import { settledPoint } from '../../support/archives.ts';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import type { Answer } from '../../support/graphql-client.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

/** Whoever lost the answer asks again with the same key, and is told what was done: whatever has become of that since. */
describe.each(engines)('requests about a point, retried after it has expired, on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  const ask = (mutation: string, input: Answer): Promise<Answer> =>
    service.made(mutation, 'id status', { idempotencyKey: 'the same', ...input });
  const expire = async (): Promise<void> => {
    const { snapshots } = service.assembly.services;
    if (snapshots instanceof SnapshotManager) await snapshots.expireDue();
  };

  beforeAll(async () => {
    engine = await open();
    service = await startService(engine.database);
    await service.made('writeGraph', 'transaction { seq }', { graph: 'demo', changes: [{ putNode: { key: 'a' } }] });
  });
  afterAll(() => endService(service, engine));

  test('createRollbackPoint', async () => {
    const expiresAt = new Date(Date.now() + 2_000);
    const input = { graph: 'demo', name: 'short', expiresAt: expiresAt.toISOString() };
    const { id } = await ask('createRollbackPoint', input);
    while (new Date() < expiresAt) await sleep(100);
    await expire();
    expect(await ask('createRollbackPoint', input)).toMatchObject({ id, status: 'EXPIRED' });
  });

  test.each(['archiveRollbackPoint', 'validateRollbackPoint'])('%s', async (mutation) => {
    const { id } = await service.made('createRollbackPoint', 'id', { graph: 'demo', name: `for ${mutation}` });
    await ask(mutation, { id });
    await settledPoint(service.client, id);
    await engine.database.query(`UPDATE rollback_points SET expires_at = now() - interval '1 second' WHERE id = $1`, [
      decodeId(id)?.key,
    ]);
    await expire();
    expect(await ask(mutation, { id })).toMatchObject({ id, status: 'EXPIRED' });
  });
});
