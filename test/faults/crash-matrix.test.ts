import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stepsOf, survives } from '../support/crash-matrix.ts';
import { FAULT_PLACES, FAULTS, type Fault, type FaultPlace } from '../support/fault-places.ts';
import type { FaultMoment } from '../support/persisted-steps.ts';

/** A step by its method and which call of it. The whole matrix is in crash-matrix.long.ts; kill -9 also in rollback-kill.test.ts. */
const struck: readonly (readonly [moment: FaultMoment, method: string, count: number])[] = [
  ['during', 'put', 1],
  ['inside', 'transaction', 3],
  ['during', 'transaction', 2],
  ['after', 'transaction', 3],
  ['during', 'advance', 9],
];

describe('what the service lives on goes away during a gradual rollback, on the embedded graph and a PostgreSQL server', () => {
  let place: FaultPlace;
  let steps: readonly string[];
  beforeAll(async () => {
    const [, onServer] = FAULT_PLACES;
    if (onServer === undefined) throw new Error('there is no such place');
    place = await onServer();
    steps = await stepsOf(place, 'GRADUAL');
  }, 60_000);
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
});
