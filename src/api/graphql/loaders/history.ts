import type { At, ChangeSummary, Moment, Page, PageRequest } from '../../../core/moments.ts';
import type { GraphRecord, RecordedTransaction } from '../../../ports/history.ts';
import { listsAtOnce } from '../../../services/list-reads.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { byKey, LoaderFamily } from './batching.ts';

interface SessionPage {
  readonly graphId: number;
  readonly until: bigint;
  readonly page: PageRequest<bigint>;
}

/** Graphs, recorded transactions and moments. A moment that a request names twice is resolved once, so both speak of one state. */
export function historyLoaders({ services, history }: ApiDependencies) {
  const transactions = new LoaderFamily<number, string, RecordedTransaction | null>(
    async (graphId, seqs) => {
      const found = await history.transactionsBySeq(graphId, seqs.map(BigInt));
      return new Map([...found].map(([seq, transaction]) => [seq.toString(), transaction]));
    },
    () => null,
  );
  const sessionTransactions = new LoaderFamily<SessionPage, string, Page<RecordedTransaction>>(
    ({ graphId, until, page }, ids) => history.transactionsOfSessions(graphId, ids, until, page),
    () => ({ items: [], hasMore: false }),
    ({ page }) => listsAtOnce(page),
  );
  const moments = new Map<string, Promise<Moment>>();
  const earliest = new Map<number, Promise<Moment>>();
  let graphs: Promise<readonly GraphRecord[]> | undefined;
  const transaction = (graphId: number, seq: bigint): Promise<RecordedTransaction | null> =>
    transactions.load(graphId, seq.toString());
  return {
    graph: byKey<number, GraphRecord>((ids) => history.graphsById(ids)),
    graphs: (): Promise<readonly GraphRecord[]> => {
      graphs ??= services.graphs.list();
      return graphs;
    },
    sessionSummary: byKey<string, ChangeSummary>((ids) => history.sessionSummaries(ids)),
    sessionTransactions: (args: SessionPage, id: string): Promise<Page<RecordedTransaction>> =>
      sessionTransactions.load(args, id),
    transaction,
    /** The moment of a recorded seq; null when the seq is null or not recorded. */
    momentOf: async (graphId: number, seq: bigint | null): Promise<Moment | null> => {
      if (seq === null) return null;
      const found = await transaction(graphId, seq);
      return found === null ? null : { seq: found.seq, time: found.time };
    },
    resolve: (graphId: number, at: At, path: readonly string[]): Promise<Moment> =>
      remembered(moments, `${graphId} ${atId(at)}`, () => services.graphs.resolve(graphId, at, path)),
    earliest: (graphId: number): Promise<Moment> =>
      remembered(earliest, graphId, () => services.graphs.earliest(graphId)),
  };
}

/** A moment as text, equal for equal moments. */
export function atId(at: At): string {
  if ('point' in at) return `point ${at.point}`;
  if ('time' in at) return `time ${at.time.toISOString()}`;
  return 'seq' in at ? `seq ${at.seq}` : at.keyword;
}

function remembered<Key, Item>(known: Map<Key, Promise<Item>>, key: Key, load: () => Promise<Item>): Promise<Item> {
  let item = known.get(key);
  if (item === undefined) {
    item = load();
    known.set(key, item);
  }
  return item;
}
