import type { EntityRef } from '../../../core/entities.ts';
import type { Page } from '../../../core/moments.ts';
import type { ListBounds, ListPage } from '../../../ports/history.ts';
import { int2Array, textArray } from '../binary-arrays.ts';
import { type Keyset, keyset, type Parameters, pageOf } from './keyset.ts';
import { kindNumber } from './rows.ts';

/**
 * Several lists that one statement reads, as the rows of a table `p`, numbered from 1 by `n`. Each list is then a LATERAL subquery with an
 * order and a limit of its own, so that it costs a range of an index, however many others are read with it.
 */
export class Lists {
  readonly #parameters: Parameters;
  readonly #arrays: string[] = [];
  readonly #names: string[] = [];

  constructor(parameters: Parameters) {
    this.#parameters = parameters;
  }

  /** A value for each list. @returns how the list's subquery refers to it */
  add(name: string, type: string, values: unknown): string {
    this.#arrays.push(`${this.#parameters.add(values)}::${type}[]`);
    this.#names.push(name);
    return `p.${name}`;
  }

  /** The table, for FROM. */
  get table(): string {
    return `unnest(${this.#arrays.join(', ')}) WITH ORDINALITY AS p (${[...this.#names, 'n'].join(', ')})`;
  }
}

export type Side = 'after' | 'before';

/**
 * The keyset of lists that each have bounds of their own.
 * @param add adds the position on one side as columns to the lists, for a list without one a position beyond its end
 * @returns pieces that refer to those columns
 */
export function listKeyset<Position>(
  columns: readonly string[],
  bounds: readonly ListBounds<Position>[],
  page: ListPage,
  add: (side: Side) => readonly string[],
): Keyset {
  const has = (side: Side) => bounds.some((each) => each[side] !== undefined);
  const sides = {
    ...(has('after') && { after: 'after' as const }),
    ...(has('before') && { before: 'before' as const }),
  };
  return keyset<Side>(columns, { ...page, ...sides }, add);
}

/** Numbers of kinds that no kind has: what is beyond both ends of a list in order of kind and key. */
export const BELOW_KINDS = -1;
export const ABOVE_KINDS = 2 ** 15 - 1;

/** An entity for each list, one of the kind `beyond` where there is none. @returns its kind and key */
export function addRefs(
  lists: Lists,
  name: string,
  refs: readonly (EntityRef | undefined)[],
  beyond: number,
): readonly [kind: string, key: string] {
  const kinds = refs.map((ref) => (ref === undefined ? beyond : kindNumber(ref.kind)));
  return [
    lists.add(`${name}_kind`, 'int2', int2Array(kinds)),
    lists.add(`${name}_key`, 'text', textArray(refs.map((ref) => ref?.key ?? ''))),
  ];
}

/** The pages of `count` lists from the rows of all of them, each list's in the direction of reading. */
export function pagesOf<Row extends { readonly n: bigint | number }, Item>(
  count: number,
  rows: readonly Row[],
  page: ListPage,
  item: (row: Row) => Item,
): Page<Item>[] {
  const lists = Array.from({ length: count }, (): Row[] => []);
  for (const row of rows) lists[Number(row.n) - 1]?.push(row);
  return lists.map((each) => pageOf(each, page, item));
}
