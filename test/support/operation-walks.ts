import { afterAll, beforeAll, test } from '@jest/globals';
import fc from 'fast-check';
import type { OpenedEngine } from './engines.ts';
import type { Real } from './operation-checks.ts';
import { arbCommands, begin, bringToEnd } from './operation-model.ts';
import { openWorld, type World } from './rollback-world.ts';

/** The walks of one engine, in one database: each on keys of its own. */
export function walks(
  open: () => Promise<OpenedEngine>,
  size: { readonly numRuns: number; readonly maxCommands: number },
): void {
  let engine: OpenedEngine;
  let world: World;
  let walked = 0;
  beforeAll(async () => {
    engine = await open();
    world = await openWorld(engine.database, { queue: 'none', sweepMs: 3_600_000 });
  });
  afterAll(async () => {
    await world.close();
    await engine.close();
  });

  test('operations keep to their states, lose nothing, write everything once, and end', async () => {
    await fc.assert(
      fc.asyncProperty(arbCommands(size.maxCommands), async (commands) => {
        walked += 1;
        const real: Real = { ...(await begin(world, `w${walked}-`)), ids: [], ended: new Map() };
        try {
          await fc.asyncModelRun(() => ({ model: { operations: 0 }, real }), commands);
          await bringToEnd(real);
        } finally {
          // A walk that failed must not hold up those by which it is made smaller.
          await world.operations.forgetLeases();
          const open = `UPDATE rollback_operations SET status = 'ABORTED' WHERE id = ANY($1::uuid[]) AND completed_at IS NULL`;
          await world.database.query(open, [real.ids]);
        }
      }),
      { numRuns: size.numRuns, endOnFailure: false },
    );
  });
}
