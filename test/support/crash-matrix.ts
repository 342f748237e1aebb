import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import type { EntityState } from '../../src/core/entities.ts';
import type { RollbackRequest } from '../../src/services/contract.ts';
import type { Fault, FaultPlace, FaultSite } from './fault-places.ts';
import { node, relationship } from './graph-writes.ts';
import { PersistedSteps, type Strike } from './persisted-steps.ts';
import { startProcess } from './processes.ts';
import { goneNode, goneRelationship, type World } from './rollback-world.ts';

/** What happens to the operation: an immediate or a gradual undo of three batches, with a conflict that its policy decides. */
export type Strategy = 'IMMEDIATE' | 'GRADUAL';

type Content = Record<string, EntityState>;

interface Scenario {
  readonly old: Content;
  readonly target: Content;
  readonly request: Partial<RollbackRequest>;
  readonly planned: bigint;
}

const LEASE_MS = 400;
const OPTIONS = { leaseMs: LEASE_MS, sweepMs: 50 };
const child = fileURLToPath(new URL('../faults/rollback-child.ts', import.meta.url));

/** The persisted steps of an operation that nothing happens to. */
export async function stepsOf(place: FaultPlace, strategy: Strategy): Promise<readonly string[]> {
  const steps = new PersistedSteps();
  const site = await place.make(false);
  const { world, close } = await site.open({ ...OPTIONS, wrap: steps.wrap });
  const { request } = await messUp(world, strategy);
  const ended = await world.settle(await world.request(request));
  expect(ended.status).toBe('COMPLETED');
  await close();
  await site.dispose();
  // Markers that are swept later are not the operation's own steps.
  const last = steps.names.indexOf('forgetMarker');
  return last < 0 ? steps.names : steps.names.slice(0, last + 1);
}

/** Something that the service lives on goes away at one step: the operation comes to its one end all the same. */
export async function survives(place: FaultPlace, strategy: Strategy, fault: Fault, strike: Strike): Promise<void> {
  const site = await place.make(fault === 'Redis is lost');
  try {
    const { scenario, id } = await prepared(site, strategy);
    const steps = new PersistedSteps(strike, () => site.strike(fault));
    const first = await site.open({ ...OPTIONS, wrap: steps.wrap });
    await untilStruckAndStill(first.world, steps, id);
    await first.close();
    expect(steps.struck).toBe(true);
    await isWhole(site, scenario, strategy);
    await restartsAlike(site, scenario, id);
  } finally {
    await site.dispose();
  }
}

/** The service itself is killed at one step, in a process of its own. */
export async function outlivesDeath(
  place: FaultPlace,
  strategy: Strategy,
  kill: readonly [moment: 'before' | 'inside' | 'after', method: string, count: number],
): Promise<void> {
  const site = await place.make(false);
  try {
    const { scenario, id } = await prepared(site, strategy);
    const dying = startProcess(process.execPath, [child, site.where, id, ...kill.map(String)]);
    let output = '';
    for (const stream of [dying.stdout, dying.stderr])
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => dying.on('exit', resolve));
    // At the very last step it may have seen the end, and left, before it was struck.
    if (kill[1] !== 'forgetMarker') expect({ code, output }).toEqual({ code: null, output: '' });
    await isWhole(site, scenario, strategy);
    await restartsAlike(site, scenario, id);
  } finally {
    await site.dispose();
  }
}

/** The operation is requested, and nobody has begun it. */
async function prepared(site: FaultSite, strategy: Strategy): Promise<{ scenario: Scenario; id: string }> {
  const { world, close } = await site.open({ queue: 'none', ...OPTIONS, sweepMs: 3_600_000 });
  const scenario = await messUp(world, strategy);
  const id = await world.request(scenario.request);
  await close();
  return { scenario, id };
}

