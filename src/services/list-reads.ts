import type { Page, PageRequest } from '../core/moments.ts';
import type { ListBounds, ListPage } from '../ports/history.ts';
import { ReadsTogether } from './reads-together.ts';

/** Rows that one statement is asked for when it reads several lists: what it gives is held in memory as a whole. */
const MAX_ROWS = 10_000;
/** Less of each list is not asked for, however many there are. */
const MIN_CHUNK = 50;

/** How many lists one statement may read pages of. */
export function listsAtOnce({ limit }: ListPage): number {
  return Math.max(1, Math.floor(MAX_ROWS / (limit + 1)));
}

/** How much of each of `count` lists a statement of at most `rows` rows may read. */
export function chunkOf(count: number, rows: number): number {
  return Math.max(MIN_CHUNK, Math.floor(rows / count));
}

/** How many lists a statement of at most `rows` rows may read chunks of. */
export function chunksAtOnce(rows: number): number {
  return Math.max(1, Math.floor(rows / MIN_CHUNK));
}

interface Together<Args> {
  readonly args: Args;
  readonly page: ListPage;
}

/**
 * Reads of several lists of one kind, those that are wanted at the same moment by one statement, or by one for every `MAX_ROWS` rows.
 * @param Own what tells one list from another
 */
export class ListReads<Args, Own, Position, Item> {
  readonly #pages: ReadsTogether<Together<Args>, Own & ListBounds<Position>, Page<Item>>;
  readonly #chunks: ReadsTogether<Together<Args>, Own & ListBounds<Position>, Page<Item>>;

  constructor(
    read: (
      args: Args,
      lists: readonly (Own & ListBounds<Position>)[],
      page: ListPage,
    ) => Promise<readonly Page<Item>[]>,
  ) {
    this.#pages = new ReadsTogether(
      ({ args, page }, lists) => read(args, lists, page),
      ({ page }) => listsAtOnce(page),
    );
    this.#chunks = new ReadsTogether(
      ({ args, page }, lists) =>
        read(args, lists, { ...page, limit: Math.min(page.limit, chunkOf(lists.length, MAX_ROWS)) }),
      () => chunksAtOnce(MAX_ROWS),
    );
  }

  page(args: Args, list: Own, page: PageRequest<Position>): Promise<Page<Item>> {
    return this.#pages.read(...together(args, list, page));
  }

  /** As much of the list as goes, at most a page: for those who read on while there is more. */
  chunk(args: Args, list: Own, page: PageRequest<Position>): Promise<Page<Item>> {
    return this.#chunks.read(...together(args, list, page));
  }
}

function together<Args, Own, Position>(
  args: Args,
  list: Own,
  { limit, backwards, after, before }: PageRequest<Position>,
): readonly [Together<Args>, Own & ListBounds<Position>] {
  return [
    { args, page: { limit, backwards } },
    { ...list, after, before },
  ];
}
