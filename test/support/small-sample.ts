import type { EntityState } from '../../src/core/entities.ts';
import type { Sample } from '../../src/main/sample.ts';
import { nodeOf, relationshipOf } from './captured.ts';

const HALF = 12_000;

/** A sample of a few batches. */
export const SMALL_SAMPLE: Sample = {
  session: 'wordnet',
  label: 'a small sample',
  size: 2 * HALF,
  async *entities(): AsyncGenerator<EntityState> {
    for (let n = 0; n < HALF; n += 1) yield nodeOf(`n${n}`, { n });
    for (let n = 0; n < HALF; n += 1) yield relationshipOf(`r${n}`, `n${n}`, `n${(n * 7) % HALF}`, { n });
  },
};
