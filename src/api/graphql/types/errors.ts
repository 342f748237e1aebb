import {
  CaptureError,
  ConstraintError,
  type ErrorCode,
  ForbiddenError,
  IdempotencyError,
  InvalidInputError,
  LimitError,
  NotFoundError,
  type PalinodeError,
  PlanChangedError,
  StateError,
} from '../../../core/errors.ts';
import { builder } from '../builder.ts';
import { HISTORY_DROPPED } from '../errors.ts';
import { nodeOf } from '../nodes.ts';
import { CaptureModeEnum, ErrorCodeEnum } from './enums.ts';
import { NodeInterface, OperationRef } from './refs.ts';

const UserError = builder.interfaceRef<PalinodeError>('UserError').implement({
  description: 'What a mutation answers when it refuses.',
  fields: (t) => ({
    code: t.field({ type: ErrorCodeEnum, resolve: codeOf }),
    message: t.exposeString('message'),
  }),
});

function codeOf(error: PalinodeError): ErrorCode {
  return error instanceof StateError && error.state === HISTORY_DROPPED ? HISTORY_DROPPED : error.code;
}

const FieldError = builder.objectRef<InvalidInputError['fields'][number]>('FieldError').implement({
  fields: (t) => ({
    path: t.stringList({
      description: 'From the root of the input, with list indexes: changes, 17, putNode, set, 2, value.',
      resolve: ({ path }) => [...path],
    }),
    message: t.exposeString('message'),
  }),
});

builder.objectType(InvalidInputError, {
  name: 'InvalidInputError',
  interfaces: [UserError],
  fields: (t) => ({ fields: t.field({ type: [FieldError], resolve: ({ fields }) => [...fields] }) }),
});

builder.objectType(NotFoundError, { name: 'NotFoundError', interfaces: [UserError] });

builder.objectType(ForbiddenError, {
  name: 'ForbiddenError',
  interfaces: [UserError],
  fields: (t) => ({ required: t.exposeString('required', { nullable: true }) }),
});

builder.objectType(StateError, {
  name: 'StateError',
  description: 'It exists, but is in a state that does not allow this.',
  interfaces: [UserError],
  fields: (t) => ({ state: t.exposeString('state') }),
});

builder.objectType(IdempotencyError, {
  name: 'IdempotencyError',
  description: 'The key was used before with another input.',
  interfaces: [UserError],
  fields: (t) => ({
    first: t.field({
      type: NodeInterface,
      nullable: true,
      description: 'What the first use returned.',
      resolve: ({ first }, _, context) => (first === null ? null : nodeOf(context, first.type, first.id)),
    }),
  }),
});

builder.objectType(PlanChangedError, {
  name: 'PlanChangedError',
  description:
    'The graph moved on since the preview in a way that widens the plan, or the plan that was expected is another one.',
  interfaces: [UserError],
  fields: (t) => ({
    expected: t.exposeString('expected'),
    operation: t.field({
      type: OperationRef,
      resolve: async ({ operationId }, _, { loaders }) => {
        const operation = await loaders.operation.load(operationId);
        if (operation === null) throw new NotFoundError('the operation does not exist');
        return operation;
      },
    }),
  }),
});

builder.objectType(ConstraintError, {
  name: 'ConstraintError',
  description: 'The graph refused a write.',
  interfaces: [UserError],
  fields: (t) => ({
    changeIndex: t.exposeInt('changeIndex', { nullable: true }),
    constraint: t.exposeString('constraint'),
    otherKey: t.exposeID('otherKey', { nullable: true }),
  }),
});

builder.objectType(LimitError, {
  name: 'LimitError',
  interfaces: [UserError],
  fields: (t) => ({ limit: t.expose('limit', { type: 'BigInt' }) }),
});

builder.objectType(CaptureError, {
  name: 'CaptureError',
  interfaces: [UserError],
  fields: (t) => ({ mode: t.expose('mode', { type: CaptureModeEnum }) }),
});
