import { isRecord } from '../../../core/decoded.ts';
import type { Moment } from '../../../core/moments.ts';
import type { RollbackOperation } from '../../../generated/prisma/client.ts';
import { builder } from '../builder.ts';
import { storedBigInt, storedBigIntOrNull, storedText } from '../stored.ts';
import { ConflictStrategyEnum } from './enums.ts';
import { MomentRef } from './moment.ts';
import { OperationRef, SessionRef } from './refs.ts';

export interface CountsShape {
  readonly planned: bigint;
  readonly applied: bigint;
  readonly skipped: bigint;
  readonly conflicted: bigint;
}

export const OperationCountsRef = builder.objectRef<CountsShape>('OperationCounts').implement({
  fields: (t) => ({
    planned: t.expose('planned', { type: 'BigInt' }),
    applied: t.expose('applied', { type: 'BigInt' }),
    skipped: t.expose('skipped', { type: 'BigInt' }),
    conflicted: t.expose('conflicted', { type: 'BigInt' }),
  }),
});

type Strategy = (typeof ConflictStrategyEnum)['$inferType'];
interface PolicyShape {
  readonly default: Strategy;
  readonly value: Strategy | null;
  readonly type: Strategy | null;
  readonly structure: Strategy | null;
  readonly dependency: Strategy | null;
}

export const ConflictPolicyRef = builder.objectRef<PolicyShape>('ConflictPolicy').implement({
  fields: (t) => ({
    default: t.expose('default', { type: ConflictStrategyEnum }),
    value: t.expose('value', { type: ConflictStrategyEnum, nullable: true }),
    type: t.expose('type', { type: ConflictStrategyEnum, nullable: true }),
    structure: t.expose('structure', { type: ConflictStrategyEnum, nullable: true }),
    dependency: t.expose('dependency', { type: ConflictStrategyEnum, nullable: true }),
  }),
});

export function policyOf({ policy }: RollbackOperation): PolicyShape {
  const stored: Readonly<Record<string, unknown>> = isRecord(policy) ? policy : {};
  // Stored as the request's policy; GraphQL refuses to send anything that is not a strategy.
  const strategy = (field: string): Strategy | null => storedText(stored[field]) as Strategy | null;
  return {
    default: strategy('default') ?? 'MANUAL',
    value: strategy('value'),
    type: strategy('type'),
    structure: strategy('structure'),
    dependency: strategy('dependency'),
  };
}

export const OperationAccountRef = builder.objectRef<Readonly<Record<string, unknown>>>('OperationAccount').implement({
  description: 'What the operation did, counted.',
  fields: (t) => ({
    created: t.field({ type: 'BigInt', resolve: (account) => storedBigInt(account.created) }),
    overwritten: t.field({ type: 'BigInt', resolve: (account) => storedBigInt(account.overwritten) }),
    deleted: t.field({ type: 'BigInt', resolve: (account) => storedBigInt(account.deleted) }),
    skipped: t.field({ type: 'BigInt', resolve: (account) => storedBigInt(account.skipped) }),
    left: t.field({ type: 'BigInt', resolve: (account) => storedBigInt(account.left) }),
    cascaded: t.field({ type: 'BigInt', resolve: (account) => storedBigInt(account.cascaded) }),
    planHash: t.string({ resolve: (account) => storedText(account.planHash) ?? '' }),
  }),
});

/** The undo set as it is stored: whose transactions in `by` and its fields, bounded by `from` and `until`. */
export interface UndoShape {
  readonly operation: RollbackOperation;
  readonly stored: Readonly<Record<string, unknown>>;
}

export function undoOf(operation: RollbackOperation): UndoShape {
  return { operation, stored: isRecord(operation.undo) ? operation.undo : {} };
}

export const UndoSetRef = builder.objectRef<UndoShape>('UndoSet').implement({
  description: 'Whose changes are taken back.',
  fields: (t) => ({
    everyone: t.boolean({
      resolve: ({ stored: { by } }) => by === 'everyone' || by === 'restore',
    }),
    session: t.field({
      type: SessionRef,
      nullable: true,
      resolve: ({ operation, stored }, _, { loaders }) => {
        const id = operation.undoSessionId ?? storedText(stored.sessionId);
        return id === null ? null : loaders.session.load(id);
      },
    }),
    actor: t.string({ nullable: true, resolve: ({ stored }) => storedText(stored.actor) }),
    operation: t.field({
      type: OperationRef,
      nullable: true,
      resolve: ({ operation, stored }, _, { loaders }) => {
        const id = operation.undoOperationId ?? storedText(stored.operationId);
        return id === null ? null : loaders.operation.load(id);
      },
    }),
    transactions: t.field({
      type: ['BigInt'],
      nullable: true,
      resolve: ({ stored: { transactions } }) => (Array.isArray(transactions) ? transactions.map(storedBigInt) : null),
    }),
    from: t.field({ type: MomentRef, nullable: true, resolve: (undo, _, { loaders }) => bound(undo, 'from', loaders) }),
    until: t.field({
      type: MomentRef,
      nullable: true,
      description: "Null until the plan's head froze the set.",
      resolve: (undo, _, { loaders }) => bound(undo, 'until', loaders),
    }),
  }),
});

interface MomentLoader {
  momentOf(graphId: number, seq: bigint | null): Promise<Moment | null>;
}

function bound(
  { operation, stored }: UndoShape,
  field: 'from' | 'until',
  loaders: MomentLoader,
): Promise<Moment | null> {
  return loaders.momentOf(operation.graphId, storedBigIntOrNull(stored[field]));
}
