import type { EntityRef } from '../../../core/entities.ts';
import type { PageRequest } from '../../../core/moments.ts';
import type { UndoSet } from '../../../core/undo-set.ts';
import type { Database } from '../../../ports/database.ts';
import type {
  CutBound,
  DiffPosition,
  DiffSpan,
  EntityPlace,
  GraphRecord,
  History,
  HistoryEntry,
  ListPage,
  NewCaptureProblem,
  RecorderLease,
  TransactionFilter,
  TransactionSpan,
} from '../../../ports/history.ts';
import { renewStatistics } from '../statistics.ts';
import { append } from './append.ts';
import { type ChangesFilter, changes, changesOf } from './changes.ts';
import { current, currentMarks, known, presentNodes } from './current.ts';
import { countDiffs, diffs } from './diffs.ts';
import { discardPartial } from './discard.ts';
import {
  addCaptureProblems,
  beginEpoch,
  beginGap,
  captureProblems,
  endGap,
  graphByName,
  graphsById,
  openGraph,
} from './graphs.ts';
import { type IncidentFilter, incidentAt, leftBehind } from './incident.ts';
import { acquireLease, releaseLease } from './leases.ts';
import { cutsAt, earliest, transactionsByFeedId, transactionsBySeq } from './moments.ts';
import { extentOf, members, touchedBy, windowVersions } from './planning.ts';
import { names, type ScanFilter, scanAt, statesAt, statesAtPlaces, timelines } from './states.ts';
import {
  type Contributor,
  contributions,
  sessionSummaries,
  transactions,
  transactionsOfSessions,
} from './transactions.ts';

const TABLES = ['entity_versions', 'graph_transactions', 'entity_labels'] as const;
/** Versions stored between two looks at the tables' statistics. */
const STATISTICS_EVERY = 2_000;

/** History in PostgreSQL: one statement or database transaction per call, whatever the number of entities. */
export class PostgresHistory implements History {
  readonly #db: Database;
  #storedSinceLook = 0;

  constructor(database: Database) {
    this.#db = database;
  }

  openGraph = (name: string, kind: GraphRecord['kind']) => openGraph(this.#db, name, kind);
  graph = async (id: number) => (await graphsById(this.#db, [id])).get(id) ?? null;
  graphByName = (name: string) => graphByName(this.#db, name);
  graphsById = (ids: readonly number[]) => graphsById(this.#db, ids);
  beginEpoch = (id: number) => beginEpoch(this.#db, id);
  beginGap = (id: number, error: string, isNew: boolean, problems: readonly NewCaptureProblem[]) =>
    beginGap(this.#db, id, error, isNew, problems);
  endGap = (id: number, gaps: bigint) => endGap(this.#db, id, gaps);
  addCaptureProblems = (id: number, problems: readonly NewCaptureProblem[]) =>
    addCaptureProblems(this.#db, id, problems);
  captureProblems = (id: number, page: PageRequest<bigint>) => captureProblems(this.#db, id, page);

  acquireLease = (id: number, holder: string, ttlMs: number) => acquireLease(this.#db, id, holder, ttlMs);
  releaseLease = (lease: RecorderLease) => releaseLease(this.#db, lease);
  current = (id: number, refs: readonly EntityRef[]) => current(this.#db, id, refs);
  currentMarks = (id: number, refs: readonly EntityRef[]) => currentMarks(this.#db, id, refs);
  presentNodes = (id: number, keys: readonly string[]) => presentNodes(this.#db, id, keys);
  leftBehind = (id: number, nodeKeys: readonly string[], except: readonly string[], limit: number) =>
    leftBehind(this.#db, id, nodeKeys, except, limit);
  known = (id: number, feedIds: readonly string[]) => known(this.#db, id, feedIds);
  discardPartial = (lease: RecorderLease) => discardPartial(this.#db, lease);
  append = async (lease: RecorderLease, entries: readonly HistoryEntry[]) => {
    const recorded = await append(this.#db, lease, entries);
    await this.#lookAtStatistics(entries.reduce((sum, { versions }) => sum + versions.length, 0));
    return recorded;
  };

  earliest = (id: number) => earliest(this.#db, id);
  cutsAt = (id: number, bounds: readonly CutBound[]) => cutsAt(this.#db, id, bounds);
  transactionsByFeedId = (id: number, ids: readonly string[]) => transactionsByFeedId(this.#db, id, ids);
  transactionsBySeq = (id: number, seqs: readonly bigint[]) => transactionsBySeq(this.#db, id, seqs);
  transactions = (id: number, filter: TransactionFilter, page: PageRequest<bigint>) =>
    transactions(this.#db, id, filter, page);
  transactionsOfSessions = (id: number, sessionIds: readonly string[], until: bigint, page: PageRequest<bigint>) =>
    transactionsOfSessions(this.#db, id, sessionIds, until, page);
  contributions = (id: number, since: bigint, until: bigint, page: PageRequest<Contributor>) =>
    contributions(this.#db, id, since, until, page);
  sessionSummaries = (sessionIds: readonly string[]) => sessionSummaries(this.#db, sessionIds);

  statesAt = (id: number, seq: bigint, refs: readonly EntityRef[]) => statesAt(this.#db, id, seq, refs);
  statesAtPlaces = (id: number, places: readonly EntityPlace[]) => statesAtPlaces(this.#db, id, places);
  scanAt = (id: number, seq: bigint, filter: ScanFilter, page: PageRequest<string>) =>
    scanAt(this.#db, id, seq, filter, page);
  incidentAt = (id: number, seq: bigint, keys: readonly string[], filter: IncidentFilter, page: PageRequest<string>) =>
    incidentAt(this.#db, id, seq, keys, filter, page);
  timelines = (id: number, refs: readonly EntityRef[], page: PageRequest<bigint>) =>
    timelines(this.#db, id, refs, page);
  names = (id: number, kind: 'L' | 'T', page: PageRequest<string>) => names(this.#db, id, kind, page);

  changesOf = (id: number, spans: readonly TransactionSpan[], page: ListPage) => changesOf(this.#db, id, spans, page);
  changes = (id: number, filter: ChangesFilter, page: PageRequest<DiffPosition>) => changes(this.#db, id, filter, page);
  diffs = (id: number, spans: readonly DiffSpan[], filter: Pick<ChangesFilter, 'kind'>, page: ListPage) =>
    diffs(this.#db, id, spans, filter, page);
  countDiffs = (id: number, spans: readonly DiffSpan[], limit: number) => countDiffs(this.#db, id, spans, limit);

  members = (id: number, set: UndoSet, seqs: readonly bigint[]) => members(this.#db, id, set, seqs);
  extentOf = (id: number, set: UndoSet) => extentOf(this.#db, id, set);
  touchedBy = (id: number, set: UndoSet, page: PageRequest<DiffPosition>) => touchedBy(this.#db, id, set, page);
  windowVersions = (id: number, refs: readonly EntityRef[], from: bigint, to: bigint) =>
    windowVersions(this.#db, id, refs, from, to);

  /** After many versions the planner's statistics may be of a table far smaller. Failing costs only speed. */
  async #lookAtStatistics(stored: number): Promise<void> {
    this.#storedSinceLook += stored;
    if (this.#storedSinceLook < STATISTICS_EVERY) return;
    this.#storedSinceLook = 0;
    await renewStatistics(this.#db, TABLES).catch(() => {});
  }
}
