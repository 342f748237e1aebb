import { builder } from '../builder.ts';
import { AuditEntryRef, OperationRef, PointRef } from './refs.ts';

builder.prismaObjectFields(AuditEntryRef, (t) => ({
  seq: t.expose('seq', { type: 'BigInt' }),
  eventType: t.exposeString('eventType'),
  eventData: t.field({ type: 'JSON', nullable: true, resolve: ({ eventData }) => eventData }),
  userId: t.exposeString('userId', { nullable: true }),
  sessionId: t.exposeString('sessionId', { nullable: true }),
  ipAddress: t.exposeString('ipAddress', { nullable: true }),
  userAgent: t.exposeString('userAgent', { nullable: true }),
  createdAt: t.expose('createdAt', { type: 'DateTime' }),
  point: t.field({
    type: PointRef,
    nullable: true,
    resolve: ({ rollbackPointId: id }, _, { loaders }) => (id === null ? null : loaders.point.load(id)),
  }),
  operation: t.field({
    type: OperationRef,
    nullable: true,
    resolve: ({ operationId: id }, _, { loaders }) => (id === null ? null : loaders.operation.load(id)),
  }),
  previousHash: t.exposeString('previousHash', { nullable: true }),
  hash: t.exposeString('hash'),
}));
