import { type FullSlice, isDelta, type States, withFullStates } from '../../core/deltas.ts';
import {
  type EntityId,
  type EntityRef,
  type EntityState,
  entityId,
  type RelationshipState,
} from '../../core/entities.ts';
import { CaptureError } from '../../core/errors.ts';
import { stateHash } from '../../core/hash.ts';
import { type ChainBreak, needsOf, recordSlice, type StoredBefore, withoutEmpty } from '../../core/recording.ts';
import type { CapturedTransaction, HistoryEntry } from '../../core/recording-types.ts';
import type { Origins } from '../../core/undo-set.ts';
import type { CurrentMark, CurrentVersion, RecordedTransaction, RecorderLease } from '../../ports/history.ts';
import { askGraph, type LiveAt } from './ask-graph.ts';
import { bind } from './binder.ts';
import type { CaptureWatch } from './capture-watch.ts';
import { EarlyReads } from './early-reads.ts';
import type { LenientRecorder } from './lenient-recorder.ts';
import { type MissedWrites, missedWrites, problemsOf, withMissed } from './missed-writes.ts';
import type { Patience } from './patience.ts';
import type { RecorderDeps } from './recorder-types.ts';
import type { Seat } from './seat.ts';
import { SessionTexts } from './session-texts.ts';

/** Leftover relationships read at a time. */
const MOST_LEFT = 50_000;
/** Each round of looking for missed writes leaves fewer; past this something is wrong with the record itself. */
const MOST_ROUNDS = 20;

/**
 * What became of a slice.
 * - `STORED`: all of it is recorded.
 * - `RESTART`: something is missing before a large transaction that is partly stored: it has to be stored anew.
 * - `WAIT`: only `stored` of it is; what comes then may have a predecessor that the scan has not seen.
 */
export type Outcome =
  | { readonly kind: 'STORED' }
  | { readonly kind: 'RESTART'; readonly transaction: CapturedTransaction; readonly missed: MissedWrites }
  | { readonly kind: 'WAIT'; readonly stored: readonly CapturedTransaction[] };

interface Attempt {
  readonly full: FullSlice;
  readonly entries: readonly HistoryEntry[];
  readonly missed: MissedWrites;
}

const STORED: Outcome = { kind: 'STORED' };

/** Stores slices of the feed. */
export class SliceRecorder {
  readonly #deps: RecorderDeps;
  readonly #seat: Seat;
  readonly #watch: CaptureWatch;
  readonly #sessions: SessionTexts;
  readonly #lenient: LenientRecorder;
  readonly #patience: Patience;
  /** Of states that were looked at before their turn came. */
  readonly #hashes = new WeakMap<EntityState, Uint8Array>();
  readonly #marks: EarlyReads<CurrentMark>;
  readonly #versions: EarlyReads<CurrentVersion>;
  /** The slice that is being recorded, as it was prepared. */
  #turn: readonly CapturedTransaction[] = [];
  /** Whether the scan under way has brought anything new. */
  #isNew = false;

  constructor(deps: RecorderDeps, seat: Seat, watch: CaptureWatch, lenient: LenientRecorder, patience: Patience) {
    this.#deps = deps;
    this.#seat = seat;
    this.#watch = watch;
    this.#sessions = new SessionTexts(deps);
    this.#lenient = lenient;
    this.#patience = patience;
    const { history, graphId } = deps;
    this.#marks = new EarlyReads((refs) => history.currentMarks(graphId, refs));
    this.#versions = new EarlyReads((refs) => history.current(graphId, refs));
  }

  beginScan(): void {
    this.#isNew = false;
    this.#lenient.beginScan();
  }

