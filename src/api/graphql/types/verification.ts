import { builder } from '../builder.ts';
import { pageArguments } from '../connections.ts';
import { listRecordsAs } from '../record-connections.ts';
import { ChangeConnection } from './change.ts';
import { VerificationStatus } from './enums.ts';
import { graphOf } from './graph-of.ts';
import { GraphRef, TransactionRef, VerificationRef } from './refs.ts';
import { changeFrom } from './stored-change.ts';
import { oneOf } from './stored-enum.ts';

builder.prismaObjectFields(VerificationRef, (t) => ({
  graph: t.field({ type: GraphRef, resolve: graphOf }),
  status: t.field({ type: VerificationStatus, resolve: ({ status }) => oneOf(VerificationStatus, status) }),
  progress: t.exposeInt('progress'),
  createdAt: t.expose('createdAt', { type: 'DateTime' }),
  completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
  entitiesChecked: t.expose('entitiesChecked', { type: 'BigInt' }),
  matches: t.exposeBoolean('matches', { nullable: true }),
  errorMessage: t.exposeString('errorMessage', { nullable: true, description: 'Why it FAILED.' }),
  differences: t.field({
    type: ChangeConnection,
    description: 'Before: as recorded. After: as it was found.',
    args: pageArguments(t.arg),
    resolve: ({ id }, args, context) =>
      listRecordsAs(
        context,
        {
          connection: 'Verification.differences',
          record: 'verificationDifference',
          parentField: 'verificationId',
          parent: id,
        },
        args,
        (row) => changeFrom(row, row.before, row.after),
      ),
  }),
  transaction: t.field({
    type: TransactionRef,
    nullable: true,
    description: 'That recorded the differences.',
    resolve: ({ graphId, transactionSeq: seq }, _, { loaders }) =>
      seq === null ? null : loaders.transaction(graphId, seq),
  }),
}));
