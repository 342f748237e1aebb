import type { EntityId } from '../../src/core/entities.ts';
import type { Page, PageRequest } from '../../src/core/moments.ts';
import { needsOf, recordSlice } from '../../src/core/recording.ts';
import type { FullTransaction, HistoryEntry } from '../../src/core/recording-types.ts';
import type { Origins } from '../../src/core/undo-set.ts';
import type { History, RecordedTransaction, RecorderLease } from '../../src/ports/history.ts';

type PutBack = ReadonlyMap<string, ReadonlyMap<EntityId, Origins>>;

/** Entries for a slice, looked up in history as the recorder does. */
export async function entriesFor(
  history: History,
  graphId: number,
  slice: readonly FullTransaction[],
  putBack: PutBack = new Map(),
): Promise<readonly HistoryEntry[]> {
  const graph = await history.graph(graphId);
  const needs = needsOf(slice);
  const current = await history.current(graphId, needs.changed);
  const nodes = await history.presentNodes(graphId, needs.ends);
  const seq = (graph?.head.seq ?? 0n) + 1n;
  const { entries, breaks } = recordSlice(slice, { seq, current, nodes, putBack });
  if (breaks.length > 0) throw new Error(`the slice does not continue history: ${JSON.stringify(breaks)}`);
  return entries;
}

/** Appends transactions in slices. */
export async function appendAll(
  history: History,
  lease: RecorderLease,
  slices: readonly (readonly FullTransaction[])[],
): Promise<RecordedTransaction[]> {
  const recorded: RecordedTransaction[] = [];
  for (const slice of slices) {
    recorded.push(...(await history.append(lease, await entriesFor(history, lease.graphId, slice))));
  }
  return recorded;
}

/** A graph of its own with the right to record it. */
export async function openForRecording(history: History, name: string): Promise<RecorderLease> {
  const graph = await history.openGraph(name, 'EMBEDDED');
  const lease = await history.acquireLease(graph.id, 'test', 60_000);
  if (lease === null) throw new Error('the lease is taken');
  return lease;
}

/** The feed in slices: `size` transactions together, those with more than `size` changes in pieces of their own. */
export function sliced(transactions: readonly FullTransaction[], size: number): FullTransaction[][] {
  const slices: FullTransaction[][] = [];
  let open: FullTransaction[] = [];
  const flush = () => {
    if (open.length > 0) slices.push(open);
    open = [];
  };
  for (const transaction of transactions) {
    if (transaction.changes.length <= size) {
      open.push(transaction);
      if (open.length >= size) flush();
      continue;
    }
    flush();
    slices.push(...piecesOf(transaction, size).map((piece) => [piece]));
  }
  flush();
  return slices;
}

/** A large transaction as the feed gives it. */
export function piecesOf(transaction: FullTransaction, size: number): FullTransaction[] {
  const { changes } = transaction;
  const count = Math.ceil(changes.length / size);
  return Array.from({ length: count }, (_, index) => ({
    ...transaction,
    changes: changes.slice(index * size, (index + 1) * size),
    first: index === 0,
    last: index === count - 1,
  }));
}

/** Every item of a paged list, read in pages of `limit`. */
export async function allPages<Item, Position>(
  read: (page: PageRequest<Position>) => Promise<Page<Item>>,
  positionOf: (item: Item) => Position,
  limit: number,
  backwards = false,
): Promise<Item[]> {
  const items: Item[] = [];
  for (;;) {
    const edge = backwards ? items[0] : items.at(-1);
    const from = edge === undefined ? {} : { [backwards ? 'before' : 'after']: positionOf(edge) };
    const page = await read({ limit, backwards, ...from });
    if (backwards) items.unshift(...page.items);
    else items.push(...page.items);
    if (!page.hasMore) return items;
  }
}