  /** Nothing that was begun for its slices is under way any more when this resolves. */
  async endScan(): Promise<void> {
    await Promise.all([this.#marks.endAll(), this.#versions.endAll()]);
  }

  /** Hashes a slice's states and looks up what is stored of them, while the slice before it is being stored. */
  prepare(slice: readonly CapturedTransaction[]): void {
    if (this.#seat.mode !== 'BASELINE') {
      if (isFull(slice)) this.#marks.begin(slice, needsOf(slice).changed);
      else this.#versions.begin(slice, needsOf(slice).changed);
    }
    for (const change of slice.flatMap(({ changes }) => changes)) {
      if (isDelta(change)) continue;
      for (const state of [change.before, change.after]) if (state !== null) this.#hashes.set(state, stateHash(state));
    }
  }

  /** Stores what is not stored yet. */
  async record(lease: RecorderLease, slice: readonly CapturedTransaction[]): Promise<Outcome> {
    const fresh = await this.#fresh(slice);
    const resolved = await this.#sessions.resolve(withoutEmpty(fresh, this.#seat.head.cut));
    this.#turn = slice;
    const outcome =
      this.#seat.mode === 'BASELINE' ? await this.#leniently(lease, resolved) : await this.#strictly(lease, resolved);
    await bind(this.#deps.bindings, outcome.kind === 'WAIT' ? outcome.stored : slice);
    this.#marks.end(slice);
    this.#versions.end(slice);
    return outcome;
  }

  /**
   * What is not recorded yet. A scan whose last transaction was recorded before, but some others not, ends with an empty one: it alone can say
   * that the state is a cut again.
   */
  async #fresh(slice: readonly CapturedTransaction[]): Promise<readonly CapturedTransaction[]> {
    const { graph, history, graphId, keys } = this.#deps;
    const known = await history.known(graphId, [...new Set(slice.map(({ id }) => id))]);
    const fresh = slice.filter(({ id }) => !known.has(id));
    this.#isNew ||= fresh.length > 0;
    const last = slice.at(-1);
    if (graph.order === 'EXACT' || !this.#isNew || last?.cut !== true || !known.has(last.id)) return fresh;
    const { bindings: _, ...rest } = last;
    return [...fresh, { ...rest, id: keys.next(), source: 'RECONCILE', first: true, changes: [] }];
  }

  async #leniently(lease: RecorderLease, slice: readonly CapturedTransaction[]): Promise<Outcome> {
    if (slice.length > 0) await this.store(lease, await this.#lenient.entries(slice, this.#seat.head.seq + 1n));
    return STORED;
  }

  async #strictly(lease: RecorderLease, slice: readonly CapturedTransaction[]): Promise<Outcome> {
    let rest = slice;
    let live: LiveAt = new Map();
    for (let round = 0; rest.length > 0; round += 1) {
      if (round === MOST_ROUNDS) throw new CaptureError('captured changes do not continue the record', 'CONTINUOUS');
      const { full, entries, missed } = await this.#attempt(rest, live);
      const index = firstBreak(full, missed);
      const broken = index === null ? undefined : rest[index];
      if (index === null || broken === undefined) {
        await this.store(lease, entries);
        return STORED;
      }
      if (live.size === 0 && (await this.#patience.waitsFor(broken))) return this.#until(lease, rest, index);
      const more = await askGraph(this.#deps.graph, rest, full, missed, live);
      if (more !== null) {
        live = more;
        continue;
      }
      await this.#watch.missed(problemsOf(missed, full.unknown));
      const [transaction] = rest;
      if (transaction?.first === false && missed.has(0)) return { kind: 'RESTART', transaction, missed };
      rest = withMissed(full.slice, missed, () => this.#deps.keys.next());
      live = new Map();
    }
    return STORED;
  }

  /** Stores what comes before the transaction that waits. */
  async #until(lease: RecorderLease, slice: readonly CapturedTransaction[], index: number): Promise<Outcome> {
    const before = slice.slice(0, index);
    const { full, entries, missed } = await this.#attempt(before, new Map());
    const inner = firstBreak(full, missed);
    if (inner !== null) return this.#until(lease, slice, inner);
    if (entries.length > 0) await this.store(lease, entries);
    return { kind: 'WAIT', stored: before };
  }

  /** Stores entries and tells those who wait. @returns the transactions that were completed */
  async store(lease: RecorderLease, entries: readonly HistoryEntry[]): Promise<readonly RecordedTransaction[]> {
    const recorded = await this.#deps.history.append(lease, entries);
    const changed = entries.flatMap(({ versions }) => versions.map(({ change }) => change));
    this.#marks.stored(changed);
    this.#versions.stored(changed);
    const last = recorded.at(-1);
    if (last !== undefined) {
      this.#seat.head = { seq: last.seq, cut: last.cut };
      this.#deps.bus.publish(`graph:${this.#deps.graphId}`);
    }
    return recorded;
  }

  /** Only what was missed by way of states, for the slices of a transaction that is going to be stored anew. */
  async survey(slice: readonly CapturedTransaction[]): Promise<MissedWrites> {
    const stored = await this.#stored(slice);
    const survey = (live: LiveAt): { full: FullSlice; breaks: readonly ChainBreak[] } => {
      const full = withFullStates(slice, statesOf(stored), live);
      const { breaks } = recordSlice(full.slice, stored);
      return { full, breaks: breaks.filter(({ kind }) => kind === 'STATE') };
    };
    const first = survey(new Map());
    const missed = await missedWrites(this.#deps, first.full.slice, first.breaks, []);
    const live = await askGraph(this.#deps.graph, slice, first.full, missed, new Map());
    if (live === null) return missed;
    const { full, breaks } = survey(live);
    return missedWrites(this.#deps, full.slice, breaks, []);
  }

  async #attempt(slice: readonly CapturedTransaction[], live: LiveAt): Promise<Attempt> {
    const record = (stored: StoredBefore) => {
      const full = withFullStates(slice, statesOf(stored), live);
      return { full, ...recordSlice(full.slice, stored, (state) => this.#hashes.get(state) ?? stateHash(state)) };
    };
    const asFound = isFull(slice);
    let recording = record(
      await this.#stored(slice, (refs) => (asFound ? this.#asFound(slice, refs) : this.#versions.of(this.#turn, refs))),
    );
    // Only what was missed has to be known state by state.
    if (asFound && recording.breaks.length > 0) recording = record(await this.#stored(slice));
    const { full, entries, breaks } = recording;
    const missed = await missedWrites(this.#deps, full.slice, breaks, await this.#leftBehind(slice));
    return { full, entries, missed };
  }

  async #stored(
    slice: readonly CapturedTransaction[],
    currentOf: (refs: readonly EntityRef[]) => Promise<StoredBefore['current']> = (refs) =>
      this.#deps.history.current(this.#deps.graphId, refs),
  ): Promise<StoredBefore> {
    const { history, graphId, putBack } = this.#deps;
    const needs = needsOf(slice);
    const originsOf = async (
      operation: string,
      refs: readonly EntityRef[],
    ): Promise<[string, Map<EntityId, Origins>]> => [operation, await putBack.originsFor(operation, refs)];
    const [current, nodes, origins] = await Promise.all([
      currentOf(needs.changed),
      history.presentNodes(graphId, needs.ends),
      Promise.all([...needs.putBack].map(([operation, refs]) => originsOf(operation, refs))),
    ]);
    return { seq: this.#seat.head.seq + 1n, current, nodes, putBack: new Map(origins) };
  }

  /**
   * The newest versions, with the states that the slice found in place of those that are stored. They are the same where the hashes are; where
   * they are not, the slice does not continue what is stored, and nothing made of this is used.
   */
  async #asFound(
    slice: readonly CapturedTransaction[],
    refs: readonly EntityRef[],
  ): Promise<Map<EntityId, CurrentVersion>> {
    const found = new Map<EntityId, EntityState | null>();
    for (const change of slice.flatMap(({ changes }) => changes)) {
      const id = entityId(change);
      if (!found.has(id) && !isDelta(change)) found.set(id, change.before);
    }
    const marks = await this.#marks.of(this.#turn, refs);
    return new Map([...marks].map(([id, mark]) => [id, { ...mark, state: found.get(id) ?? null }]));
  }

  /** Relationships that would hang on nothing. A large transaction is judged by its last slice: it deletes nodes first. */
  async #leftBehind(slice: readonly CapturedTransaction[]): Promise<readonly RelationshipState[]> {
    const { history, graphId } = this.#deps;
    const { deletedNodes, relationships } = needsOf(slice);
    const [begun] = slice;
    const endsLarge = begun?.first === false && begun.last;
    if (deletedNodes.length === 0 && !endsLarge) return [];
    return history.leftBehind(graphId, deletedNodes, relationships, MOST_LEFT);
  }
}

function isFull(slice: readonly CapturedTransaction[]): boolean {
  return slice.every(({ changes }) => !changes.some(isDelta));
}

/** The first transaction that does not continue what is recorded. */
function firstBreak({ unknown }: FullSlice, missed: MissedWrites): number | null {
  const indexes = [...missed.keys(), ...unknown.map(({ transaction }) => transaction)];
  return indexes.length === 0 ? null : indexes.reduce((least, index) => Math.min(least, index));
}

function statesOf({ current }: StoredBefore): States {
  return new Map([...current].map(([id, { state }]) => [id, state]));
}
