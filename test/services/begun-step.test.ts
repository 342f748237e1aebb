import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PostgresOperationStore } from '../../src/adapters/postgres/operation-store/store.ts';
import { LeaseLostError } from '../../src/ports/operation-store.ts';
import { auditFact } from '../../src/services/audit-facts.ts';
import { analyze } from '../../src/services/rollback/analysis.ts';
import { OperationRun, UNWATCHED } from '../../src/services/rollback/operation-run.ts';
import { prepare } from '../../src/services/rollback/preparation.ts';
import { node } from '../support/graph-writes.ts';
import { createPgliteDatabase, createTestDatabase } from '../support/postgres.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

const STEP = {
  applied: { fromGroup: 0n, toGroup: 1_000_000n },
  progress: 90,
  events: [{ type: 'PROGRESS', message: 'batch 1 of 1 written' }],
} as const;

test('a store with one connection begins no step that would wait on it', async () => {
  const database = await createPgliteDatabase();
  expect(new PostgresOperationStore(database).begin).toBeUndefined();
  await database.close();
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a step that is begun while its batch is being committed', () => {
  let created: Awaited<ReturnType<typeof createTestDatabase>>;
  let world: World;
  beforeAll(async () => {
    created = await createTestDatabase({ migrated: true, poolSize: 10 });
    world = await openWorld(created.database, { queue: 'none' });
  });
  afterAll(async () => {
    await world.close();
    await created[Symbol.asyncDispose]();
  });

  let made = 0;
  /** Planned, and held by an instance: three entities are to be written. */
  async function planned() {
    made += 1;
    const actor = `u${made}`;
    const nodes = [1, 2, 3].map((n) => node(`${actor}-${n}`, { p: 1 }));
    const start = await world.write('start', [node(`start-${made}`, {})]);
    await world.write(actor, nodes);
    const id = await world.manager.request(CALLER, {
      graph: 'demo',
      undo: { by: { actor }, from: { seq: start } },
      dryRun: false,
      strategy: 'IMMEDIATE',
      policy: { default: 'ABORT' },
      includeSchema: false,
    });
    const acquired = await world.operations.acquire(id, 'first', 60_000);
    if (acquired === null) throw new Error('not acquired');
    const run = new OperationRun(world.deps, acquired, UNWATCHED);
    await analyze(run);
    await prepare(run);
    const begin = () => {
      const begun = world.operations.begin?.(run.lease, STEP);
      if (begun === undefined) throw new Error('nothing was begun');
      return begun;
    };
    return { id, run, begin };
  }

  async function shown(id: string) {
    const { rows } = await created.database.query<{ state: string; n: bigint }>(
      'SELECT state, count(*) AS n FROM operation_plan WHERE operation_id = $1 GROUP BY state ORDER BY state',
      [id],
    );
    const progress = (await world.events(id)).filter(({ type, message }) => type === 'PROGRESS' && message !== null);
    const { counts } = await world.read(id);
    return { rows, applied: counts.applied, told: progress.length };
  }

  const NOTHING = { rows: [{ state: 'PENDING', n: 3n }], applied: 0n, told: 0 };
  const ALL = { rows: [{ state: 'APPLIED', n: 3n }], applied: 3n, told: 1 };

  test('is seen by nobody until it is finished, and then as a whole', async () => {
    const { id, begin } = await planned();
    const begun = begin();
    expect(await shown(id)).toEqual(NOTHING);
    expect(await begun.finish()).toMatchObject({ progress: 90, counts: { applied: 3n } });
    expect(await shown(id)).toEqual(ALL);
    await begun.drop();
    expect(await shown(id)).toEqual(ALL);
  });

  test('leaves nothing when it is dropped, and can be begun again', async () => {
    const { id, begin } = await planned();
    const begun = begin();
    await begun.drop();
    await begun.drop();
    expect(await shown(id)).toEqual(NOTHING);
    await begin().finish();
    expect(await shown(id)).toEqual(ALL);
  });

  test('holds back nobody who pauses, stops or reads the operation', async () => {
    const { id, run, begin } = await planned();
    const begun = begin();
    const audit = auditFact(CALLER, 'OPERATION_PAUSED', {}, { operationId: id });
    expect(await world.operations.setPaused(id, true, audit)).toBe(true);
    expect(await world.operations.setPaused(id, false, audit)).toBe(true);
    expect(await world.operations.renew(run.lease, 60_000)).toBe(true);
    await begun.finish();
    expect(await shown(id)).toEqual(ALL);
  });

  test('is made anew when its transaction has waited longer than a lease lives, or was ended', async () => {
    const { id, run } = await planned();
    const begun = new PostgresOperationStore(created.database, 300).begin?.(run.lease, STEP);
    const sleeping = `FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%operation_plan%' AND datname = current_database()`;
    const asleep = async () =>
      (await created.database.query<{ n: bigint }>(`SELECT count(*) AS n ${sleeping}`)).rows[0]?.n === 1n;
    await until(asleep);
    await until(async () => !(await asleep()));
    expect(await shown(id)).toEqual(NOTHING);
    expect(await begun?.finish()).toMatchObject({ counts: { applied: 3n } });
    expect(await shown(id)).toEqual(ALL);

    const other = await planned();
    const killed = other.begin();
    await until(asleep);
    await created.database.query(`SELECT pg_terminate_backend(pid) ${sleeping}`);
    expect(await killed.finish()).toMatchObject({ counts: { applied: 3n } });
    expect(await shown(other.id)).toEqual(ALL);
  });

  test('of an instance that was taken over comes to nothing, and the other one counts every row once', async () => {
    const { id, begin } = await planned();
    const begun = begin();
    await world.operations.forgetLeases();
    const second = await world.operations.acquire(id, 'second', 60_000);
    if (second === null) throw new Error('not acquired');
    const other = world.operations.advance(second.lease, { applied: STEP.applied });
    await expect(begun.finish()).rejects.toThrow(LeaseLostError);
    expect(await other).toMatchObject({ counts: { applied: 3n } });
    expect(await shown(id)).toEqual({ ...ALL, told: 0 });
  });
});
