import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { ConflictChoiceKind } from '../../src/core/conflict-choice.ts';
import { choiceFrom } from '../../src/core/conflict-choice.ts';
import { PalinodeError } from '../../src/core/errors.ts';
import type { ConflictStrategy } from '../../src/core/policy.ts';
import { isFinalOperation } from '../../src/core/states.ts';
import { node, relationship } from './graph-writes.ts';
import type { Moment } from './mortal.ts';
import { runMortal } from './mortal-instance.ts';
import { checkAll, checkEnds, type Real } from './operation-checks.ts';
import { CALLER, goneNode, goneRelationship, type Wanted, type World } from './rollback-world.ts';

/**
 * Random paths of the real services: people write, ask for rollbacks, decide, pause, continue, abort, resume, undo; instances take operations
 * up and die between any two of their steps. After each command the operations are checked against what holds at all times.
 */
export interface Model {
  /** How many operations there are. */
  operations: number;
}

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const DEATHS: readonly Moment[] = ['before', 'inside', 'after'];

type Write =
  | { readonly kind: 'SET'; readonly by: 'u' | 'v'; readonly key: string; readonly value: number }
  | { readonly kind: 'DELETE'; readonly by: 'u' | 'v'; readonly key: string }
  | { readonly kind: 'CONNECT'; readonly by: 'u' | 'v'; readonly from: string; readonly to: string };

class Step implements fc.AsyncCommand<Model, Real, false> {
  readonly #text: string;
  readonly #needsOperation: boolean;
  readonly #work: (real: Real) => Promise<unknown>;

  constructor(text: string, needsOperation: boolean, work: (real: Real) => Promise<unknown>) {
    this.#text = text;
    this.#needsOperation = needsOperation;
    this.#work = work;
  }

  check({ operations }: Readonly<Model>): boolean {
    return !this.#needsOperation || operations > 0;
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.#work(real);
    model.operations = real.ids.length;
    await checkAll(real);
  }

  toString(): string {
    return this.#text;
  }
}

/** What people ask for may be refused, with an error of the service's own. */
async function asked(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PalinodeError) return null;
    throw error;
  }
}

/** Something to take back, some of it with others' writes on top. */
export async function begin(world: World, prefix: string): Promise<Omit<Real, 'ids' | 'ended'>> {
  const nodes = (p: number, keys: readonly string[]) => keys.map((key) => node(`${prefix}${key}`, { p }, ['N']));
  const linked = (from: string, to: string) =>
    relationship(`${prefix}${from}${to}`, `${prefix}${from}`, `${prefix}${to}`);
  await world.write(`${prefix}start`, [...nodes(0, ['a', 'b', 'c', 'd']), linked('a', 'b')]);
  const { seq: start } = await world.moments.live(world.graphId);
  await world.write(`${prefix}u`, [...nodes(1, ['a', 'b', 'c', 'd', 'e']), linked('c', 'd')]);
  await world.write(`${prefix}v`, [...nodes(2, ['b', 'c']), linked('e', 'a')]);
  return { world, prefix, start };
}

/** Writes what makes sense of it in the graph as it is. */
async function write({ world, prefix }: Real, wish: Write): Promise<void> {
  const content = await world.content();
  const here = (key: string): boolean => content[`n:${prefix}${key}`] !== undefined;
  const wanted: Wanted[] = [];
  if (wish.kind === 'SET') wanted.push(node(`${prefix}${wish.key}`, { p: wish.value }, ['N']));
  else if (wish.kind === 'CONNECT') {
    if (!here(wish.from) || !here(wish.to)) return;
    wanted.push(relationship(`${prefix}${wish.from}${wish.to}`, `${prefix}${wish.from}`, `${prefix}${wish.to}`));
  } else {
    if (!here(wish.key)) return;
    const key = `${prefix}${wish.key}`;
    for (const state of Object.values(content)) {
      if (state.kind === 'RELATIONSHIP' && (state.start === key || state.end === key))
        wanted.push(goneRelationship(state.key));
    }
    wanted.push(goneNode(key));
  }
  await world.write(`${prefix}${wish.by}`, wanted);
}

async function decideOne({ world, prefix }: Real, id: string, at: number, kind: ConflictChoiceKind, isStale: boolean) {
  const conflicts = await world.conflictStore.select(id, {}, 0n, 1000);
  const conflict = conflicts[at % Math.max(1, conflicts.length)];
  if (conflict === undefined) return;
  const before = conflict.version;
  const resolution = {
    conflict: conflict.id,
    choice: choiceFrom(kind, kind === 'VALUE' ? 99 : null),
    expectVersion: isStale ? before - 1 : before,
    remember: false,
  };
  const result = await asked(() =>
    world.manager.resolve({ ...CALLER, actor: `${prefix}judge` }, { operation: id, resolutions: [resolution] }),
  );
  if (isStale) expect(result).toBeNull();
}

const arbBy = fc.constantFrom('u' as const, 'v' as const);
const arbKey = fc.constantFrom(...KEYS);
const arbWrite: fc.Arbitrary<Write> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('SET' as const), by: arbBy, key: arbKey, value: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('DELETE' as const), by: arbBy, key: arbKey }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('CONNECT' as const), by: arbBy, from: arbKey, to: arbKey }) },
);
const arbPolicy = fc.constantFrom<ConflictStrategy>(
  'MANUAL',
  'MANUAL',
  'MANUAL',
  'SKIP',
  'OVERWRITE',
  'MERGE',
  'ABORT',
);
const arbWhich = fc.nat(20);
const arbDeath = fc.option(fc.record({ call: fc.integer({ min: 1, max: 60 }), moment: fc.constantFrom(...DEATHS) }), {
  freq: 2,
});

