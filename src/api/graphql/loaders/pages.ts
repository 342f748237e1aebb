import type { Page, PageRequest } from '../../../core/moments.ts';
import type {
  Listed,
  ParentKey,
  RecordName,
  RecordPosition,
  RecordQuery,
  RecordTypes,
} from '../../../ports/records.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { LoaderFamily } from './batching.ts';

type AnyPage = Page<Listed<RecordTypes[RecordName]>>;

interface PageArguments {
  readonly query: RecordQuery;
  readonly page: PageRequest<RecordPosition>;
}

/** Pages of records and their counts: one statement for all parents that ask with the same arguments. `seen` hears of every record. */
export function pageLoaders({ records }: ApiDependencies, seen: (record: RecordName, row: object) => void) {
  const pages = new LoaderFamily<PageArguments, ParentKey, AnyPage>(
    async ({ query, page }, parents) => {
      const read = await records.pages(query, parents, page);
      for (const { items } of read.values()) for (const item of items) seen(query.record, item.record);
      return read;
    },
    () => ({ items: [], hasMore: false }),
  );
  const counts = new LoaderFamily<RecordQuery, ParentKey, bigint>(
    (query, parents) => records.counts(query, parents),
    () => 0n,
  );
  return {
    page: <Name extends RecordName>(
      query: RecordQuery<Name>,
      parent: ParentKey,
      page: PageRequest<RecordPosition>,
    ): Promise<Page<Listed<RecordTypes[Name]>>> =>
      // The arguments name the record, so the family answers with pages of that record.
      pages.load({ query, page }, parent) as Promise<Page<Listed<RecordTypes[Name]>>>,
    count: (query: RecordQuery, parent: ParentKey): Promise<bigint> => counts.load(query, parent),
  };
}
