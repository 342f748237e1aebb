import { builder } from '../builder.ts';
import {
  ChangeActionEnum,
  ConflictAspectEnum,
  ConflictStatus,
  ConflictTypeEnum,
  EntityKindEnum,
  OperationStatusEnum,
  OperationTypeEnum,
  PointOrigin,
  RollbackPointStatus,
  TransactionSourceEnum,
} from '../types/enums.ts';
import { AtInput } from './at.ts';
import { ScopeInput } from './scope.ts';

export const TransactionFilterInput = builder.inputType('TransactionFilter', {
  fields: (t) => ({
    session: t.id(),
    actor: t.string(),
    source: t.field({ type: [TransactionSourceEnum] }),
    operation: t.id(),
    scope: t.field({ type: ScopeInput }),
    since: t.field({ type: AtInput, description: 'Exclusive.' }),
    until: t.field({ type: AtInput, description: 'Inclusive.' }),
  }),
});

export const ChangeFilterInput = builder.inputType('ChangeFilter', {
  fields: (t) => ({
    session: t.id(),
    actor: t.string(),
    source: t.field({ type: [TransactionSourceEnum] }),
    kind: t.field({ type: EntityKindEnum }),
    action: t.field({ type: ChangeActionEnum }),
    scope: t.field({ type: ScopeInput }),
    since: t.field({ type: AtInput, description: 'Exclusive.' }),
    until: t.field({ type: AtInput, description: 'Inclusive.' }),
  }),
});

export const PropertyMatchInput = builder.inputType('PropertyMatchInput', {
  description: 'Exact match. LIMIT_EXCEEDED where more than 20,000 entities would have to be compared.',
  fields: (t) => ({ name: t.string({ required: true }), value: t.field({ type: 'JSON', required: true }) }),
});

export const SessionFilterInput = builder.inputType('SessionFilter', {
  fields: (t) => ({
    actor: t.string(),
    present: t.boolean(),
    since: t.field({ type: AtInput, description: 'Opened after.' }),
    until: t.field({ type: AtInput, description: 'Opened at or before.' }),
  }),
});

export const PointFilterInput = builder.inputType('PointFilter', {
  fields: (t) => ({
    status: t.field({ type: [RollbackPointStatus] }),
    origin: t.field({ type: [PointOrigin] }),
    name: t.string(),
    session: t.id(),
    since: t.field({ type: AtInput, description: 'Created after.' }),
    until: t.field({ type: AtInput, description: 'Created at or before.' }),
  }),
});

export const OperationFilterInput = builder.inputType('OperationFilter', {
  fields: (t) => ({
    status: t.field({ type: [OperationStatusEnum] }),
    type: t.field({ type: OperationTypeEnum }),
    session: t.id({ description: 'Whose writes are taken back.' }),
    since: t.field({ type: AtInput, description: 'Created after.' }),
    until: t.field({ type: AtInput, description: 'Created at or before.' }),
  }),
});

export const ConflictFilterInput = builder.inputType('ConflictFilter', {
  fields: (t) => ({
    status: t.field({ type: ConflictStatus }),
    type: t.field({ type: ConflictTypeEnum }),
    aspect: t.field({ type: ConflictAspectEnum }),
    key: t.id(),
  }),
});

export const AuditFilterInput = builder.inputType('AuditFilter', {
  fields: (t) => ({
    userId: t.string(),
    sessionId: t.string(),
    eventType: t.stringList(),
    since: t.field({ type: 'DateTime', description: 'Exclusive.' }),
    until: t.field({ type: 'DateTime', description: 'Inclusive.' }),
  }),
});
