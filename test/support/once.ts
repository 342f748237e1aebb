import fc from 'fast-check';

/** A property of one large sample: what fails is printed with its seed, and not run again on smaller ones. */
export async function once<T>(sample: fc.Arbitrary<T>, holds: (sample: T) => Promise<void>): Promise<void> {
  await fc.assert(fc.asyncProperty(sample, holds), { numRuns: 1, endOnFailure: true });
}

export function manyOf<T>(one: fc.Arbitrary<T>, count: number): fc.Arbitrary<T[]> {
  return fc.array(one, { minLength: count, maxLength: count });
}