/** Mostly one of the newest. */
const pick = ({ ids }: Real, which: number): string => ids[ids.length - 1 - (which % Math.min(ids.length, 3))] ?? '';

function onOperation(text: string, work: (real: Real, id: string) => Promise<unknown>) {
  return arbWhich.map((which) => new Step(`${text}(${which})`, true, (real) => work(real, pick(real, which))));
}

/** Remembers the operation that a request made, if it made one. */
async function made(real: Real, work: () => Promise<string>): Promise<void> {
  const id = await asked(work);
  if (typeof id === 'string' && !real.ids.includes(id)) real.ids.push(id);
}

const arbRequest = fc
  .record({ by: arbBy, isRestore: fc.boolean(), dryRun: fc.boolean(), isGradual: fc.boolean(), policy: arbPolicy })
  .map(({ by, isRestore, dryRun, isGradual, policy }) => {
    const text = `Request(${isRestore ? 'restore' : by}${dryRun ? ' dry' : ''}${isGradual ? ' gradual' : ''} ${policy})`;
    return new Step(text, false, (real) =>
      made(real, () =>
        real.world.request({
          ...(isRestore
            ? { to: { seq: real.start }, scope: { keys: allKeys(real.prefix) } }
            : { undo: { by: { actor: `${real.prefix}${by}` }, from: { seq: real.start } } }),
          dryRun,
          policy: { default: policy },
          ...(isGradual && { strategy: 'GRADUAL', batchSize: 3 }),
        }),
      ),
    );
  });

function allKeys(prefix: string): string[] {
  return [...KEYS, ...KEYS.flatMap((from) => KEYS.map((to) => `${from}${to}`))].map((key) => `${prefix}${key}`);
}

const arbRun = fc
  .tuple(arbWhich, arbDeath)
  .map(
    ([which, death]) =>
      new Step(`Run(${which}${death === null ? '' : ` dies ${death.moment} ${death.call}`})`, true, (real) =>
        runMortal(real.world, pick(real, which), death),
      ),
  );
const arbDecide = fc
  .tuple(
    arbWhich,
    arbWhich,
    fc.constantFrom<ConflictChoiceKind>('LIVE', 'TARGET', 'TARGET', 'BASE', 'MERGED', 'VALUE', 'ABSENT'),
    fc.nat(5),
  )
  .map(
    ([which, at, kind, luck]) =>
      new Step(`Decide(${which} ${at} ${kind}${luck === 0 ? ' stale' : ''})`, true, (real) =>
        decideOne(real, pick(real, which), at, kind, luck === 0),
      ),
  );
const arbDecideAll = onOperation('DecideAll', ({ world }, id) =>
  asked(async () => {
    const open = await world.conflictStore.select(id, { status: 'OPEN' }, 0n, 1000);
    const all = { where: { status: 'OPEN' }, choice: { side: 'TARGET' }, expectCount: BigInt(open.length) } as const;
    return world.manager.resolve(CALLER, { operation: id, resolutions: [], all });
  }),
);

/** Commands of a walk. */
export const arbCommands = (maxCommands: number) =>
  fc.commands<Model, Real, false>(
    [
      arbWrite.map((wish) => new Step(`Write(${JSON.stringify(wish)})`, false, (real) => write(real, wish))),
      arbRequest,
      ...Array.from({ length: 5 }, () => arbRun),
      arbDecide,
      arbDecide,
      arbDecideAll,
      fc.tuple(arbWhich, fc.nat(3)).map(
        ([which, luck]) =>
          new Step(`Abort(${which} ${luck})`, true, async (real) => {
            if (luck === 0) await asked(() => real.world.manager.abort(CALLER, { id: pick(real, which) }));
          }),
      ),
      onOperation('Pause', ({ world }, id) => asked(() => world.manager.pause(CALLER, { id }))),
      onOperation('Continue', ({ world }, id) => asked(() => world.manager.continue(CALLER, { id }))),
      onOperation('Resume', (real, id) => made(real, () => real.world.manager.resume(CALLER, { id, policy: null }))),
      onOperation('Undo', (real, id) =>
        made(real, () => real.world.manager.undo(CALLER, { id, policy: { default: 'MANUAL' } })),
      ),
      onOperation('Execute', (real, id) =>
        made(real, async () => {
          const { planHash } = await real.world.read(id);
          return real.world.manager.execute(CALLER, { id, expectPlan: planHash ?? '', strategy: 'IMMEDIATE' });
        }),
      ),
    ],
    { maxCommands, size: 'max' },
  );

/** Brings every operation to an end, as time and people would. */
export async function bringToEnd(real: Real): Promise<void> {
  const { world, ids } = real;
  for (const id of ids) {
    for (let round = 0; ; round += 1) {
      const { status, paused } = await world.read(id);
      if (isFinalOperation(status)) break;
      if (round > 20) throw new Error(`operation ${id} is stuck in ${status}`);
      if (paused) await world.manager.continue(CALLER, { id });
      if (status === 'CONFLICT_RESOLUTION') await decideRest(real, id, round);
      await runMortal(real.world, id, null);
    }
  }
  await checkAll(real);
  await checkEnds(real);
}

/** At first what others did is overwritten; who comes back to it gives up. */
async function decideRest({ world }: Real, id: string, round: number): Promise<void> {
  const open = await world.conflictStore.select(id, { status: 'OPEN' }, 0n, 1000);
  const decidable = open.every(({ overwritable }) => overwritable);
  if (open.length === 0) return;
  if (round > 5 || !decidable) {
    await world.manager.abort(CALLER, { id });
    return;
  }
  const all = { where: { status: 'OPEN' }, choice: { side: 'TARGET' }, expectCount: BigInt(open.length) } as const;
  await world.manager.resolve(CALLER, { operation: id, resolutions: [], all });
}
