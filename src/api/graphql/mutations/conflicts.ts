import { builder } from '../builder.ts';
import { encodeId, requireId } from '../ids.ts';
import { ResolveConflictsInput, readBulk, readResolutions } from '../inputs/conflicts.ts';
import { OperationRef } from '../types/refs.ts';
import { COMMON_ERRORS, GRAPH_ERRORS, mutate } from './mutation.ts';

builder.mutationField('resolveConflicts', (t) =>
  t.field({
    type: OperationRef,
    description: 'When no conflict is open any more, the operation goes on by itself.',
    errors: { types: GRAPH_ERRORS, union: { name: 'ResolveConflictsResult' } },
    args: { input: t.arg({ type: ResolveConflictsInput, required: true }) },
    resolve: (_, { input: { operation, resolutions, all, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.rollbacks.resolve(context.caller(), {
            operation: requireId(operation, 'RollbackOperation', ['operation']),
            resolutions: readResolutions(resolutions ?? []),
            all: readBulk(all),
            idempotencyKey,
          }),
        (id) => context.loaders.operation.load(id),
      ),
  }),
);

const RuleInput = builder.inputType('ResolutionRuleInput', {
  fields: (t) => ({ id: t.id({ required: true }), idempotencyKey: t.string() }),
});

const ForgottenRule = builder.objectRef<{ readonly deletedId: string }>('ForgottenResolutionRule').implement({
  fields: (t) => ({ deletedId: t.exposeID('deletedId') }),
});

builder.mutationField('forgetResolutionRule', (t) =>
  t.field({
    type: ForgottenRule,
    description: 'Later operations do not apply it any more; what it decided stays decided.',
    errors: { types: COMMON_ERRORS, union: { name: 'ForgetResolutionRuleResult' } },
    args: { input: t.arg({ type: RuleInput, required: true }) },
    resolve: (_, { input: { id, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.rollbacks.forgetRule(context.caller(), {
            id: requireId(id, 'ResolutionRule', ['id']),
            idempotencyKey,
          }),
        (deleted) => ({ deletedId: encodeId('ResolutionRule', deleted) }),
      ),
  }),
);
