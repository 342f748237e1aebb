import { builder } from '../builder.ts';
import { requireId } from '../ids.ts';
import { CloseSessionInput, OpenSessionInput } from '../inputs/mutation-inputs.ts';
import { SessionRef } from '../types/refs.ts';
import { GRAPH_ERRORS, mutate, policyFrom } from './mutation.ts';

builder.mutationField('openSession', (t) =>
  t.field({
    type: SessionRef,
    description: 'With a point, unless told otherwise.',
    errors: { types: GRAPH_ERRORS, union: { name: 'OpenSessionResult' } },
    args: { input: t.arg({ type: OpenSessionInput, required: true }) },
    resolve: (_, { input }, context) =>
      mutate(
        context,
        () =>
          context.services.sessions.open(context.caller(input.actor), {
            ...input,
            name: input.name ?? null,
            actor: input.actor ?? null,
            label: input.label ?? null,
          }),
        (id) => context.loaders.session.load(id),
      ),
  }),
);

builder.mutationField('closeSession', (t) =>
  t.field({
    type: SessionRef,
    description: 'With `rollback`, its writes are taken back; see Session.rollback.',
    errors: { types: GRAPH_ERRORS, union: { name: 'CloseSessionResult' } },
    args: { input: t.arg({ type: CloseSessionInput, required: true }) },
    resolve: (_, { input: { id, rollback, onConflict, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.sessions.close(context.caller(), {
            id: requireId(id, 'Session', ['id']),
            rollback,
            policy: policyFrom(onConflict),
            idempotencyKey,
          }),
        (closed) => context.loaders.session.load(closed),
      ),
  }),
);
