import { InvalidInputError } from '../../core/errors.ts';
import type { RollbackStrategy } from './strategy.ts';

/** By time: back to a moment, or what was written between two. */
export const timeBased: RollbackStrategy = {
  name: 'TIME_BASED',
  isAskedFor: ({ to, undo }) =>
    (to !== null && to !== undefined) ||
    (undo?.from !== null && undo?.from !== undefined) ||
    (undo?.until !== null && undo?.until !== undefined),
  check({ to, undo }) {
    const hasTarget = to !== null && to !== undefined;
    const hasUndo = undo !== null && undo !== undefined;
    if (hasTarget === hasUndo) {
      throw InvalidInputError.field([hasTarget ? 'undo' : 'to'], 'exactly one of to and undo is needed');
    }
    const isOpenEnded = hasUndo && (undo.from === null || undo.from === undefined);
    // Everything that an actor or anybody ever wrote is never meant.
    if (isOpenEnded && ('actor' in undo.by || 'everyone' in undo.by)) {
      const whose = 'actor' in undo.by ? 'actor' : 'everyone';
      throw InvalidInputError.field(['undo', 'from'], `is required with ${whose}`);
    }
  },
};
