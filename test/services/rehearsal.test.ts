import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EmbeddedScratchGraphs } from '../../src/adapters/embedded-graph/scratch-graphs.ts';
import { PostgresIdempotencyStore } from '../../src/adapters/postgres/idempotency-store.ts';
import { PostgresConflictStore } from '../../src/adapters/postgres/operation-store/conflict-store.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { PostgresRehearsalStore } from '../../src/adapters/postgres/rehearsal-store.ts';
import type { RehearsalRecord } from '../../src/ports/rehearsal-store.ts';
import type { ScratchGraphs } from '../../src/ports/scratch-graphs.ts';
import type { RollbackRequest } from '../../src/services/contract.ts';
import { Idempotency } from '../../src/services/idempotency.ts';
import { Rehearser } from '../../src/services/rehearsal/rehearser.ts';
import { engines } from '../support/engines.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { CALLER, goneNode, goneRelationship, openWorld, type World } from '../support/rollback-world.ts';

describe.each(engines)('rehearsal on %s', (_, open) => {
  let database: PostgresStore;
  let world: World;
  let rehearsals: PostgresRehearsalStore;
  let scratches: ScratchGraphs;
  let rehearser: Rehearser;
  let close: () => Promise<void>;
  const failed: unknown[] = [];

  const rehearserWith = (more: { scratches?: ScratchGraphs } = {}): Rehearser => {
    const holder = randomUUID();
    const idempotency = new Idempotency({ store: new PostgresIdempotencyStore(database), keys: world.keys, holder });
    const deps = {
      ...world,
      conflicts: new PostgresConflictStore(database),
      rehearsals,
      scratches: more.scratches ?? scratches,
      idempotency,
    };
    return new Rehearser(deps, { holder, onError: (error) => failed.push(error) });
  };

  beforeAll(async () => {
    const engine = await open();
    database = engine.database;
    world = await openWorld(database, { queue: 'pg-boss' });
    rehearsals = new PostgresRehearsalStore(database);
    scratches = new EmbeddedScratchGraphs(database);
    rehearser = rehearserWith();
    await rehearser.start();
    close = async () => {
      await rehearser.stop();
      await world.close();
      await engine.close();
    };
  });
  afterAll(() => close());

  const preview = async (since: bigint, input: Partial<RollbackRequest> = {}): Promise<string> => {
    const undo = { by: { actor: 'u' }, from: { seq: since } };
    return (await world.rollback({ dryRun: true, undo, ...input })).id;
  };
  const ended = async (id: string): Promise<RehearsalRecord> => {
    for (const until = Date.now() + 30_000; Date.now() < until; await sleep(20)) {
      const found = await rehearsals.get(id);
      if (found !== null && found.status !== 'RUNNING') return found;
    }
    throw new Error(`rehearsal ${id} does not end`);
  };
  const rehearse = async (operation: string): Promise<RehearsalRecord> =>
    ended(await rehearser.begin(CALLER, { id: operation }));
  const differences = async (id: string) =>
    (
      await database.query<{ key: string; expected: unknown; actual: unknown }>(
        'SELECT key, expected, actual FROM rehearsal_differences WHERE rehearsal_id = $1 ORDER BY no',
        [id],
      )
    ).rows;

  /** Actor `u` changed, created and removed nodes and relationships of a small web. */
  async function messUp(name: string): Promise<bigint> {
    const web = Array.from({ length: 10 }, (_, n) => node(`${name}${n}`, { p: 0 }, ['T']));
    const links = web.map(({ key }) => relationship(`${name}-link-${key}`, key, `${name}0`));
    const since = await world.write('start', [...web, ...links]);
    await world.write('u', [
      node(`${name}0`, { p: 1 }, ['T', 'U']),
      goneRelationship(`${name}-link-${name}9`),
      goneNode(`${name}9`),
      node(`${name}-new`, { q: 1 }),
      relationship(`${name}-tie`, `${name}-new`, `${name}1`),
    ]);
    return since;
  }

  test.each(['IMMEDIATE', 'GRADUAL'] as const)('a plan that the graph takes is proved: %s', async (strategy) => {
    const name = strategy.toLowerCase();
    const since = await messUp(name);
    const before = await world.content();
    const operation = await preview(since, { strategy, ...(strategy === 'GRADUAL' && { batchSize: 2 }) });
    const record = await rehearse(operation);
    expect(record).toMatchObject({ status: 'DONE', matches: true, errorMessage: null, progress: 100, scratch: null });
    // Beside the five entities that it touches: the ends of the two relationships that are there or come back.
    expect(record.counts).toEqual({ planned: 5n, copied: 4n, applied: 5n });
    expect(await differences(record.id)).toEqual([]);
    expect(await world.content()).toEqual(before);
    expect(await scratches.names(10)).toEqual([]);
  });

  test('what others wrote since the preview stops the plan where it would stop it in the graph', async () => {
    const since = await messUp('drift');
    const operation = await preview(since);
    await world.write('other', [node('drift0', { p: 7 }, ['T', 'U'])]);
    const record = await rehearse(operation);
    expect(record).toMatchObject({ status: 'DONE', matches: false });
    expect(record.errorMessage).toMatch(/batch 1 of 1 cannot be written: since the preview, 1 entities were changed/);
    const found = await differences(record.id);
    expect(found).toHaveLength(5);
    expect(found.find(({ key }) => key === 'drift0')).toMatchObject({
      expected: node('drift0', { p: 0 }, ['T']),
      actual: node('drift0', { p: 7 }, ['T', 'U']),
    });
  });

  test('a relationship that others tied to a node that vanishes keeps it, as it would in the graph', async () => {
    const since = await messUp('tied');
    const operation = await preview(since);
    await world.write('other', [relationship('tied-late', 'tied2', 'tied-new')]);
    expect(await rehearse(operation)).toMatchObject({
      matches: false,
      errorMessage: expect.stringMatching(/node tied-new still has relationships/),
    });
  });

  test("a constraint of the user's own refuses in the copy what it would refuse in the graph", async () => {
    await database.script(`CREATE UNIQUE INDEX email ON graph_demo.nodes ((properties->>'email')) WHERE labels @> '{Person}';
      ALTER TABLE graph_demo.nodes ADD CONSTRAINT short CHECK (length(properties->>'email') < 20);
      ALTER TABLE graph_demo.nodes ADD CONSTRAINT badge EXCLUDE USING btree ((properties->>'badge') WITH =)`);
    const person = (key: string, email: string) => node(key, { email }, ['Person']);
    const since = await world.write('start', [person('ann', 'a@x'), person('bob', 'b@x')]);
    await world.write('u', [person('ann', 'ann@x')]);
    const operation = await preview(since);
    expect(await rehearse(operation)).toMatchObject({ matches: true, counts: { copied: 1n, applied: 1n } });
    // Somebody whom the plan does not touch takes the address that ann is to have again.
    await world.write('other', [person('eve', 'a@x')]);
    const record = await rehearse(operation);
    expect(record).toMatchObject({ status: 'DONE', matches: false });
    expect(record.errorMessage).toBe('email: node ann would get a value that eve has');
    expect(await differences(record.id)).toMatchObject([
      { key: 'ann', expected: person('ann', 'a@x'), actual: person('ann', 'ann@x') },
    ]);
    await database.script(`ALTER TABLE graph_demo.nodes DROP CONSTRAINT short, DROP CONSTRAINT badge,
      ADD CONSTRAINT long CHECK (key <> 'ann' OR length(properties->>'email') > 4) NOT VALID; DROP INDEX graph_demo.email`);
    expect((await rehearse(operation)).errorMessage).toMatch(/violates check constraint "long"/);
    await database.script('ALTER TABLE graph_demo.nodes DROP CONSTRAINT long');
  });

  test('declared constraints are those of the copy, too', async () => {
    const declare = (kind: string, property: string, types = '{}') =>
      database.script(
        `SELECT graph_demo.add_constraint('d_${kind}', '${kind}', 'NODE', 'Member', '{${property}}', '${types}')`,
      );
    const member = (key: string, name: string, age: number | string) => node(key, { name, age }, ['Member']);
    const since = await world.write('start', [node('m1', { name: 'x', age: 'old' }, ['Member'])]);
    await world.write('u', [member('m1', 'y', 3)]);
    const operation = await preview(since);
    await declare('UNIQUE', 'name');
    expect(await rehearse(operation)).toMatchObject({ matches: true });
    await world.write('other', [member('m2', 'x', 4)]);
    expect((await rehearse(operation)).errorMessage).toBe('d_UNIQUE: node m1 would get a value that m2 has');
    await world.write('other', [goneNode('m2')]);
    await declare('TYPE', 'age', '{INTEGER}');
    expect((await rehearse(operation)).errorMessage).toMatch(/constraint d_TYPE wants age of every Member/);
    await database.script(`SELECT graph_demo.drop_constraint('d_TYPE'), graph_demo.drop_constraint('d_UNIQUE')`);
  });

  test('a plan without writes, and one of nothing that is recorded, match', async () => {
    const since = await world.write('start', [node('still')]);
    expect(await rehearse(await preview(since))).toMatchObject({ matches: true, counts: { copied: 0n, applied: 0n } });
  });

  test('is refused for what is no finished, decided preview, and says why', async () => {
    const since = await world.write('start', [node('x', { p: 0 })]);
    await world.write('u', [node('x', { p: 1 })]);
    await expect(rehearser.begin(CALLER, { id: randomUUID() })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await world.write('other', [node('x', { p: 2 })]);
    const open = await preview(since);
    await expect(rehearser.begin(CALLER, { id: open })).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringMatching(/conflicts that are not decided: 1/),
    });
    const done = await world.rollback({
      undo: { by: { actor: 'other' }, from: { seq: since } },
      policy: { default: 'OVERWRITE' },
    });
    await expect(rehearser.begin(CALLER, { id: done.id })).rejects.toMatchObject({
      code: 'WRONG_STATE',
      message: expect.stringMatching(/is not a dry run/),
    });
  });

  test('asked again while it runs, or under its key, it is the same one', async () => {
    const operation = await preview(await messUp('same'));
    const first = await rehearser.begin(CALLER, { id: operation, idempotencyKey: 'once' });
    await ended(first);
    expect(await rehearser.begin(CALLER, { id: operation, idempotencyKey: 'once' })).toBe(first);
    const second = await rehearser.begin(CALLER, { id: operation });
    expect(second).not.toBe(first);
    await ended(second);
  });

  test('one whose instance stopped is taken over, its scratch graph replaced, and the late one changes nothing', async () => {
    const operation = await preview(await messUp('late'));
    const reached = deferred<void>();
    const released = deferred<void>();
    const slow: ScratchGraphs = {
      create: async (name, like) => {
        const made = await scratches.create(name, like);
        reached.resolve();
        await released.promise;
        return made;
      },
      remove: async () => {},
      names: (limit) => scratches.names(limit),
    };
    const stopped = rehearserWith({ scratches: slow });
    const id = randomUUID();
    const { planHash, graphId, counts } = (await world.operations.get(operation)) ?? { counts: { planned: 0n } };
    const created = { id, operationId: operation, graphId: graphId ?? 0, planHash: planHash ?? '', requestedBy: 'u' };
    await rehearsals.create({ ...created, planned: counts.planned }, NO_AUDIT);
    const late = stopped.run(id);
    await reached.promise;
    expect(await scratches.names(10)).toHaveLength(1);
    await database.query(`UPDATE rehearsals SET lease_expires_at = clock_timestamp() WHERE id = $1`, [id]);
    await rehearser.run(id);
    // A sweep may have been faster.
    expect(await ended(id)).toMatchObject({ status: 'DONE', matches: true });
    expect(await scratches.names(10)).toEqual([]);
    released.resolve();
    await late;
    expect(await rehearsals.get(id)).toMatchObject({ status: 'DONE', matches: true });
    expect(await differences(id)).toEqual([]);
  });

  test('a scratch graph that nobody runs a rehearsal in is swept away, one in use stays', async () => {
    const [left, used] = [randomUUID(), randomUUID()];
    const operation = await preview(await messUp('swept'));
    const { planHash, graphId } = (await world.operations.get(operation)) ?? {};
    const created = { operationId: operation, graphId: graphId ?? 0, planHash: planHash ?? '', requestedBy: 'u' };
    await rehearsals.create({ ...created, id: used, planned: 5n }, NO_AUDIT);
    await rehearsals.acquire(used, 'someone', 60_000);
    await rehearsals.advance(used, 'someone', { progress: 1, scratch: used });
    await scratches.create(left, world.graph);
    await scratches.create(used, world.graph);
    await rehearser.sweep();
    expect(await scratches.names(10)).toEqual([used]);
    await rehearsals.release(used, 'someone');
    await rehearser.sweep();
    expect(await ended(used)).toMatchObject({ matches: true });
    expect(await scratches.names(10)).toEqual([]);
  });
});

const NO_AUDIT = {
  type: 'REHEARSAL_STARTED',
  data: {},
  actor: null,
  ip: null,
  userAgent: null,
  pointId: null,
  operationId: null,
};

function deferred<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  return Promise.withResolvers<Value>();
}
