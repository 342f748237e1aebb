import { InvalidInputError, LimitError } from '../../../core/errors.ts';
import { builder } from '../builder.ts';
import { USER_ERRORS } from '../errors.ts';
import type { TransactionKey } from '../ids.ts';
import { readGraphWrites, WriteGraphInput } from '../inputs/graph-writes.ts';
import { idOrNull } from '../inputs/read-filters.ts';
import { TransactionRef } from '../types/refs.ts';
import { GRAPH_ERRORS, mutate } from './mutation.ts';

interface WriteSummaryShape {
  readonly changed: boolean;
  readonly transaction: TransactionKey | null;
  readonly keys: readonly string[];
}

const GraphWriteSummary = builder.objectRef<WriteSummaryShape>('GraphWriteSummary').implement({
  fields: (t) => ({
    changed: t.exposeBoolean('changed'),
    transaction: t.field({
      type: TransactionRef,
      nullable: true,
      resolve: ({ transaction }, _, { loaders }) =>
        transaction === null ? null : loaders.transaction(transaction.graphId, transaction.seq),
    }),
    keys: t.idList({ description: 'keys[i] belongs to changes[i].', resolve: ({ keys }) => [...keys] }),
  }),
});

const MAX_CHANGES = 10_000;

builder.mutationField('writeGraph', (t) =>
  t.field({
    type: GraphWriteSummary,
    description: 'One transaction, all or nothing.',
    errors: { types: [...GRAPH_ERRORS, USER_ERRORS.constraint], union: { name: 'WriteGraphResult' } },
    args: { input: t.arg({ type: WriteGraphInput, required: true }) },
    resolve: (_, { input }, context) =>
      mutate(
        context,
        async () => {
          const { graph, session, actor, changes, idempotencyKey } = input;
          if (changes.length === 0) throw InvalidInputError.field(['changes'], 'must not be empty');
          if (changes.length > MAX_CHANGES) {
            throw new LimitError(`one write takes at most ${MAX_CHANGES} changes`, BigInt(MAX_CHANGES));
          }
          if (session && actor) throw InvalidInputError.field(['actor'], 'cannot go with session, which has its actor');
          return context.services.writer.write(context.caller(actor), {
            graph,
            session: idOrNull(session, 'Session', ['session']),
            actor: actor ?? null,
            changes: readGraphWrites(changes),
            idempotencyKey,
          });
        },
        (written) => written,
      ),
  }),
);
