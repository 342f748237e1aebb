import { builder } from '../builder.ts';
import { requireId } from '../ids.ts';
import { RehearseRollbackInput } from '../inputs/mutation-inputs.ts';
import { RehearsalRef } from '../types/refs.ts';
import { GRAPH_ERRORS, mutate } from './mutation.ts';

builder.mutationField('rehearseRollback', (t) =>
  t.field({
    type: RehearsalRef,
    description: 'Runs the plan of a completed dry run on a scratch copy of what it touches. Returns at once.',
    errors: { types: GRAPH_ERRORS, union: { name: 'RehearseRollbackResult' } },
    args: { input: t.arg({ type: RehearseRollbackInput, required: true }) },
    resolve: (_, { input: { id, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.rehearsals.begin(context.caller(), {
            id: requireId(id, 'RollbackOperation', ['id']),
            idempotencyKey,
          }),
        (rehearsal) => context.loaders.rehearsal.load(rehearsal),
      ),
  }),
);
