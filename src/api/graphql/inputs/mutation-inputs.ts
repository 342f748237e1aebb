import { builder } from '../builder.ts';
import { ConflictStrategyEnum, RollbackStrategyEnum } from '../types/enums.ts';
import { AtInput } from './at.ts';
import { ScopeInput } from './scope.ts';
import { UndoInput } from './undo.ts';

export const GraphInput = builder.inputType('GraphInput', {
  fields: (t) => ({ graph: t.string({ required: true }), idempotencyKey: t.string() }),
});

export const DetachGraphInput = builder.inputType('DetachGraphInput', {
  fields: (t) => ({
    graph: t.string({ required: true }),
    removeKeys: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Without keys nothing that was recorded before can be put back in place.',
    }),
    idempotencyKey: t.string(),
  }),
});

export const PointInput = builder.inputType('PointInput', {
  fields: (t) => ({ id: t.id({ required: true }), idempotencyKey: t.string() }),
});

export const ConflictPolicyInput = builder.inputType('ConflictPolicyInput', {
  fields: (t) => ({
    default: t.field({ type: ConflictStrategyEnum, required: true, defaultValue: 'MANUAL' }),
    value: t.field({ type: ConflictStrategyEnum }),
    type: t.field({ type: ConflictStrategyEnum }),
    structure: t.field({ type: ConflictStrategyEnum }),
    dependency: t.field({ type: ConflictStrategyEnum }),
  }),
});

export const RehearseRollbackInput = builder.inputType('RehearseRollbackInput', {
  fields: (t) => ({
    id: t.id({ required: true, description: 'Of a completed dry run.' }),
    idempotencyKey: t.string(),
  }),
});

export const OperationInput = builder.inputType('OperationInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    onConflict: t.field({ type: ConflictPolicyInput }),
    idempotencyKey: t.string(),
  }),
});

export const OpenSessionInput = builder.inputType('OpenSessionInput', {
  fields: (t) => ({
    graph: t.string({ required: true }),
    name: t.string({ description: 'Made up when absent.' }),
    actor: t.string(),
    label: t.string(),
    point: t.boolean({ required: true, defaultValue: true }),
    idempotencyKey: t.string(),
  }),
});

export const CloseSessionInput = builder.inputType('CloseSessionInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    rollback: t.boolean({ required: true, defaultValue: false }),
    onConflict: t.field({ type: ConflictPolicyInput }),
    idempotencyKey: t.string(),
  }),
});

export const CreateRollbackPointInput = builder.inputType('CreateRollbackPointInput', {
  fields: (t) => ({
    graph: t.string({ required: true }),
    name: t.string({ required: true }),
    description: t.string(),
    at: t.field({ type: AtInput }),
    expiresAt: t.field({ type: 'DateTime' }),
    held: t.boolean(),
    session: t.id(),
    metadata: t.field({ type: 'JSON' }),
    archive: t.boolean({
      required: true,
      defaultValue: false,
      description: 'As archiveRollbackPoint does, of everything.',
    }),
    idempotencyKey: t.string(),
  }),
});

export const ArchiveRollbackPointInput = builder.inputType('ArchiveRollbackPointInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    scope: t.field({ type: ScopeInput, description: 'What of the state is archived; everything when absent.' }),
    idempotencyKey: t.string(),
  }),
});

export const UpdateRollbackPointInput = builder.inputType('UpdateRollbackPointInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    name: t.string(),
    description: t.string({ description: 'Null removes it.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'Null: never.' }),
    held: t.boolean(),
  }),
});

export const RollbackInput = builder.inputType('RollbackInput', {
  description: 'Exactly one of `to` (restore) and `undo`.',
  fields: (t) => ({
    graph: t.string({ required: true }),
    to: t.field({ type: AtInput }),
    undo: t.field({ type: UndoInput }),
    scope: t.field({ type: ScopeInput }),
    dryRun: t.boolean({ required: true, defaultValue: false }),
    strategy: t.field({ type: RollbackStrategyEnum, required: true, defaultValue: 'IMMEDIATE' }),
    onConflict: t.field({ type: ConflictPolicyInput }),
    batchSize: t.int(),
    maxChangesPerSecond: t.int(),
    includeSchema: t.boolean({ required: true, defaultValue: false }),
    idempotencyKey: t.string(),
    reason: t.string(),
  }),
});

export const ExecuteRollbackInput = builder.inputType('ExecuteRollbackInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    expectPlan: t.string({ required: true }),
    strategy: t.field({ type: RollbackStrategyEnum, required: true, defaultValue: 'IMMEDIATE' }),
    batchSize: t.int(),
    maxChangesPerSecond: t.int(),
    idempotencyKey: t.string(),
  }),
});

export const AbortRollbackInput = builder.inputType('AbortRollbackInput', {
  fields: (t) => ({ id: t.id({ required: true }), reason: t.string(), idempotencyKey: t.string() }),
});

export const PauseRollbackInput = builder.inputType('PauseRollbackInput', {
  fields: (t) => ({ id: t.id({ required: true }), idempotencyKey: t.string() }),
});
