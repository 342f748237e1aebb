import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { outlivesDeath, stepsOf, survives } from '../support/crash-matrix.ts';
import { embeddedOnServer, type Fault, type FaultPlace, neo4jShared } from '../support/fault-places.ts';
import type { FaultMoment } from '../support/persisted-steps.ts';

type Struck = readonly [moment: FaultMoment, method: string, count: number];

/** A step by its method and which call of it. The whole matrix is in crash-matrix.long.ts; kill -9 at more places in rollback-kill.test.ts. */
const struck: readonly Struck[] = [
  ['inside', 'transaction', 3],
  ['during', 'transaction', 2],
];
const WHILE_PLANNED: Struck = ['during', 'put', 1];
/** The step after a batch. */
const AFTER_BATCH: Struck = ['during', 'advance', 9];
const AFTER_NEO4J_BATCH: Struck = ['during', 'finish', 1];

const FAULTS: readonly Fault[] = [
  'the graph connection is killed',
  'PostgreSQL is killed and starts again',
  'Redis is lost',
];

describe.each([
  ['the embedded graph', embeddedOnServer, AFTER_BATCH],
  ['Neo4j', neo4jShared, AFTER_NEO4J_BATCH],
] as const)(
  'what the service lives on goes away during a gradual rollback, on %s and a PostgreSQL server',
  (_, make, afterBatch) => {
    let place: FaultPlace;
    let steps: readonly string[];
    beforeAll(async () => {
      place = await make();
      steps = await stepsOf(place, 'GRADUAL');
    }, 300_000);
    afterAll(() => place.close());

    // Redis carries notices only, so that one moment says as much as several.
    const cases = FAULTS.flatMap((fault) =>
      (fault === 'Redis is lost' ? [WHILE_PLANNED] : [...struck, afterBatch]).map(
        (strike) => [fault, ...strike] as const,
      ),
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
