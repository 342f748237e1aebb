import { InvalidInputError, LimitError } from '../../core/errors.ts';
import { OperationStop } from '../rollback/operation-run.ts';
import { LAST_GROUP, type WritingStrategy } from './strategy.ts';

/** Everything in one graph transaction, up to a stated size. */
export const immediate: WritingStrategy = {
  name: 'IMMEDIATE',
  canPause: false,
  isAskedFor: ({ strategy }) => strategy === 'IMMEDIATE',
  check({ includeSchema }) {
    if (!includeSchema) return;
    throw InvalidInputError.field(['includeSchema'], 'cannot be one transaction with the data: choose GRADUAL');
  },
  checkSize(planned, { immediateLimit }) {
    if (planned <= BigInt(immediateLimit)) return;
    throw new LimitError(tooMany(planned, immediateLimit), BigInt(immediateLimit));
  },
  async cut({ operation, served }, written) {
    const { immediateLimit } = served.graph;
    const left = operation.counts.planned - operation.counts.applied;
    if (left === 0n) return [...written];
    // A preview may be executed otherwise, so only what is in earnest fails.
    if (left > BigInt(immediateLimit) && !operation.dryRun) {
      throw new OperationStop('FAILED', tooMany(left, immediateLimit));
    }
    return [...written, LAST_GROUP];
  },
  pace: () => ({ wait: async () => {} }),
};

function tooMany(changes: bigint, most: number): string {
  const limit = most.toLocaleString('en');
  return `${changes} changes are more than one transaction of this graph may hold (${limit}): use GRADUAL`;
}
