import { expect } from '@jest/globals';
import { isFinalOperation, OPERATION_TRANSITIONS, type OperationStatus } from '../../src/core/states.ts';
import type { OperationRecord } from '../../src/ports/operation-store.ts';
import type { World } from './rollback-world.ts';

/** What a random walk of operations is made on, and what it has made. */
export interface Real {
  readonly world: World;
  /** Before every key and actor, so that the walks of one database are strangers. */
  readonly prefix: string;
  readonly start: bigint;
  readonly ids: string[];
  /** How the operations had ended that had. */
  readonly ended: Map<string, string>;
}

/** What holds of every operation, whatever its state. */
export async function checkAll(real: Real): Promise<void> {
  for (const id of real.ids) await checkOperation(real, await real.world.read(id));
}

/** What holds at all times. */
async function checkOperation({ world, ended }: Real, operation: OperationRecord): Promise<void> {
  const { id, status, outcome, counts, dryRun } = operation;
  const events = await world.events(id);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => BigInt(at + 1)));
  const progress = events.map((event) => event.progress);
  expect(progress).toEqual([...progress].sort((a, b) => a - b));
  // Every state is reached by one of the table's transitions, and leaves an event and an audit entry.
  const path = events.map((event) => event.status as OperationStatus);
  const states = path.filter((state, at) => at === 0 || state !== path[at - 1]);
  for (const [at, state] of states.entries()) {
    const previous = states[at - 1];
    if (previous !== undefined) expect(Object.values(OPERATION_TRANSITIONS[previous])).toContain(state);
  }
  expect(states.at(-1)).toBe(status);
  const audited = (await world.audit(id)).filter((type) => states.some((state) => type === `OPERATION_${state}`));
  expect(audited).toEqual(states.slice(1).map((state) => `OPERATION_${state}`));
  // Nobody holds what waits, is paused at rest, or has ended.
  if (status === 'CONFLICT_RESOLUTION' || isFinalOperation(status)) expect(await world.lease(id)).toBeNull();
  if (!isFinalOperation(status)) return;
  // An end is an end.
  const end = JSON.stringify([status, outcome, counts.applied.toString()]);
  expect(ended.get(id) ?? end).toBe(end);
  ended.set(id, end);
  // Every change that is counted was written exactly once.
  const { items } = await world.history.transactions(world.graphId, { operationId: id }, { limit: 1000 });
  expect(items.reduce((sum, { changeCount }) => sum + changeCount, 0n)).toBe(counts.applied);
  const { proof, account } = (await world.details(id)) ?? {};
  if (!dryRun) expect(account).not.toBeNull();
  if (!dryRun && (outcome === 'APPLIED' || outcome === 'SKIPPED')) expect(account).toMatchObject({ left: '0' });
  if (status === 'COMPLETED' && outcome === 'APPLIED') expect(proof).toMatchObject({ matches: true });
}

/** What holds when all have ended. */
export async function checkEnds({ world, ids }: Real): Promise<void> {
  await world.runner.sweep();
  const sql = 'SELECT operation FROM graph_demo.markers WHERE operation = ANY($1::text[])';
  expect((await world.database.query(sql, [ids])).rows).toEqual([]);
  await world.moments.live(world.graphId);
  const recorded = await world.history.statesAt(
    world.graphId,
    (await world.moments.live(world.graphId)).seq,
    Object.values(await world.content()),
  );
  expect(Object.fromEntries(recorded)).toEqual(await world.content());
}