async function messUp(world: World, strategy: Strategy): Promise<Scenario> {
  const nodes = Array.from({ length: 12 }, (_, n) => node(`n${n}`, { p: 0 }, ['T']));
  const links = nodes.map(({ key }, n) => relationship(`l${n}`, key, 'n0'));
  const start = await world.write('start', [...nodes, ...links]);
  await world.write('u', [
    ...nodes.slice(0, 6).map(({ key }) => node(key, { p: 1 }, ['T'])),
    ...links.slice(9).map(({ key }) => goneRelationship(key)),
    ...nodes.slice(9).map(({ key }) => goneNode(key)),
    node('new', { p: 1 }),
    relationship('new-link', 'new', 'n1'),
  ]);
  await world.write('other', [node('n5', { p: 2 }, ['T']), node('theirs')]);
  const old = await world.content();
  const { 'n:new': _new, 'r:new-link': _link, ...rest } = old;
  const back = [...nodes, ...links].map((state) => [`${state.kind === 'NODE' ? 'n' : 'r'}:${state.key}`, state]);
  const undo = { by: { actor: 'u' }, from: { seq: start } };
  const batches = strategy === 'GRADUAL' && { batchSize: 5 };
  return {
    old,
    target: { ...rest, ...Object.fromEntries(back) },
    request: { undo, strategy, policy: { default: 'MANUAL', value: 'OVERWRITE' }, ...batches },
    planned: 14n,
  };
}

/** Until the operation has ended, or what ran it has given up. */
async function untilStruckAndStill(world: World, steps: PersistedSteps, id: string): Promise<void> {
  const until = Date.now() + 120_000;
  for (; Date.now() < until; await sleep(20)) {
    // While a store is away, it cannot be asked.
    const status = await world.read(id).then(
      (operation) => operation.status,
      () => null,
    );
    if (steps.struck && status !== null && FINAL.includes(status)) return;
    if (status !== null && FINAL.includes(status)) return;
  }
  throw new Error(`the operation does not end; ${world.errors.map(String).join('; ')}`);
}

/** Every entity is as it was or as it is to be; an immediate rollback is all one or all the other. */
async function isWhole(site: FaultSite, { old, target }: Scenario, strategy: Strategy): Promise<void> {
  const { world, close } = await site.open({ queue: 'none', ...OPTIONS, sweepMs: 3_600_000, wrap: asleep });
  const content = await world.content();
  await close();
  if (strategy === 'IMMEDIATE') expect([old, target]).toContainEqual(content);
  for (const id of new Set([...Object.keys(old), ...Object.keys(target), ...Object.keys(content)])) {
    expect([old[id] ?? null, target[id] ?? null]).toContainEqual(content[id] ?? null);
  }
}

/** Two restarts, and both find or make the one end. */
async function restartsAlike(site: FaultSite, scenario: Scenario, id: string): Promise<void> {
  const ends: unknown[] = [];
  for (let restart = 0; restart < 2; restart += 1) {
    const { world, close } = await site.open(OPTIONS);
    const operation = await world.settle(id);
    const details = await world.details(id);
    const { items } = await world.history.transactions(world.graphId, { operationId: id }, { limit: 100 });
    expect(await world.content()).toEqual(scenario.target);
    expect(operation).toMatchObject({
      status: 'COMPLETED',
      outcome: 'APPLIED',
      counts: { planned: scenario.planned, applied: scenario.planned },
    });
    expect(details?.proof).toMatchObject({ matches: true });
    expect(items.reduce((sum, { changeCount }) => sum + changeCount, 0n)).toBe(scenario.planned);
    const events = await world.events(id);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => BigInt(at + 1)));
    expect(events.filter(({ type }) => type === 'COMPLETED')).toHaveLength(1);
    const progress = events.map((event) => event.progress);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    ends.push({ operation, details, events, conflicts: await world.conflicts(id) });
    await close();
  }
  expect(ends[1]).toEqual(ends[0]);
}

const FINAL: readonly string[] = ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED'];

/** Nobody runs anything: only the graph is looked at. */
function asleep<Port extends object>(name: string, port: Port): Port {
  if (name !== 'operations') return port;
  return new Proxy(port, {
    get: (target, member) => {
      const found: unknown = Reflect.get(target, member, target);
      if (member === 'acquire') return async () => null;
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}
