import type { At } from '../../../core/moments.ts';
import type { Session } from '../../../generated/prisma/client.ts';
import type { RecordedTransaction } from '../../../ports/history.ts';
import { builder } from '../builder.ts';
import { type Connection, type PageArguments, pageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { bigintCodec, Cursors } from '../cursors.ts';
import { TransactionConnection } from './connections.ts';
import { graphOf } from './graph-of.ts';
import { ChangeSummaryRef, NO_CHANGES } from './moment.ts';
import { DiffRef, type DiffShape, GraphRef, OperationRef, PointRef, SessionRef } from './refs.ts';

builder.prismaObjectFields(SessionRef, (t) => ({
  graph: t.field({ type: GraphRef, resolve: graphOf }),
  name: t.exposeString('name'),
  actor: t.exposeString('actor'),
  label: t.exposeString('label', { nullable: true }),
  openedAt: t.expose('openedAt', { type: 'DateTime' }),
  closedAt: t.expose('closedAt', { type: 'DateTime', nullable: true }),
  present: t.boolean({
    description: 'Open, and was opened or wrote within the last minutes.',
    resolve: (session, _, { services }) => services.sessions.isPresent(session),
  }),
  point: t.field({
    type: PointRef,
    nullable: true,
    description: 'Pinned when the session was opened.',
    resolve: ({ pointId }, _, { loaders }) => (pointId === null ? null : loaders.point.load(pointId)),
  }),
  rollback: t.field({
    type: OperationRef,
    nullable: true,
    description: 'Started when the session was closed.',
    resolve: ({ rollbackId }, _, { loaders }) => (rollbackId === null ? null : loaders.operation.load(rollbackId)),
  }),
  summary: t.field({
    type: ChangeSummaryRef,
    description: 'Of all its transactions, added up.',
    resolve: async ({ id }, _, { loaders }) => (await loaders.sessionSummary.load(id)) ?? NO_CHANGES,
  }),
  diff: t.field({
    type: DiffRef,
    nullable: true,
    description: "From its point, or else its opening, to its end: others' changes of that time included.",
    resolve: (session, _, context) => diff(session, context),
  }),
  transactions: t.field({
    type: TransactionConnection,
    args: pageArguments(t.arg),
    resolve: (session, args, context) => transactions(session, args, context),
  }),
}));

function diff({ graphId, pointId, openedAt, closedAt }: Session, { loaders }: ApiContext): Promise<DiffShape> {
  const opening: At = { time: openedAt };
  const to: At | null = closedAt === null ? null : { time: closedAt };
  if (pointId === null) return loaders.diff({ graphId, from: opening, to, scope: null });
  const from = async (): Promise<At> => {
    const seq = (await loaders.point.load(pointId))?.seq ?? null;
    return seq === null ? opening : { seq };
  };
  return loaders.diff({ graphId, from, to, scope: null, start: { point: pointId } });
}

async function transactions(
  { id, graphId }: Session,
  args: PageArguments,
  context: ApiContext,
): Promise<Connection<RecordedTransaction>> {
  const cursors = new Cursors('Session.transactions', id, null, bigintCodec);
  const { page, pin } = readPage(args, cursors);
  const until = pin ?? (await context.loaders.resolve(graphId, { keyword: 'LIVE' }, [])).seq;
  const read = await context.loaders.sessionTransactions({ graphId, until, page }, id);
  return toConnection(read, page, cursors, { node: (item) => item, position: ({ seq }) => seq, pin: until });
}
