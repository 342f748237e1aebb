import type { EntityChange } from '../../../core/entities.ts';
import type { RecordedTransaction } from '../../../ports/history.ts';
import { type Connection, type PageArguments, pageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { Cursors, entityCodec } from '../cursors.ts';
import { transactionId } from '../ids.ts';
import { readScope, ScopeInput, type ScopeShape } from '../inputs/scope.ts';
import { ChangeConnection, ChangeRef } from './change.ts';
import { ContributionRef, RecordedChangeRef } from './connections.ts';
import { TransactionSourceEnum } from './enums.ts';
import { ChangeSummaryRef } from './moment.ts';
import { NodeInterface, OperationRef, SessionRef, TransactionRef } from './refs.ts';

TransactionRef.implement({
  description: 'One commit of the graph.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({ resolve: transactionId }),
    seq: t.expose('seq', { type: 'BigInt' }),
    time: t.expose('time', { type: 'DateTime' }),
    actor: t.exposeString('actor', { nullable: true }),
    session: t.field({ type: SessionRef, nullable: true, resolve: sessionOf }),
    source: t.expose('source', { type: TransactionSourceEnum }),
    operation: t.field({
      type: OperationRef,
      nullable: true,
      resolve: ({ operationId }, _, { loaders }) => (operationId === null ? null : loaders.operation.load(operationId)),
    }),
    changeCount: t.expose('changeCount', { type: 'BigInt' }),
    changes: t.field({
      type: ChangeConnection,
      args: { scope: t.arg({ type: ScopeInput }), ...pageArguments(t.arg) },
      resolve: (transaction, args, context) => changes(transaction, args, context),
    }),
  }),
});

RecordedChangeRef.implement({
  description: 'A change as one transaction made it.',
  fields: (t) => ({
    id: t.id({
      resolve: ({ graphId, change }) =>
        Buffer.from(`RecordedChange:${graphId}:${change.seq}:${change.kind}:${change.key}`).toString('base64url'),
    }),
    seq: t.field({ type: 'BigInt', resolve: ({ change }) => change.seq }),
    transaction: t.field({
      type: TransactionRef,
      nullable: true,
      resolve: ({ graphId, change }, _, { loaders }) => loaders.transaction(graphId, change.seq),
    }),
    change: t.field({ type: ChangeRef, resolve: ({ change }) => change }),
  }),
});

ContributionRef.implement({
  description: 'What one actor did in one session.',
  fields: (t) => ({
    actor: t.exposeString('actor', { nullable: true }),
    session: t.field({ type: SessionRef, nullable: true, resolve: sessionOf }),
    transactions: t.expose('transactions', { type: 'BigInt' }),
    summary: t.expose('summary', { type: ChangeSummaryRef }),
  }),
});

function sessionOf({ sessionId }: { readonly sessionId: string | null }, _: unknown, { loaders }: ApiContext) {
  return sessionId === null ? null : loaders.session.load(sessionId);
}

async function changes(
  { graphId, seq, changeCount }: RecordedTransaction,
  args: PageArguments & { readonly scope?: ScopeShape | null | undefined },
  context: ApiContext,
): Promise<Connection<EntityChange>> {
  const cursors = new Cursors('Transaction.changes', `${graphId} ${seq}`, args.scope, entityCodec);
  const { page } = readPage(args, cursors);
  const scope = readScope(args.scope, ['scope']);
  const read = await context.services.graphs.changesOf(graphId, seq, scope, page);
  return toConnection(read, page, cursors, {
    node: (change) => change,
    position: ({ kind, key }) => ({ kind, key }),
    total: () => (scope === null ? changeCount : null),
  });
}
