import { InvalidInputError } from '../../../core/errors.ts';
import { builder } from '../builder.ts';
import { USER_ERRORS } from '../errors.ts';
import { requireId } from '../ids.ts';
import { readAtOrNull } from '../inputs/at.ts';
import {
  AbortRollbackInput,
  ExecuteRollbackInput,
  OperationInput,
  PauseRollbackInput,
  RollbackInput,
} from '../inputs/mutation-inputs.ts';
import { readScope } from '../inputs/scope.ts';
import { readUndo } from '../inputs/undo.ts';
import { OperationRef } from '../types/refs.ts';
import { COMMON_ERRORS, GRAPH_ERRORS, mutate, policyFrom, positive } from './mutation.ts';

builder.mutationField('rollback', (t) =>
  t.field({
    type: OperationRef,
    description: 'Returns at once with the operation.',
    errors: { types: GRAPH_ERRORS, union: { name: 'RollbackResult' } },
    args: { input: t.arg({ type: RollbackInput, required: true }) },
    resolve: (_, { input: { to, undo, scope, onConflict, batchSize, maxChangesPerSecond, ...input } }, context) =>
      mutate(
        context,
        async () => {
          if (to && undo) throw InvalidInputError.field(['undo'], 'cannot go with to: give exactly one of them');
          if (!to && !undo) throw InvalidInputError.field(['to'], 'or undo is required: give exactly one of them');
          return context.services.rollbacks.request(context.caller(), {
            ...input,
            to: readAtOrNull(to, ['to']),
            undo: undo ? await readUndo(context, input.graph, undo) : null,
            scope: readScope(scope, ['scope']),
            policy: policyFrom(onConflict),
            batchSize: positive(batchSize, 'batchSize'),
            maxChangesPerSecond: positive(maxChangesPerSecond, 'maxChangesPerSecond'),
            reason: input.reason ?? null,
          });
        },
        (id) => context.loaders.operation.load(id),
      ),
  }),
);

builder.mutationField('executeRollback', (t) =>
  t.field({
    type: OperationRef,
    description: 'A new operation that runs by the plan of a dry run.',
    errors: {
      types: [...COMMON_ERRORS, USER_ERRORS.planChanged, USER_ERRORS.limit, USER_ERRORS.capture],
      union: { name: 'ExecuteRollbackResult' },
    },
    args: { input: t.arg({ type: ExecuteRollbackInput, required: true }) },
    resolve: (_, { input: { id, batchSize, maxChangesPerSecond, ...input } }, context) =>
      mutate(
        context,
        async () =>
          context.services.rollbacks.execute(context.caller(), {
            ...input,
            id: requireId(id, 'RollbackOperation', ['id']),
            batchSize: positive(batchSize, 'batchSize'),
            maxChangesPerSecond: positive(maxChangesPerSecond, 'maxChangesPerSecond'),
          }),
        (operation) => context.loaders.operation.load(operation),
      ),
  }),
);

builder.mutationField('abortRollback', (t) =>
  t.field({
    type: OperationRef,
    errors: { types: COMMON_ERRORS, union: { name: 'AbortRollbackResult' } },
    args: { input: t.arg({ type: AbortRollbackInput, required: true }) },
    resolve: (_, { input: { id, reason, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.rollbacks.abort(context.caller(), {
            id: requireId(id, 'RollbackOperation', ['id']),
            reason: reason ?? null,
            idempotencyKey,
          }),
        (operation) => context.loaders.operation.load(operation),
      ),
  }),
);

const changing = (name: 'pauseRollback' | 'continueRollback', description: string) =>
  builder.mutationField(name, (t) =>
    t.field({
      type: OperationRef,
      description,
      errors: {
        types: COMMON_ERRORS,
        union: { name: name === 'pauseRollback' ? 'PauseRollbackResult' : 'ContinueRollbackResult' },
      },
      args: { input: t.arg({ type: PauseRollbackInput, required: true }) },
      resolve: (_, { input: { id, idempotencyKey } }, context) =>
        mutate(
          context,
          async () =>
            context.services.rollbacks[name === 'pauseRollback' ? 'pause' : 'continue'](context.caller(), {
              id: requireId(id, 'RollbackOperation', ['id']),
              idempotencyKey,
            }),
          (operation) => context.loaders.operation.load(operation),
        ),
    }),
  );
changing('pauseRollback', 'A gradual operation stops after the batch in hand, until it is continued or aborted.');
changing('continueRollback', 'A paused operation goes on.');

builder.mutationField('resumeRollback', (t) =>
  t.field({
    type: OperationRef,
    description: 'A new operation for what one left that was interrupted or failed part way, with its decisions.',
    errors: { types: GRAPH_ERRORS, union: { name: 'ResumeRollbackResult' } },
    args: { input: t.arg({ type: OperationInput, required: true }) },
    resolve: (_, { input: { id, onConflict, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.rollbacks.resume(context.caller(), {
            id: requireId(id, 'RollbackOperation', ['id']),
            policy: onConflict ?? null,
            idempotencyKey,
          }),
        (operation) => context.loaders.operation.load(operation),
      ),
  }),
);

builder.mutationField('undoRollback', (t) =>
  t.field({
    type: OperationRef,
    description: 'An ordinary undo of what a rollback wrote.',
    errors: { types: GRAPH_ERRORS, union: { name: 'UndoRollbackResult' } },
    args: { input: t.arg({ type: OperationInput, required: true }) },
    resolve: (_, { input: { id, onConflict, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.rollbacks.undo(context.caller(), {
            id: requireId(id, 'RollbackOperation', ['id']),
            policy: policyFrom(onConflict),
            idempotencyKey,
          }),
        (operation) => context.loaders.operation.load(operation),
      ),
  }),
);
