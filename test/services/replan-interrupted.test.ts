import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PgliteDatabase } from '../../src/adapters/postgres/pglite-database.ts';
import type { RollbackRequest } from '../../src/services/contract.ts';
import { RollbackRunner } from '../../src/services/rollback-runner.ts';
import { decision } from '../support/conflicted.ts';
import { node, relationship } from '../support/graph-writes.ts';
import { Interruptions } from '../support/interruptions.ts';
import { Mortal } from '../support/mortal.ts';
import { PERSISTING } from '../support/persisted-steps.ts';
import { createPgliteDatabase } from '../support/postgres.ts';
import { CALLER, openWorld, type World } from '../support/rollback-world.ts';

/*
 * Others write what an execution is about to write, so that it is planned again, and the instance dies meanwhile. Whoever takes the operation
 * up goes by the plan of then as it would have been, whole.
 */

let database: PgliteDatabase;
let world: World;
const interruptions = new Interruptions();
beforeAll(async () => {
  database = await createPgliteDatabase({ migrated: true });
  world = await openWorld(database, { queue: 'none', wrapGraph: interruptions.wrap });
});
afterAll(async () => {
  await world.close();
  await database.close();
});

interface Case {
  readonly request: Pick<RollbackRequest, 'policy'> & Partial<RollbackRequest>;
  /** Another conflict arises before whoever goes on writes its second batch. */
  readonly late: boolean;
}

const cases: readonly (readonly [string, Case])[] = [
  ['that a person decides about', { request: { policy: { default: 'MANUAL' } }, late: false }],
  ['that the policy leaves out', { request: { policy: { default: 'SKIP' } }, late: false }],
  [
    'of the first of several batches, while a later one meets a conflict, too',
    { request: { policy: { default: 'MANUAL' }, strategy: 'GRADUAL', batchSize: 3 }, late: true },
  ],
];

let round = 0;

/** Undoes what u did; the instance dies once it has stored something for the n-th time after others came in between. Null: it lives. */
async function run({ request, late }: Case, call: number | null) {
  round += 1;
  const named = (name: string): string => `s${round}-${name}`;
  const [a, b, c, d, e, end] = [named('a'), named('b'), named('c'), named('d'), named('e'), named('end')];
  const start = await world.write('start', [node(end), ...[a, b, d].map((key) => node(key, { p: 0 }))]);
  await world.write(named('u'), [
    ...[a, b, d].map((key) => node(key, { p: 1 })),
    ...[c, e].flatMap((key) => [node(key), relationship(`${key}-own`, key, end)]),
  ]);
  interruptions.reset();
  const id = await world.request({ undo: { by: { actor: named('u') }, from: { seq: start } }, ...request });

  const mortal = new Mortal(call === null ? null : { call, moment: 'after', of: PERSISTING });
  const deps = { ...world.deps };
  interruptions.before = async (transaction) => {
    if (transaction !== 2) return;
    await world.write('other', [node(a, { p: 5 }), node(c, { theirs: 1 }), relationship(named('e-theirs'), e, end)]);
    const { operations, plans, conflicts } = world.deps;
    Object.assign(deps, {
      operations: mortal.wrap(operations),
      plans: mortal.wrap(plans),
      conflicts: mortal.wrap(conflicts),
    });
  };
  const first = new RollbackRunner(deps, world.queue, { holder: 'mortal' });
  await first.run(id).catch((error: unknown) => {
    if (!mortal.dead) throw error;
  });

  interruptions.reset();
  if (late) {
    interruptions.before = async (transaction) => {
      if (transaction === 3) await world.write('other', [node(d, { p: 9 })]);
    };
  }
  await goOn(id);
  const content = await world.content();
  const left = Object.entries(content)
    .filter(([name]) => name.includes(`:s${round}-`))
    .map(([name, state]) => [name.replace(`s${round}-`, ''), state.properties]);
  const { outcome, counts } = await world.read(id);
  const details = await world.details(id);
  return {
    mortal,
    end: {
      outcome,
      counts,
      left: Object.fromEntries(left),
      account: { ...details?.account, planHash: '' },
      matches: details?.proof?.matches,
      conflicts: (await world.conflicts(id))
        .map(({ key, status }) => `${key.replace(`s${round}-`, '')} ${status}`)
        .sort(),
    },
  };
}

/** Everything that is open is decided by TARGET, as often as the operation waits. */
async function goOn(id: string): Promise<void> {
  for (;;) {
    await world.operations.forgetLeases();
    await world.runner.run(id);
    const { status } = await world.read(id);
    if (status !== 'CONFLICT_RESOLUTION') return;
    const open = await world.conflictStore.select(id, { status: 'OPEN' }, 0n, 10);
    expect(open).not.toEqual([]);
    const resolutions = open.map((conflict) => decision(conflict, { side: 'TARGET' }));
    await world.manager.resolve(CALLER, { operation: id, resolutions });
  }
}

test.each(cases)(
  'an execution that is planned again, and whose instance dies, %s',
  async (_name, how) => {
    const { end } = await run(how, null);
    expect(end).toMatchObject({ matches: true, account: { left: '0' } });
    if (how.request.policy.default === 'SKIP') {
      expect(end).toMatchObject({ outcome: 'SKIPPED', counts: { skipped: 5n, applied: 2n } });
      expect(end.left).toEqual({
        'n:a': { p: 5 },
        'n:b': { p: 0 },
        'n:c': { theirs: 1 },
        'n:d': { p: 0 },
        'n:end': {},
        'n:e': {},
        'r:c-own': {},
        'r:e-own': {},
        'r:e-theirs': {},
      });
    } else {
      expect(end).toMatchObject({ outcome: 'APPLIED', counts: { applied: 8n } });
      expect(end.left).toEqual({ 'n:a': { p: 0 }, 'n:b': { p: 0 }, 'n:d': { p: 0 }, 'n:end': {} });
    }
    let deaths = 0;
    for (let call = 1; ; call += 1) {
      const died = await run(how, call);
      if (!died.mortal.dead) break;
      deaths += 1;
      expect({ call, ...died.end }).toEqual({ call, ...end });
    }
    expect(deaths).toBeGreaterThan(6);
  },
  240_000,
);
