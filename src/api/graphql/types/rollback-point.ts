import { checksumToHex } from '../../../core/checksum.ts';
import { builder } from '../builder.ts';
import { pageArguments } from '../connections.ts';
import { AuditFilterInput } from '../inputs/filters.ts';
import { nonEmpty } from '../inputs/read-filters.ts';
import { readScope, ScopeInput } from '../inputs/scope.ts';
import { anyOf, equal, filtersOf, listRecords } from '../record-connections.ts';
import { storedSchema } from '../stored.ts';
import { AuditEntryConnection, OperationConnection } from './connections.ts';
import { SchemaItemRef } from './diff.ts';
import { PointOrigin, RollbackPointStatus, SnapshotType } from './enums.ts';
import { graphOf } from './graph-of.ts';
import { DiffRef, GraphRef, PointRef, SessionRef, SnapshotRef } from './refs.ts';
import { oneOf } from './stored-enum.ts';

/** A point has a handful of snapshots; more than a page of them would be a defect. */
const ALL_SNAPSHOTS = { limit: 500 };

builder.prismaObjectFields(PointRef, (t) => ({
  graph: t.field({ type: GraphRef, resolve: graphOf }),
  name: t.exposeString('name'),
  description: t.exposeString('description', { nullable: true }),
  status: t.field({ type: RollbackPointStatus, resolve: ({ status }) => oneOf(RollbackPointStatus, status) }),
  origin: t.field({ type: PointOrigin, resolve: ({ origin }) => oneOf(PointOrigin, origin) }),
  progress: t.exposeInt('progress'),
  archiving: t.boolean({
    description: 'An archive is being written: progress is its.',
    resolve: ({ archivingId }) => archivingId !== null,
  }),
  problems: t.exposeStringList('problems'),
  timestamp: t.expose('timestamp', { type: 'DateTime', description: 'The moment that the point pins.' }),
  seq: t.expose('seq', { type: 'BigInt', nullable: true }),
  expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true }),
  held: t.exposeBoolean('held', { description: 'Kept from expiring and from being deleted.' }),
  session: t.field({
    type: SessionRef,
    nullable: true,
    resolve: ({ sessionId }, _, { loaders }) => (sessionId === null ? null : loaders.session.load(sessionId)),
  }),
  metadata: t.field({ type: 'JSON', nullable: true, resolve: ({ metadata }) => metadata }),
  nodeCount: t.expose('nodeCount', { type: 'BigInt', nullable: true }),
  relationshipCount: t.expose('relationshipCount', { type: 'BigInt', nullable: true }),
  checksum: t.string({
    nullable: true,
    resolve: ({ checksum }) => (checksum === null ? null : checksumToHex(checksum)),
  }),
  schema: t.field({ type: [SchemaItemRef], nullable: true, resolve: ({ schema }) => storedSchema(schema) }),
  createdAt: t.expose('createdAt', { type: 'DateTime' }),
  updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
  snapshots: t.field({
    type: [SnapshotRef],
    resolve: async ({ id }, _, { loaders }) => {
      const query = { record: 'rollbackSnapshot', parent: 'rollbackPointId', filters: [] } as const;
      return (await loaders.page(query, id, ALL_SNAPSHOTS)).items.map(({ record }) => record);
    },
  }),
  operations: t.field({
    type: OperationConnection,
    description: 'That restore to this point, newest first.',
    args: pageArguments(t.arg),
    resolve: ({ id }, args, context) =>
      listRecords(
        context,
        {
          connection: 'RollbackPoint.operations',
          record: 'rollbackOperation',
          parentField: 'targetRollbackPointId',
          parent: id,
        },
        args,
      ),
  }),
  changesSince: t.field({
    type: DiffRef,
    nullable: true,
    description: 'From the point to the live state.',
    args: { scope: t.arg({ type: ScopeInput }) },
    resolve: ({ id, graphId, seq }, { scope }, { loaders }) => {
      if (seq === null) return null;
      return loaders.diff({
        graphId,
        from: { seq },
        to: null,
        scope: readScope(scope, ['scope']),
        start: { point: id },
      });
    },
  }),
  audit: t.field({
    type: AuditEntryConnection,
    args: { filter: t.arg({ type: AuditFilterInput }), ...pageArguments(t.arg) },
    resolve: ({ id }, { filter, ...args }, context) => {
      const filters = filtersOf(
        equal('userId', filter?.userId),
        equal('sessionId', filter?.sessionId),
        anyOf('eventType', nonEmpty(filter?.eventType, ['filter', 'eventType'])),
        filter?.since ? { field: 'createdAt', is: 'ABOVE', value: filter.since } : null,
        filter?.until ? { field: 'createdAt', is: 'AT_MOST', value: filter.until } : null,
      );
      const listing = {
        connection: 'RollbackPoint.audit',
        record: 'auditEntry',
        parentField: 'rollbackPointId',
      } as const;
      return listRecords(context, { ...listing, parent: id, filters }, args);
    },
  }),
}));

builder.prismaObjectFields(SnapshotRef, (t) => ({
  type: t.field({ type: SnapshotType, resolve: ({ type }) => oneOf(SnapshotType, snapshotType(type)) }),
  scope: t.field({
    type: 'JSON',
    nullable: true,
    description: 'What a PARTIAL one covers; can be pasted back as ScopeInput.',
    resolve: ({ scope }) => scope,
  }),
  sizeBytes: t.expose('sizeBytes', { type: 'BigInt' }),
  checksum: t.exposeString('checksum'),
  compressionType: t.exposeString('compressionType'),
  createdAt: t.expose('createdAt', { type: 'DateTime' }),
  problems: t.exposeStringList('problems'),
}));

/** Stored as `change-log`, shown as CHANGE_LOG. */
function snapshotType(stored: string): string {
  return stored.toUpperCase().replaceAll('-', '_');
}
