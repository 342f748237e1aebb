import { InvalidInputError } from '../../core/errors.ts';
import type { Scope } from '../../core/scope.ts';
import type { RollbackStrategy } from './strategy.ts';

/** Most keys, labels, types and names that a scope lists altogether. */
const MAX_LISTED = 100_000;

/** A part of the graph: nothing outside the scope and the listed closure is written. */
export const partial: RollbackStrategy = {
  name: 'PARTIAL',
  isAskedFor: ({ scope }) => scope !== null && scope !== undefined,
  check({ scope }) {
    const listed = scope === null || scope === undefined ? 0 : countListed(scope);
    if (listed > MAX_LISTED) throw InvalidInputError.field(['scope'], `lists ${listed} names, at most ${MAX_LISTED}`);
  },
};

function countListed({ keys, labels, relationshipTypes, properties, neighbourhood, all, any, not }: Scope): number {
  const here = [keys, labels, relationshipTypes, properties, neighbourhood?.keys, neighbourhood?.types];
  const below = [...(all ?? []), ...(any ?? []), ...(not === undefined ? [] : [not])];
  return (
    here.reduce((sum, list) => sum + (list?.length ?? 0), 0) + below.reduce((sum, scope) => sum + countListed(scope), 0)
  );
}
