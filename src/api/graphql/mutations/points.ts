import { InvalidInputError } from '../../../core/errors.ts';
import { builder } from '../builder.ts';
import { encodeId, requireId } from '../ids.ts';
import { readAtOrNull } from '../inputs/at.ts';
import {
  ArchiveRollbackPointInput,
  CreateRollbackPointInput,
  PointInput,
  UpdateRollbackPointInput,
} from '../inputs/mutation-inputs.ts';
import { idOrNull } from '../inputs/read-filters.ts';
import { readScope } from '../inputs/scope.ts';
import { PointRef } from '../types/refs.ts';
import { ARCHIVE_ERRORS, COMMON_ERRORS, GRAPH_ERRORS, mutate } from './mutation.ts';

const DeletedPoint = builder.objectRef<{ readonly deletedId: string }>('DeletedPoint').implement({
  fields: (t) => ({ deletedId: t.exposeID('deletedId') }),
});

builder.mutationField('createRollbackPoint', (t) =>
  t.field({
    type: PointRef,
    errors: { types: GRAPH_ERRORS, union: { name: 'CreateRollbackPointResult' } },
    args: { input: t.arg({ type: CreateRollbackPointInput, required: true }) },
    resolve: (_, { input }, context) =>
      mutate(
        context,
        async () =>
          context.services.snapshots.create(context.caller(), {
            ...input,
            description: input.description ?? null,
            at: readAtOrNull(input.at, ['at']),
            expiresAt: input.expiresAt ?? null,
            held: input.held ?? null,
            session: idOrNull(input.session, 'Session', ['session']),
          }),
        (id) => context.loaders.point.load(id),
      ),
  }),
);

builder.mutationField('updateRollbackPoint', (t) =>
  t.field({
    type: PointRef,
    errors: { types: COMMON_ERRORS, union: { name: 'UpdateRollbackPointResult' } },
    args: { input: t.arg({ type: UpdateRollbackPointInput, required: true }) },
    resolve: (_, { input: { id, name, description, expiresAt, held } }, context) =>
      mutate(
        context,
        async () => {
          if (name === null) throw InvalidInputError.field(['name'], 'must not be null');
          if (held === null) throw InvalidInputError.field(['held'], 'must not be null');
          return context.services.snapshots.update(context.caller(), {
            id: requireId(id, 'RollbackPoint', ['id']),
            ...(name !== undefined && { name }),
            ...(description !== undefined && { description }),
            ...(expiresAt !== undefined && { expiresAt }),
            ...(held !== undefined && { held }),
          });
        },
        (updated) => context.loaders.point.load(updated),
      ),
  }),
);

builder.mutationField('deleteRollbackPoint', (t) =>
  t.field({
    type: DeletedPoint,
    errors: { types: COMMON_ERRORS, union: { name: 'DeleteRollbackPointResult' } },
    args: { input: t.arg({ type: PointInput, required: true }) },
    resolve: (_, { input: { id, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.snapshots.delete(context.caller(), {
            id: requireId(id, 'RollbackPoint', ['id']),
            idempotencyKey,
          }),
        (deleted) => ({ deletedId: encodeId('RollbackPoint', deleted) }),
      ),
  }),
);

builder.mutationField('validateRollbackPoint', (t) =>
  t.field({
    type: PointRef,
    description: 'Recomputes what the point promises from history, and reads its archives back.',
    errors: { types: COMMON_ERRORS, union: { name: 'ValidateRollbackPointResult' } },
    args: { input: t.arg({ type: PointInput, required: true }) },
    resolve: (_, { input: { id, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.snapshots.validate(context.caller(), {
            id: requireId(id, 'RollbackPoint', ['id']),
            idempotencyKey,
          }),
        (validated) => context.loaders.point.load(validated),
      ),
  }),
);

builder.mutationField('archiveRollbackPoint', (t) =>
  t.field({
    type: PointRef,
    description:
      'Writes the state at the point, or what a scope covers of it, into the blob store. Returns at once: the snapshot appears when it is whole.',
    errors: { types: ARCHIVE_ERRORS, union: { name: 'ArchiveRollbackPointResult' } },
    args: { input: t.arg({ type: ArchiveRollbackPointInput, required: true }) },
    resolve: (_, { input: { id, scope, idempotencyKey } }, context) =>
      mutate(
        context,
        async () =>
          context.services.archives.begin(context.caller(), {
            id: requireId(id, 'RollbackPoint', ['id']),
            scope: readScope(scope, ['scope']),
            idempotencyKey,
          }),
        (archived) => context.loaders.point.load(archived),
      ),
  }),
);
