import type { ParentKey, RecordFilter, RecordName, RecordTypes } from '../../ports/records.ts';
import { type Connection, type PageArguments, readPage, toConnection } from './connections.ts';
import type { ApiContext } from './context.ts';
import { Cursors, recordCodec } from './cursors.ts';

export interface RecordListing<Name extends RecordName> {
  /** The field of the schema, as cursors know it. */
  readonly connection: string;
  readonly record: Name;
  readonly parentField: string;
  readonly parent: ParentKey;
  readonly filters?: readonly RecordFilter[];
}

/** One page of the records under a parent; the same page of sibling parents is read by the same statement. */
export async function listRecords<Name extends RecordName>(
  context: ApiContext,
  listing: RecordListing<Name>,
  args: PageArguments,
): Promise<Connection<RecordTypes[Name]>> {
  return listRecordsAs(context, listing, args, (record) => record);
}

/** The same, each record shown as something else. */
export async function listRecordsAs<Name extends RecordName, Node>(
  context: ApiContext,
  { connection, record, parentField, parent, filters = [] }: RecordListing<Name>,
  args: PageArguments,
  node: (record: RecordTypes[Name]) => Node,
): Promise<Connection<Node>> {
  const cursors = new Cursors(connection, String(parent), filters, recordCodec);
  const { page } = readPage(args, cursors);
  const query = { record, parent: parentField, filters };
  const read = await context.loaders.page(query, parent, page);
  return toConnection(read, page, cursors, {
    node: (item) => node(item.record),
    position: (item) => item.position,
    total: () => context.loaders.count(query, parent),
  });
}

/** The first record under a parent in the record's order, or null. */
export async function firstRecord<Name extends RecordName>(
  context: ApiContext,
  { record, parentField, parent, filters = [] }: Omit<RecordListing<Name>, 'connection'>,
): Promise<RecordTypes[Name] | null> {
  const { items } = await context.loaders.page({ record, parent: parentField, filters }, parent, { limit: 1 });
  return items[0]?.record ?? null;
}

/** Filters for the conditions that were given. */
export function filtersOf(...filters: readonly (RecordFilter | null)[]): RecordFilter[] {
  return filters.filter((filter) => filter !== null);
}

export function equal(field: string, value: string | null | undefined): RecordFilter | null {
  return value === null || value === undefined ? null : { field, is: 'EQUAL', value };
}

export function anyOf(field: string, values: readonly string[] | null | undefined): RecordFilter | null {
  return values === null || values === undefined ? null : { field, is: 'ANY', value: values };
}
