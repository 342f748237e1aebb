import { describe, expect, test } from '@jest/globals';
import { outlivesDeath, type Strategy, stepsOf, survives } from '../support/crash-matrix.ts';
import { FAULT_PLACES, type Fault } from '../support/fault-places.ts';
import { callOf, type FaultMoment, strikesOf } from '../support/persisted-steps.ts';

/** Redis carries notices only: losing it at different moments of a step is no different. */
const MOMENTS: Readonly<Record<Fault, readonly FaultMoment[]>> = {
  'the graph connection is killed': ['before', 'during', 'inside', 'after'],
  // Between two steps that do not write, the graph is the same whenever it dies.
  'Neo4j is killed and starts again': ['inside', 'after'],
  'PostgreSQL is killed and starts again': ['before', 'during', 'inside', 'after'],
  'Redis is lost': ['after'],
};
const STRATEGIES: readonly Strategy[] = ['IMMEDIATE', 'GRADUAL'];

/** A part of the cases only, as `2/5`: the whole takes an hour. */
const [PART = 1, PARTS = 1] = (process.env.PALINODE_PART ?? '1/1').split('/').map(Number);

/** Cases at steps of this name only. */
const STEP = process.env.PALINODE_STEP;

/**
 * Every persisted step of an operation, times everything that can die: exactly the old or the target state, then the one end, twice. What
 * a place can suffer is said in fault-places.ts.
 */
describe.each(FAULT_PLACES.map((make) => [make.name, make] as const))('crash matrix: %s', (_, make) => {
  test.each(STRATEGIES)('%s', async (strategy) => {
    const place = await make();
    const steps = await stepsOf(place, strategy);
    const failures: string[] = [];
    let found = 0;
    let cases = 0;
    const run = async (name: string, work: () => Promise<void>): Promise<void> => {
      if (STEP !== undefined && !name.includes(STEP)) return;
      found += 1;
      if (found % PARTS !== PART % PARTS) return;
      cases += 1;
      await work().catch((error: unknown) => failures.push(`${name}: ${String(error).slice(0, 2000)}`));
    };
    for (const strike of strikesOf(steps, ['inside', 'after'])) {
      const call = callOf(steps, strike.step);
      const moment = strike.moment === 'inside' ? 'inside' : 'after';
      await run(`kill -9 ${moment} ${call.join(' ')}`, () => outlivesDeath(place, strategy, [moment, ...call]));
    }
    for (const fault of place.faults) {
      for (const strike of strikesOf(steps, MOMENTS[fault])) {
        const name = `${fault} ${strike.moment} ${callOf(steps, strike.step).join(' ')}`;
        await run(name, () => survives(place, strategy, fault, strike));
      }
    }
    await place.close();
    console.log(`${place.name}, ${strategy}: ${cases} cases, ${failures.length} failed`);
    expect(failures).toEqual([]);
  });
});
