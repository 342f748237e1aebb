import { expect } from '@jest/globals';
import fc from 'fast-check';
import { ConstraintError } from '../../src/core/errors.ts';
import type { Value } from '../../src/core/values.ts';
import type { Database } from '../../src/ports/database.ts';
import { node } from './graph-writes.ts';
import { goneNode, type Wanted, type World } from './rollback-world.ts';

const KEYS = ['a', 'b', 'c', 'd'];
const WRITERS = ['U', 'V'];

/** One transaction; each entity gets an email of few, loses it, or goes. */
interface Step {
  readonly by: string;
  readonly edits: readonly (readonly [key: string, email: Value | null | 'gone'])[];
}

const arbStep: fc.Arbitrary<Step> = fc.record({
  by: fc.constantFrom(...WRITERS),
  edits: fc.uniqueArray(fc.tuple(fc.constantFrom(...KEYS), fc.constantFrom(1, 2, 3, null, 'gone')), {
    selector: ([key]) => key,
    minLength: 1,
    maxLength: 3,
  }),
});

let round = 0;

/**
 * Random histories of entities that compete for unique values, undone by SKIP: the plan leaves nothing that the graph would refuse, so the
 * operation ends, and nothing is found out only as it writes.
 */
export async function undoesWithinConstraints(world: World, database: Database, numRuns: number): Promise<void> {
  const arbStrategy = fc.constantFrom('IMMEDIATE' as const, 'GRADUAL' as const);
  await fc.assert(
    fc.asyncProperty(fc.array(arbStep, { minLength: 2, maxLength: 8 }), arbStrategy, async (steps, strategy) => {
      round += 1;
      const label = `Unique${round}`;
      const name = `unique_${round}`;
      await database.query(`SELECT graph_demo.add_constraint($1, 'UNIQUE', 'NODE', $2, '{email}')`, [name, label]);
      try {
        const start = (await world.moments.live(world.graphId)).seq;
        for (const { by, edits } of steps) {
          const wanted = edits.map(([key, email]): Wanted => {
            const full = `${label}-${key}`;
            return email === 'gone' ? goneNode(full) : node(full, email === null ? {} : { email }, [label]);
          });
          await world.write(`${label}-${by}`, wanted).catch((error: unknown) => {
            if (!(error instanceof ConstraintError)) throw error;
          });
        }
        const operation = await world.rollback({
          undo: { by: { actor: `${label}-U` }, from: { seq: start } },
          policy: { default: 'SKIP' },
          strategy,
        });
        expect(['COMPLETED', 'PARTIALLY_COMPLETED']).toContain(operation.status);
        const conflicts = await world.conflicts(operation.id);
        expect(conflicts.filter(({ aspect, property }) => aspect === 'CONSTRAINT' && property === null)).toEqual([]);
        const proof = (await world.details(operation.id))?.proof;
        expect(proof?.matches ?? true).toBe(true);
      } finally {
        await database.query('SELECT graph_demo.drop_constraint($1)', [name]);
      }
    }),
    { numRuns },
  );
}
