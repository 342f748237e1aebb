import type { PageRequest } from '../../../core/moments.ts';
import type { SqlExecutor } from '../../../ports/database.ts';
import type { DiffPosition } from '../../../ports/history.ts';
import { direction, keyset, Parameters } from './keyset.ts';
import { kindNumber } from './rows.ts';

/** Versions of chosen transactions, in order of seq, kind, key. */
export interface Walk {
  /** Conditions on transactions `t`. */
  transactions(parameters: Parameters): readonly string[];
  /** How many versions at most a transaction `t` gives. */
  readonly counted: string;
  /** What to select of versions `v` and of what is joined to them. */
  readonly columns: string;
  readonly joins: string;
  /** Conditions on versions `v`. */
  versions(parameters: Parameters): readonly string[];
}

const ORDER = ['v.valid_from_seq', 'v.kind', 'v.key'];

/**
 * The rows of a page and one more, in the direction of reading. Goes from transaction to transaction: first the next ones by
 * their index, as many as fill the page, then their versions by theirs, so that others' transactions in between cost nothing.
 */
export async function walk<Row>(
  on: SqlExecutor,
  graphId: number,
  what: Walk,
  page: PageRequest<DiffPosition>,
): Promise<readonly Row[]> {
  const found: Row[] = [];
  let seen: bigint | undefined;
  for (;;) {
    const seqs = await nextTransactions(on, graphId, what, page, seen);
    if (seqs.length === 0) return found;
    found.push(...(await versionsOf<Row>(on, graphId, what, page, seqs)));
    if (found.length > page.limit) return found.slice(0, page.limit + 1);
    seen = seqs.at(-1);
  }
}

/** The next transactions that together hold enough versions. The one that the page starts in may give any number of them. */
async function nextTransactions(
  on: SqlExecutor,
  graphId: number,
  what: Walk,
  page: PageRequest<DiffPosition>,
  seen: bigint | undefined,
): Promise<readonly bigint[]> {
  const parameters = new Parameters();
  const conditions = [
    `t.graph_id = ${parameters.add(graphId)}`,
    ...what.transactions(parameters),
    `${what.counted} > 0`,
  ];
  const bound = (operator: string, seq: bigint): void => {
    conditions.push(`t.seq ${operator} ${parameters.add(seq)}::int8`);
  };
  if (page.after !== undefined) bound('>=', page.after.seq);
  if (page.before !== undefined) bound('<=', page.before.seq);
  if (seen !== undefined) bound(page.backwards === true ? '<' : '>', seen);
  const start = (page.backwards === true ? page.before : page.after)?.seq ?? null;
  const wanted = page.limit + 1;
  const order = direction(page);
  const { rows } = await on.query<{ seq: bigint }>(
    `SELECT seq FROM (
       SELECT seq, sum(CASE WHEN seq = ${parameters.add(start)}::int8 THEN 0 ELSE counted END)
         OVER (ORDER BY seq ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ahead
       FROM (
         SELECT t.seq, ${what.counted} AS counted FROM graph_transactions t
         WHERE ${conditions.join(' AND ')} ORDER BY t.seq ${order} LIMIT ${wanted + 1}
       ) next
     ) summed WHERE coalesce(ahead, 0) < ${wanted} ORDER BY seq ${order}`,
    parameters.values,
  );
  return rows.map((row) => row.seq);
}

async function versionsOf<Row>(
  on: SqlExecutor,
  graphId: number,
  what: Walk,
  page: PageRequest<DiffPosition>,
  seqs: readonly bigint[],
): Promise<readonly Row[]> {
  const parameters = new Parameters();
  const conditions = [
    `v.graph_id = ${parameters.add(graphId)} AND v.valid_from_seq = s.seq`,
    ...what.versions(parameters),
  ];
  const order = keyset(ORDER, page, (at) => [
    `${parameters.add(at.seq)}::int8`,
    `${parameters.add(kindNumber(at.kind))}::int2`,
    `${parameters.add(at.key)}::text`,
  ]);
  const { rows } = await on.query<Row>(
    `SELECT w.* FROM unnest(${parameters.add(seqs)}::int8[]) AS s (seq) CROSS JOIN LATERAL (
       SELECT ${what.columns} FROM entity_versions v ${what.joins}
       WHERE ${[...conditions, ...order.conditions].join(' AND ')} ORDER BY ${order.orderBy} LIMIT ${order.limit}
     ) w ORDER BY ${order.orderBy.replaceAll('v.valid_from_seq', 'w.seq').replaceAll('v.', 'w.')} LIMIT ${order.limit}`,
    parameters.values,
  );
  return rows;
}
