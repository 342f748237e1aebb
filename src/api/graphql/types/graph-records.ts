import type { Page, PageRequest } from '../../../core/moments.ts';
import type { ResolutionRule, RollbackOperation, RollbackPoint, Session } from '../../../generated/prisma/client.ts';
import type { Listed, RecordFilter, RecordPosition } from '../../../ports/records.ts';
import { filteredPage } from '../../../services/filtered-pages.ts';
import { type Connection, type PageArguments, readPage, toConnection } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { Cursors, recordCodec } from '../cursors.ts';
import type { AtShape } from '../inputs/at.ts';
import { idOrNull, nonEmpty, readTimeRange } from '../inputs/read-filters.ts';
import { anyOf, equal, filtersOf, firstRecord, listRecords } from '../record-connections.ts';

interface Range {
  readonly since?: AtShape | null | undefined;
  readonly until?: AtShape | null | undefined;
}

/** What makes a point one that was deleted; its row stays for the audit. */
export const NOT_DELETED: RecordFilter = { field: 'deletedAt', is: 'ABSENT' };

interface PointFilter extends Range {
  readonly status?: readonly string[] | null | undefined;
  readonly origin?: readonly string[] | null | undefined;
  readonly name?: string | null | undefined;
  readonly session?: string | null | undefined;
}

export async function listPoints(
  graphId: number,
  { filter, ...args }: PageArguments & { readonly filter?: PointFilter | null | undefined },
  context: ApiContext,
): Promise<Connection<RollbackPoint>> {
  const filters = filtersOf(
    NOT_DELETED,
    anyOf('status', nonEmpty(filter?.status, ['filter', 'status'])),
    anyOf('origin', nonEmpty(filter?.origin, ['filter', 'origin'])),
    equal('name', filter?.name),
    equal('sessionId', idOrNull(filter?.session, 'Session', ['filter', 'session'])),
    ...(await readTimeRange(context, graphId, 'createdAt', filter ?? {})),
  );
  const listing = { connection: 'Graph.points', record: 'rollbackPoint', parentField: 'graphId' } as const;
  return listRecords(context, { ...listing, parent: graphId, filters }, args);
}

export function listRules(
  graphId: number,
  args: PageArguments,
  context: ApiContext,
): Promise<Connection<ResolutionRule>> {
  const listing = { connection: 'Graph.resolutionRules', record: 'resolutionRule', parentField: 'graphId' } as const;
  return listRecords(context, { ...listing, parent: graphId }, args);
}

interface OperationFilter extends Range {
  readonly status?: readonly string[] | null | undefined;
  readonly type?: string | null | undefined;
  readonly session?: string | null | undefined;
}

export async function listOperations(
  graphId: number,
  { filter, ...args }: PageArguments & { readonly filter?: OperationFilter | null | undefined },
  context: ApiContext,
): Promise<Connection<RollbackOperation>> {
  const filters = filtersOf(
    anyOf('status', nonEmpty(filter?.status, ['filter', 'status'])),
    equal('type', filter?.type),
    equal('undoSessionId', idOrNull(filter?.session, 'Session', ['filter', 'session'])),
    ...(await readTimeRange(context, graphId, 'createdAt', filter ?? {})),
  );
  const listing = { connection: 'Graph.operations', record: 'rollbackOperation', parentField: 'graphId' } as const;
  return listRecords(context, { ...listing, parent: graphId, filters }, args);
}

export async function sessionNamed(graphId: number, name: string, context: ApiContext): Promise<Session | null> {
  const filters = filtersOf(equal('name', name));
  return firstRecord(context, { record: 'session', parentField: 'graphId', parent: graphId, filters });
}

interface SessionFilter extends Range {
  readonly actor?: string | null | undefined;
  readonly present?: boolean | null | undefined;
}

export async function listSessions(
  graphId: number,
  { filter, ...args }: PageArguments & { readonly filter?: SessionFilter | null | undefined },
  context: ApiContext,
): Promise<Connection<Session>> {
  const present = filter?.present ?? null;
  const filters = filtersOf(
    equal('actor', filter?.actor),
    present === true ? { field: 'closedAt', is: 'ABSENT' } : null,
    ...(await readTimeRange(context, graphId, 'openedAt', filter ?? {})),
  );
  const listing = { record: 'session', parentField: 'graphId', parent: graphId, filters } as const;
  if (present === null) return listRecords(context, { connection: 'Graph.sessions', ...listing }, args);
  const cursors = new Cursors('Graph.sessions', String(graphId), { filters, present }, recordCodec);
  const { page } = readPage(args, cursors);
  const read = await sessionsByPresence(context, graphId, filters, present, page);
  return toConnection(read, page, cursors, { node: ({ record }) => record, position: ({ position }) => position });
}

/** The session manager decides who is present, and no column holds it. */
function sessionsByPresence(
  context: ApiContext,
  graphId: number,
  filters: readonly RecordFilter[],
  present: boolean,
  page: PageRequest<RecordPosition>,
): Promise<Page<Listed<Session>>> {
  const query = { record: 'session', parent: 'graphId', filters } as const;
  return filteredPage(
    {
      read: (chunk) => context.loaders.page(query, graphId, chunk),
      position: (listed: Listed<Session>) => listed.position,
      keep: (items) => items.filter(({ record }) => context.services.sessions.isPresent(record) === present),
    },
    page,
  );
}
