import { isRecord } from '../../../core/decoded.ts';
import { NotFoundError } from '../../../core/errors.ts';
import type { OperationEvent } from '../../../generated/prisma/client.ts';
import type { StoredOperationEvent } from '../../../ports/operation-events.ts';
import { type Connection, type PageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { Cursors, type PositionCodec } from '../cursors.ts';
import { storedBigInt } from '../stored.ts';
import { OperationEventType, OperationStatusEnum } from './enums.ts';
import { OperationCountsRef } from './operation-parts.ts';
import { ConflictRef, OperationEventRef, OperationRef } from './refs.ts';
import { oneOf } from './stored-enum.ts';

/** Where an event stands: among its operation's events, and over all operations of the graph. */
export interface EventPosition {
  readonly id: bigint;
  readonly operationId: string;
  readonly seq: bigint;
}

const eventCodec: PositionCodec<EventPosition> = {
  write: ({ id, operationId, seq }) => [id.toString(), operationId, seq.toString()],
  read: (json) => {
    if (!Array.isArray(json)) return null;
    const [id, operationId, seq]: readonly unknown[] = json;
    if (typeof id !== 'string' || typeof operationId !== 'string' || typeof seq !== 'string') return null;
    return /^\d{1,18}$/.test(id) && /^\d{1,18}$/.test(seq) ? { id: BigInt(id), operationId, seq: BigInt(seq) } : null;
  },
};

/** One kind of cursor for the connection and both subscriptions, so that either can go on where another stopped. */
export const eventCursors = new Cursors('OperationEvent', '', null, eventCodec);

OperationEventRef.implement({
  fields: (t) => ({
    cursor: t.string({ resolve: (event) => eventCursors.write(event) }),
    operation: t.field({
      type: OperationRef,
      resolve: async ({ operationId }, _, { loaders }) => {
        const operation = await loaders.operation.load(operationId);
        if (operation === null) throw new NotFoundError('the operation does not exist');
        return operation;
      },
    }),
    seq: t.expose('seq', { type: 'BigInt' }),
    at: t.expose('at', { type: 'DateTime' }),
    type: t.field({ type: OperationEventType, resolve: ({ type }) => oneOf(OperationEventType, type) }),
    status: t.field({ type: OperationStatusEnum, resolve: ({ status }) => oneOf(OperationStatusEnum, status) }),
    progress: t.exposeInt('progress'),
    counts: t.field({
      type: OperationCountsRef,
      resolve: ({ counts }) => ({
        planned: storedBigInt(counts.planned),
        applied: storedBigInt(counts.applied),
        skipped: storedBigInt(counts.skipped),
        conflicted: storedBigInt(counts.conflicted),
      }),
    }),
    message: t.exposeString('message', { nullable: true }),
    conflict: t.field({
      type: ConflictRef,
      nullable: true,
      resolve: ({ conflictId }, _, { loaders }) => (conflictId === null ? null : loaders.conflict.load(conflictId)),
    }),
  }),
});

/** An operation's events as a connection whose cursors are the events' own. */
export async function listEvents(
  operationId: string,
  args: PageArguments,
  context: ApiContext,
): Promise<Connection<StoredOperationEvent>> {
  const { page } = readPage(args, eventCursors);
  const query = { record: 'operationEvent', parent: 'operationId', filters: [] } as const;
  const place = (position: EventPosition | undefined): { readonly after?: readonly string[] } =>
    position === undefined ? {} : { after: [position.seq.toString()] };
  const { after: before } = place(page.before);
  const read = await context.loaders.page(query, operationId, {
    limit: page.limit,
    ...place(page.after),
    ...(before && { before }),
    ...(page.backwards && { backwards: true }),
  });
  return toConnection(read, page, eventCursors, {
    node: ({ record }) => eventFrom(record),
    position: ({ record }) => record,
    total: () => context.loaders.count(query, operationId),
  });
}

function eventFrom(row: OperationEvent): StoredOperationEvent {
  const counts: Readonly<Record<string, unknown>> = isRecord(row.counts) ? row.counts : {};
  const text = (field: string): string => storedBigInt(counts[field]).toString();
  return {
    ...row,
    counts: {
      planned: text('planned'),
      applied: text('applied'),
      skipped: text('skipped'),
      conflicted: text('conflicted'),
    },
  };
}
