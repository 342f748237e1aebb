import { InvalidInputError, NotFoundError } from '../../../core/errors.ts';
import type { GraphRecord } from '../../../ports/history.ts';
import { builder } from '../builder.ts';
import type { ApiContext } from '../context.ts';
import { requireId } from '../ids.ts';
import { idOrNull } from '../inputs/read-filters.ts';
import { graphNamed } from '../nodes.ts';
import { CaptureRef } from '../types/capture.ts';
import { eventCursors } from '../types/operation-event.ts';
import { OperationEventRef, PointRef, TransactionRef } from '../types/refs.ts';
import { LiveStream, received } from './live-stream.ts';
import { captureStates, pointStates } from './states.ts';

builder.subscriptionType({
  fields: (t) => ({
    operationProgress: t.field({
      type: OperationEventRef,
      description: 'Replays after the cursor, then follows. Complete means that the operation ended.',
      args: { id: t.arg.id({ required: true }), after: t.arg.string() },
      subscribe: async (_, { id, after }, context) => {
        const operationId = requireId(id, 'RollbackOperation', ['id']);
        if ((await context.loaders.operation.load(operationId)) === null) throw unknown('operation');
        const start = after ? eventCursors.read(after, 'after').position : null;
        if (start !== null && start.operationId !== operationId) throw elsewhere();
        return new LiveStream(context, {
          open: (signal) => context.services.feeds.operationEvents(operationId, start?.seq ?? 0n, signal),
          resumeAfter: (event) => eventCursors.write(event),
          startedAfter: after ?? null,
        });
      },
      resolve: received,
    }),
    rollbackEvents: t.field({
      type: OperationEventRef,
      description: 'Of all operations of the graph: after the cursor, or from now on.',
      args: { graph: t.arg.string({ required: true }), after: t.arg.string() },
      subscribe: async (_, { graph, after }, context) => {
        const { id: graphId } = await graphOrThrow(context, graph);
        const start = after ? await graphPosition(context, graphId, after) : await newestEvent(context, graphId);
        return new LiveStream(context, {
          open: (signal) => context.services.feeds.graphEvents(graphId, start, signal),
          resumeAfter: (event) => eventCursors.write(event),
          startedAfter: after ?? null,
        });
      },
      resolve: received,
    }),
    graphTransactions: t.field({
      type: TransactionRef,
      description: 'After a seq, or from now on.',
      args: { graph: t.arg.string({ required: true }), after: t.arg({ type: 'BigInt' }), session: t.arg.id() },
      subscribe: async (_, { graph, after, session }, context) => {
        const record = await graphOrThrow(context, graph);
        const sessionId = idOrNull(session, 'Session', ['session']);
        if (sessionId !== null && (await context.loaders.session.load(sessionId)) === null) throw unknown('session');
        if (after !== null && after !== undefined && after < 0n) {
          throw InvalidInputError.field(['after'], 'must not be negative');
        }
        // Nobody can have seen it here: what comes before it would be left out without a word.
        if (after !== null && after !== undefined && after > record.head.seq) {
          throw InvalidInputError.field(['after'], `lies beyond the newest transaction, ${record.head.seq}`);
        }
        const start = after ?? record.head.seq;
        return new LiveStream(context, {
          open: (signal) => context.services.feeds.transactions(record.id, start, sessionId, signal),
          resumeAfter: ({ seq }) => seq.toString(),
          startedAfter: start.toString(),
        });
      },
      resolve: received,
    }),
    pointProgress: t.field({
      type: PointRef,
      description: 'The point now and after each change, until it is at rest.',
      args: { id: t.arg.id({ required: true }) },
      subscribe: async (_, { id }, context) => {
        const pointId = requireId(id, 'RollbackPoint', ['id']);
        const point = await context.loaders.point.load(pointId);
        if (point?.deletedAt !== null) throw unknown('point');
        return new LiveStream(context, {
          open: (signal) => pointStates(context, pointId, signal),
          resumeAfter: ({ updatedAt }) => updatedAt.toISOString(),
          startedAfter: null,
        });
      },
      resolve: received,
    }),
    captureProgress: t.field({
      type: CaptureRef,
      description: 'Capture now and after each change.',
      args: { graph: t.arg.string({ required: true }) },
      subscribe: async (_, { graph }, context) => {
        const { id } = await graphOrThrow(context, graph);
        return new LiveStream(context, {
          open: (signal) => captureStates(context, id, signal),
          resumeAfter: ({ head }) => head.seq.toString(),
          startedAfter: null,
        });
      },
      resolve: received,
    }),
  }),
});

async function graphOrThrow(context: ApiContext, name: string): Promise<GraphRecord> {
  const graph = await graphNamed(context, name);
  if (graph === null) throw new NotFoundError(`graph ${name} does not exist`);
  return graph;
}

async function graphPosition(context: ApiContext, graphId: number, after: string): Promise<bigint> {
  const { position } = eventCursors.read(after, 'after');
  const operation = await context.loaders.operation.load(position.operationId);
  if (operation?.graphId !== graphId) throw elsewhere();
  return position.id;
}

async function newestEvent({ prisma }: ApiContext, graphId: number): Promise<bigint> {
  const newest = await prisma.operationEvent.findFirst({
    where: { graphId },
    orderBy: { id: 'desc' },
    select: { id: true },
  });
  return newest?.id ?? 0n;
}

function unknown(what: string): NotFoundError {
  return new NotFoundError(`the ${what} does not exist`);
}

function elsewhere(): InvalidInputError {
  return InvalidInputError.field(['after'], 'is the cursor of an event of another operation or graph');
}
