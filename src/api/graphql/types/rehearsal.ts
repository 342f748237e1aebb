import type { EntityChange } from '../../../core/entities.ts';
import type { Rehearsal } from '../../../generated/prisma/client.ts';
import { builder } from '../builder.ts';
import { type Connection, type PageArguments, pageArguments } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { listRecords, listRecordsAs } from '../record-connections.ts';
import { ChangeConnection } from './change.ts';
import { RehearsalStatus } from './enums.ts';
import { graphOf } from './graph-of.ts';
import { MomentRef } from './moment.ts';
import { GraphRef, OperationRef, RehearsalRef } from './refs.ts';
import { changeFrom } from './stored-change.ts';
import { oneOf } from './stored-enum.ts';

const RehearsalCountsRef = builder.objectRef<Rehearsal>('RehearsalCounts').implement({
  fields: (t) => ({
    planned: t.expose('planned', { type: 'BigInt' }),
    copied: t.expose('copied', { type: 'BigInt', description: 'Entities in the scratch copy before the plan ran.' }),
    applied: t.expose('applied', { type: 'BigInt' }),
  }),
});

const RehearsalProofRef = builder.objectRef<Rehearsal>('RehearsalProof').implement({
  description: 'The reading back of the whole scratch copy.',
  fields: (t) => ({
    planHash: t.string({ resolve: ({ planHash }) => planHash ?? '' }),
    checkedEntities: t.expose('checkedEntities', { type: 'BigInt' }),
    matches: t.boolean({ resolve: ({ matches }) => matches === true }),
    expectedChecksum: t.exposeString('expectedChecksum', { nullable: true }),
    actualChecksum: t.exposeString('actualChecksum', { nullable: true }),
    differences: t.field({
      type: ChangeConnection,
      description: 'Before: as the plan says. After: as it became in the scratch copy.',
      args: pageArguments(t.arg),
      resolve: (rehearsal, args, context) => differences(rehearsal, args, context),
    }),
  }),
});

builder.prismaObjectFields(RehearsalRef, (t) => ({
  graph: t.field({ type: GraphRef, resolve: graphOf }),
  operation: t.field({
    type: OperationRef,
    description: 'The dry run whose plan is rehearsed.',
    resolve: async ({ operationId }, _, { loaders }) => {
      const operation = await loaders.operation.load(operationId);
      if (operation === null) throw new Error('a rehearsal without its operation');
      return operation;
    },
  }),
  status: t.field({ type: RehearsalStatus, resolve: ({ status }) => oneOf(RehearsalStatus, status) }),
  progress: t.exposeInt('progress', { description: '0 to 100, never going back.' }),
  at: t.field({
    type: MomentRef,
    nullable: true,
    description: 'The recorded moment whose states were copied.',
    resolve: ({ graphId, seq }, _, { loaders }) => loaders.momentOf(graphId, seq),
  }),
  counts: t.field({ type: RehearsalCountsRef, resolve: (rehearsal) => rehearsal }),
  proof: t.field({
    type: RehearsalProofRef,
    nullable: true,
    description: 'Null until it has ended, and when it failed.',
    resolve: (rehearsal) => (rehearsal.matches === null ? null : rehearsal),
  }),
  errorMessage: t.exposeString('errorMessage', {
    nullable: true,
    description: 'Why the graph would refuse the plan, or why the rehearsal failed.',
  }),
  requestedBy: t.exposeString('requestedBy', { nullable: true }),
  createdAt: t.expose('createdAt', { type: 'DateTime' }),
  completedAt: t.expose('completedAt', { type: 'DateTime', nullable: true }),
}));

export function listRehearsals(
  operationId: string,
  args: PageArguments,
  context: ApiContext,
): Promise<Connection<Rehearsal>> {
  const listing = {
    connection: 'RollbackOperation.rehearsals',
    record: 'rehearsal',
    parentField: 'operationId',
  } as const;
  return listRecords(context, { ...listing, parent: operationId }, args);
}

function differences({ id }: Rehearsal, args: PageArguments, context: ApiContext): Promise<Connection<EntityChange>> {
  const listing = {
    connection: 'RehearsalProof.differences',
    record: 'rehearsalDifference',
    parentField: 'rehearsalId',
  } as const;
  return listRecordsAs(context, { ...listing, parent: id }, args, (row) => changeFrom(row, row.expected, row.actual));
}
