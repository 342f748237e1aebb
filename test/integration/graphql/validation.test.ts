import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeId } from '../../../src/api/graphql/ids.ts';
import { SnapshotManager } from '../../../src/services/snapshot-manager.ts';
import { settledPoint } from '../../support/archives.ts';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import { type Service, startService } from '../../support/service.ts';
import { endService } from '../../support/suite-end.ts';

describe.each(engines)('the validation of a point on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  beforeAll(async () => {
    engine = await open();
    service = await startService(engine.database);
    await service.made('writeGraph', 'transaction { seq }', {
      graph: 'demo',
      changes: [{ putNode: { key: 'a', labels: ['Thing'], set: [{ name: 'p', value: 1 }] } }],
    });
  });
  afterAll(() => endService(service, engine));

  const point = async (name: string): Promise<string> =>
    (await service.made('createRollbackPoint', 'id', { graph: 'demo', name })).id;
  /** As a process leaves the point that is killed right after the request, or in the middle. */
  const cutOff = (id: string, secondsAgo: number) =>
    engine.database.query(
      `UPDATE rollback_points SET status = 'VALIDATING', progress = 7, updated_at = now() - make_interval(secs => $2) WHERE id = $1`,
      [decodeId(id)?.key, secondsAgo],
    );
  const sweep = async (): Promise<void> => {
    const { snapshots } = service.assembly.services;
    if (snapshots instanceof SnapshotManager) await snapshots.sweep();
  };

  test('is taken up again when it was cut off, and left alone while it may be under way', async () => {
    const id = await point('cut off');
    await cutOff(id, 30);
    await sweep();
    const statusOf = async () =>
      (await engine.database.query<{ status: string }>('SELECT status FROM rollback_points')).rows[0]?.status;
    const { rows } = await engine.database.query<{ jobs: bigint }>(
      `SELECT count(*) AS jobs FROM palinode_jobs.job WHERE name = 'point-validation'`,
    );
    expect({ status: await statusOf(), jobs: rows[0]?.jobs }).toEqual({ status: 'VALIDATING', jobs: 0n });
    await engine.database.query(`UPDATE rollback_points SET updated_at = updated_at - interval '1 minute'`);
    await sweep();
    expect(await settledPoint(service.client, id)).toMatchObject({ status: 'VALID', progress: 100, problems: [] });
  });

  test('ends with INVALID and the reason when what it is to check cannot be read', async () => {
    const id = await point('unreadable');
    await engine.database.query('ALTER TABLE entity_versions RENAME COLUMN labels TO lost');
    await service.made('validateRollbackPoint', 'id', { id });
    const settled = await settledPoint(service.client, id);
    expect(settled.status).toBe('INVALID');
    expect(settled.problems).toEqual([expect.stringMatching(/cannot be read/)]);
    await engine.database.query('ALTER TABLE entity_versions RENAME COLUMN lost TO labels');
    await service.made('validateRollbackPoint', 'id', { id });
    expect(await settledPoint(service.client, id)).toMatchObject({ status: 'VALID', problems: [] });
  });
});
