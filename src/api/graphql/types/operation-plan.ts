import type { EntityChange } from '../../../core/entities.ts';
import type { Conflict, OperationLogEntry, PlanRow, RollbackOperation } from '../../../generated/prisma/client.ts';
import type { RecordFilter } from '../../../ports/records.ts';
import type { Connection, PageArguments } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { nonEmpty } from '../inputs/read-filters.ts';
import { anyOf, equal, filtersOf, listRecords, listRecordsAs } from '../record-connections.ts';
import { ChangeRef } from './change.ts';
import { LogEntryRef, PlannedChangeRef } from './connections.ts';
import { PlannedChangeState } from './enums.ts';
import { ConflictRef } from './refs.ts';
import { changeFrom } from './stored-change.ts';
import { oneOf } from './stored-enum.ts';

PlannedChangeRef.implement({
  description: 'One entity that the operation writes, or decided not to write.',
  fields: (t) => ({
    change: t.field({ type: ChangeRef, resolve: (row) => changeFrom(row, row.before, row.after) }),
    state: t.field({ type: PlannedChangeState, resolve: ({ state }) => oneOf(PlannedChangeState, state) }),
    conflict: t.field({
      type: ConflictRef,
      nullable: true,
      resolve: ({ conflictId }, _, { loaders }) => (conflictId === null ? null : loaders.conflict.load(conflictId)),
    }),
    reason: t.exposeString('reason', { nullable: true }),
  }),
});

LogEntryRef.implement({
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime' }),
    level: t.exposeString('level'),
    message: t.exposeString('message'),
  }),
});

interface PlanArguments extends PageArguments {
  readonly state?: readonly string[] | null | undefined;
  readonly action?: string | null | undefined;
  readonly key?: string | null | undefined;
}

export function listPlan(
  { id }: RollbackOperation,
  { state, action, key, ...args }: PlanArguments,
  context: ApiContext,
): Promise<Connection<PlanRow>> {
  const filters = filtersOf(anyOf('state', nonEmpty(state, ['state'])), equal('action', action), equal('key', key));
  const listing = { connection: 'RollbackOperation.plan', record: 'planRow', parentField: 'operationId' } as const;
  return listRecords(context, { ...listing, parent: id, filters }, args);
}

export function listCascade(
  { id }: RollbackOperation,
  args: PageArguments,
  context: ApiContext,
): Promise<Connection<EntityChange>> {
  const filters: RecordFilter[] = [{ field: 'cascade', is: 'EQUAL', value: true }];
  const listing = { connection: 'RollbackOperation.cascade', record: 'planRow', parentField: 'operationId' } as const;
  return listRecordsAs(context, { ...listing, parent: id, filters }, args, (row) =>
    changeFrom(row, row.before, row.after),
  );
}

interface ConflictArguments extends PageArguments {
  readonly filter?:
    | {
        readonly status?: string | null | undefined;
        readonly type?: string | null | undefined;
        readonly aspect?: string | null | undefined;
        readonly key?: string | null | undefined;
      }
    | null
    | undefined;
}

export function listConflicts(
  { id }: RollbackOperation,
  { filter, ...args }: ConflictArguments,
  context: ApiContext,
): Promise<Connection<Conflict>> {
  const filters = filtersOf(
    equal('status', filter?.status),
    equal('type', filter?.type),
    equal('aspect', filter?.aspect),
    equal('key', filter?.key),
  );
  const listing = {
    connection: 'RollbackOperation.conflicts',
    record: 'conflict',
    parentField: 'operationId',
  } as const;
  return listRecords(context, { ...listing, parent: id, filters }, args);
}

export function listLog(
  { id }: RollbackOperation,
  args: PageArguments,
  context: ApiContext,
): Promise<Connection<OperationLogEntry>> {
  const listing = { connection: 'RollbackOperation.logEntries', record: 'operationLogEntry' } as const;
  return listRecords(context, { ...listing, parentField: 'operationId', parent: id }, args);
}
