import { builder } from '../builder.ts';
import { USER_ERRORS } from '../errors.ts';
import { DetachGraphInput, GraphInput } from '../inputs/mutation-inputs.ts';
import { graphNamed } from '../nodes.ts';
import { GraphRef, VerificationRef } from '../types/refs.ts';
import { mutate } from './mutation.ts';

const { notFound, forbidden, capture, idempotency, invalidInput, state } = USER_ERRORS;
const ERRORS = [notFound, forbidden, capture, idempotency, invalidInput, state];

builder.mutationField('attachGraph', (t) =>
  t.field({
    type: GraphRef,
    description:
      'Begins to capture a configured graph. Returns when capture is on, or within 15 seconds; the first recording goes on, see Graph.capture.',
    errors: { types: ERRORS, union: { name: 'AttachGraphResult' } },
    args: { input: t.arg({ type: GraphInput, required: true }) },
    resolve: (_, { input }, context) =>
      mutate(
        context,
        () => context.services.attacher.attach(context.caller(), input),
        (name) => graphNamed(context, name),
      ),
  }),
);

builder.mutationField('detachGraph', (t) =>
  t.field({
    type: GraphRef,
    description: 'Ends capture and removes trigger, outbox and markers from the graph. History stays.',
    errors: { types: ERRORS, union: { name: 'DetachGraphResult' } },
    args: { input: t.arg({ type: DetachGraphInput, required: true }) },
    resolve: (_, { input }, context) =>
      mutate(
        context,
        () => context.services.attacher.detach(context.caller(), input),
        (name) => graphNamed(context, name),
      ),
  }),
);

builder.mutationField('verifyGraph', (t) =>
  t.field({
    type: VerificationRef,
    description: 'Starts a full comparison of the live graph with history.',
    errors: { types: ERRORS, union: { name: 'VerifyGraphResult' } },
    args: { input: t.arg({ type: GraphInput, required: true }) },
    resolve: (_, { input }, context) =>
      mutate(
        context,
        () => context.services.verifier.begin(context.caller(), input),
        (id) => context.loaders.verification.load(id),
      ),
  }),
);
