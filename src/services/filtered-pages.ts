import { LimitError } from '../core/errors.ts';
import type { Page, PageRequest } from '../core/moments.ts';

/** The most rows that one page may cost where rows are read to be judged. */
export const MAX_SCANNED = 100_000;
const MIN_CHUNK = 100;
const MAX_CHUNK = 1000;

export interface FilteredScan<Item, Position> {
  read(page: PageRequest<Position>): Promise<Page<Item>>;
  position(item: Item): Position;
  /** Those of the items that belong to the result, in their order. */
  keep(items: readonly Item[]): Promise<readonly Item[]> | readonly Item[];
}

/**
 * The items that `keep` passes, in the direction of the page, batch by batch. `more` says whether unread items are left behind the
 * batch. Ends after MAX_SCANNED rows, `more` being true then.
 */
export async function* scanFiltered<Item, Position>(
  scan: FilteredScan<Item, Position>,
  page: PageRequest<Position>,
): AsyncGenerator<{ readonly kept: readonly Item[]; readonly more: boolean }> {
  const backwards = page.backwards === true;
  let at = page;
  let chunk = Math.min(MAX_CHUNK, Math.max(MIN_CHUNK, page.limit + 1));
  for (let scanned = 0; scanned < MAX_SCANNED; chunk = MAX_CHUNK) {
    const { items, hasMore } = await scan.read({ ...at, limit: chunk });
    const kept = await scan.keep(items);
    const last = backwards ? items[0] : items.at(-1);
    const more = hasMore && last !== undefined;
    yield { kept: backwards ? [...kept].reverse() : kept, more };
    if (!more) return;
    scanned += items.length;
    at = backwards ? { ...at, before: scan.position(last) } : { ...at, after: scan.position(last) };
  }
}

/**
 * A page of the items that `keep` passes. It may be short although more follow, so that each call reads a bounded number of rows.
 * @throws LimitError when not one was found within the bound
 */
export async function filteredPage<Item, Position>(
  scan: FilteredScan<Item, Position>,
  page: PageRequest<Position>,
): Promise<Page<Item>> {
  const found: Item[] = [];
  let unread = true;
  for await (const { kept, more } of scanFiltered(scan, page)) {
    found.push(...kept);
    unread = more;
    if (found.length > page.limit) break;
  }
  if (unread && found.length === 0) throw tooRare();
  const items = found.slice(0, page.limit);
  const hasMore = unread || found.length > page.limit;
  return { items: page.backwards === true ? items.reverse() : items, hasMore };
}

export function tooRare(): LimitError {
  return new LimitError(
    `nothing matches within ${MAX_SCANNED} rows; narrow the moments asked for`,
    BigInt(MAX_SCANNED),
  );
}
