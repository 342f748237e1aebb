import { NotFoundError } from '../../../core/errors.ts';
import type { Conflict } from '../../../generated/prisma/client.ts';
import { builder } from '../builder.ts';
import { pageArguments } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { listRecordsAs } from '../record-connections.ts';
import { storedState, storedValue } from '../stored.ts';
import { ChangeConnection, EntityStateRef } from './change.ts';
import { ConflictAspectEnum, ConflictStatus, ConflictStrategyEnum, ConflictTypeEnum, EntityKindEnum } from './enums.ts';
import { ConflictRef, OperationRef, TransactionRef } from './refs.ts';
import { changeFrom, kindFrom } from './stored-change.ts';
import { oneOf } from './stored-enum.ts';
import { ValueRef, type ValueShape } from './value.ts';

builder.prismaObjectFields(ConflictRef, (t) => ({
  operation: t.field({ type: OperationRef, resolve: (conflict, _, context) => operationOf(conflict, context) }),
  key: t.exposeID('key'),
  kind: t.field({ type: EntityKindEnum, resolve: ({ kind }) => kindFrom(kind) }),
  type: t.field({ type: ConflictTypeEnum, resolve: ({ type }) => oneOf(ConflictTypeEnum, type) }),
  aspect: t.field({ type: ConflictAspectEnum, resolve: ({ aspect }) => oneOf(ConflictAspectEnum, aspect) }),
  property: t.exposeString('property', { nullable: true }),
  label: t.exposeString('label', { nullable: true }),
  base: t.field({ type: ValueRef, nullable: true, resolve: ({ base }) => shown(base) }),
  target: t.field({ type: ValueRef, nullable: true, resolve: ({ target }) => shown(target) }),
  live: t.field({ type: ValueRef, nullable: true, resolve: ({ live }) => shown(live) }),
  merged: t.field({ type: ValueRef, nullable: true, resolve: ({ merged }) => shown(merged) }),
  baseState: t.field({ type: EntityStateRef, nullable: true, resolve: (row) => storedState(row.baseState) }),
  targetState: t.field({ type: EntityStateRef, nullable: true, resolve: (row) => storedState(row.targetState) }),
  liveState: t.field({ type: EntityStateRef, nullable: true, resolve: (row) => storedState(row.liveState) }),
  liveHash: t.exposeString('liveHash', { description: 'Guards a decision.' }),
  liveChangedBy: t.field({
    type: TransactionRef,
    nullable: true,
    resolve: async (conflict, _, context) => {
      if (conflict.liveSeq === null) return null;
      const { graphId } = await operationOf(conflict, context);
      return context.loaders.transaction(graphId, conflict.liveSeq);
    },
  }),
  dependents: t.field({
    type: ChangeConnection,
    description: 'What the plan does to others because of this.',
    args: pageArguments(t.arg),
    resolve: ({ id, key }, args, context) =>
      listRecordsAs(
        context,
        {
          connection: 'Conflict.dependents',
          record: 'planRow',
          parentField: 'conflictId',
          parent: id,
          filters: [{ field: 'key', is: 'DIFFERENT', value: key }],
        },
        args,
        (row) => changeFrom(row, row.before, row.after),
      ),
  }),
  status: t.field({ type: ConflictStatus, resolve: ({ status }) => oneOf(ConflictStatus, status) }),
  version: t.exposeInt('version'),
  resolution: t.field({
    type: ConflictStrategyEnum,
    nullable: true,
    resolve: ({ resolution }) => (resolution === null ? null : oneOf(ConflictStrategyEnum, resolution)),
  }),
  resolvedValue: t.field({ type: ValueRef, nullable: true, resolve: ({ resolvedValue }) => shown(resolvedValue) }),
  remembered: t.exposeBoolean('remembered'),
  resolvedBy: t.exposeString('resolvedBy', { nullable: true }),
  resolvedAt: t.expose('resolvedAt', { type: 'DateTime', nullable: true }),
  explanation: t.exposeString('explanation'),
}));

function shown(json: unknown): ValueShape | null {
  const value = storedValue(json);
  return value === null ? null : { value };
}

async function operationOf({ operationId }: Conflict, { loaders }: ApiContext) {
  const operation = await loaders.operation.load(operationId);
  if (operation === null) throw new NotFoundError('the operation does not exist');
  return operation;
}
