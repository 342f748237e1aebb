import type { Page, PageRequest } from '../../../core/moments.ts';

/** Collects the parameters of one statement. */
export class Parameters {
  readonly values: unknown[] = [];

  /** Adds a value. @returns its placeholder */
  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** The pieces of a keyset page's statement, and how its rows become the page. */
export interface Keyset {
  /** Conditions on the position, each of them to be joined by AND. */
  readonly conditions: readonly string[];
  readonly orderBy: string;
  /** One row more than the page holds: it tells whether there are more. */
  readonly limit: number;
}

/**
 * A page over the order of `columns`.
 * @param position the values of the columns at a position, as SQL
 */
export function keyset<Position>(
  columns: readonly string[],
  page: PageRequest<Position>,
  position: (at: Position) => readonly string[],
  descending = false,
): Keyset {
  const later = descending ? '<' : '>';
  const earlier = descending ? '>' : '<';
  const row = `(${columns.join(', ')})`;
  const conditions: string[] = [];
  if (page.after !== undefined) conditions.push(`${row} ${later} (${position(page.after).join(', ')})`);
  if (page.before !== undefined) conditions.push(`${row} ${earlier} (${position(page.before).join(', ')})`);
  return {
    conditions,
    orderBy: columns.map((column) => `${column} ${direction(page, descending)}`).join(', '),
    limit: page.limit + 1,
  };
}

/** The direction in which the rows of a page are read. */
export function direction(page: Pick<PageRequest<never>, 'backwards'>, descending = false): 'ASC' | 'DESC' {
  return (page.backwards === true) === descending ? 'ASC' : 'DESC';
}

/** Rows as a keyset statement returned them (up to one too many, in the direction of reading) as a page. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  page: Pick<PageRequest<never>, 'limit' | 'backwards'>,
  item: (row: Row) => Item,
): Page<Item> {
  const items = rows.slice(0, page.limit).map(item);
  if (page.backwards === true) items.reverse();
  return { items, hasMore: rows.length > page.limit };
}
