import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PlanRow } from '../../src/ports/plan-store.ts';
import { LAST_GROUP } from '../../src/services/strategies/strategy.ts';
import { changedNodes } from '../support/changed-nodes.ts';
import { engines, type OpenedEngine } from '../support/engines.ts';
import { openWorld, type World } from '../support/rollback-world.ts';

describe.each(engines)('what is to be written again after some batches, on %s', (_, open) => {
  let engine: OpenedEngine;
  let world: World;
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database);
  });
  afterAll(async () => {
    await world.close();
    await engine.close();
  });

  test.each(['SKIPPED', 'ALREADY_SO'] as const)(
    'comes after all of them, though it was %s in one of them',
    async (state) => {
      const { keys, undo } = await changedNodes(world, 3);
      const { id } = await world.rollback({ undo, dryRun: true });
      const lease = await relet(id);
      const refs = keys.map((key) => ({ kind: 'NODE', key }) as const);
      const rows = await world.plans.rows(id, refs);
      const [first, second, third] = refs.map(({ key }) => rows.find((row) => row.key === key));
      if (!first || !second || !third) throw new Error('no plan');
      const put = (row: PlanRow, as: PlanRow['state']) => world.plans.put(lease, [{ ...row, state: as }]);
      await put(first, state);
      const written = await groupsOf(id);
      await put(first, 'PENDING');
      const again = await groupsOf(id);
      // As if the batch with the first one were written by now, and another one came back, too.
      await put(second, state);
      await put(second, 'PENDING');
      expect(again.filter((group) => !written.includes(group))).toHaveLength(1);
      expect(Math.max(...again)).toBeGreaterThan(Math.max(...written));
      const last = await groupsOf(id);
      expect(Math.max(...last)).toBeGreaterThan(Math.max(...again));
      const pending = await world.plans.writes(id, 0n, LAST_GROUP);
      expect(pending.map(({ key }) => key).sort()).toEqual([...keys].sort());
    },
  );

  /** A preview has ended; its plan is as good as any. */
  async function relet(id: string) {
    await engine.database.query('UPDATE rollback_operations SET lease_token = lease_token + 1 WHERE id = $1', [id]);
    const { rows } = await engine.database.query<{ token: bigint }>(
      'SELECT lease_token AS token FROM rollback_operations WHERE id = $1',
      [id],
    );
    return { operationId: id, holder: 'test', token: rows[0]?.token ?? 0n };
  }

  async function groupsOf(id: string): Promise<number[]> {
    const groups: number[] = [];
    for await (const page of world.plans.groups(id)) groups.push(...page.map(({ group }) => Number(group)));
    return groups;
  }
});
