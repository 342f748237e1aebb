import { aspectValue, changedAspects, isChanged, withAspects } from './aspects.ts';
import type { EntityState } from './entities.ts';

/**
 * What a comparison saw to have been missed, laid over what is recorded by now: of that which `live` had otherwise than `recorded`, whatever
 * nobody has been recorded to write since. What was created or deleted meanwhile is recorded as a whole, and stays as it is.
 */
export function withMissed(
  recorded: EntityState | null,
  live: EntityState | null,
  now: EntityState | null,
): EntityState | null {
  if (recorded === null || live === null || now === null) return now;
  const missed = changedAspects(recorded, live).filter((aspect) => !isChanged(recorded, now, aspect));
  if (missed.length === 0) return now;
  return withAspects(
    now,
    missed.map((aspect) => [aspect, aspectValue(live, aspect)]),
  );
}
