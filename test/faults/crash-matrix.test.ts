import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { outlivesDeath, stepsOf, survives } from '../support/crash-matrix.ts';
import { embeddedOnServer, type Fault, type FaultPlace, neo4jShared } from '../support/fault-places.ts';
import type { FaultMoment } from '../support/persisted-steps.ts';

/** A step by its method and which call of it. The whole matrix is in crash-matrix.long.ts; kill -9 at more places in rollback-kill.test.ts. */
const struck: readonly (readonly [moment: FaultMoment, method: string, count: number])[] = [
  ['during', 'put', 1],
  ['inside', 'transaction', 3],
  ['during', 'transaction', 2],
  ['after', 'transaction', 3],
  ['during', 'advance', 9],
];

const FAULTS: readonly Fault[] = [
  'the graph connection is killed',
  'PostgreSQL is killed and starts again',
  'Redis is lost',
];

describe.each([
  ['the embedded graph', embeddedOnServer],
  ['Neo4j', neo4jShared],
] as const)(
  'what the service lives on goes away during a gradual rollback, on %s and a PostgreSQL server',
  (_, make) => {
    let place: FaultPlace;
    let steps: readonly string[];
    beforeAll(async () => {
      place = await make();
      steps = await stepsOf(place, 'GRADUAL');
    }, 300_000);
    afterAll(() => place.close());

    // Redis carries notices only, so that one moment says as much as five.
    const cases = FAULTS.flatMap((fault) =>
      (fault === 'Redis is lost' ? struck.slice(0, 1) : struck).map((strike) => [fault, ...strike] as const),
    );
    test.each(cases)(
      '%s %s %s %i: one end, every change once',
      async (fault: Fault, moment, method, count) => {
        const at = steps.map((name, place) => ({ name, place })).filter(({ name }) => name === method)[count - 1];
        expect(at).toBeDefined();
        await survives(place, 'GRADUAL', fault, { step: (at?.place ?? 0) + 1, moment });
      },
      60_000,
    );

    test.each(['inside', 'after'] as const)(
      'the service is killed %s its second batch: one end, every change once',
      (moment) => outlivesDeath(place, 'GRADUAL', [moment, 'transaction', 3]),
      60_000,
    );
  },
);
