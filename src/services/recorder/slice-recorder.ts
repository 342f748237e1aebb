import {
  type EntityId,
  type EntityRef,
  type EntityState,
  entityId,
  type RelationshipState,
} from '../../core/entities.ts';
import { CaptureError } from '../../core/errors.ts';
import { needsOf, recordSlice, type StoredBefore, withoutEmpty } from '../../core/recording.ts';
import type { CapturedTransaction, HistoryEntry } from '../../core/recording-types.ts';
import type { Origins } from '../../core/undo-set.ts';
import type { CurrentVersion, RecordedTransaction, RecorderLease } from '../../ports/history.ts';
import type { CaptureWatch } from './capture-watch.ts';
import { type MissedWrites, missedWrites, problemsOf, withMissed } from './missed-writes.ts';
import type { RecorderDeps } from './recorder-types.ts';
import type { Seat } from './seat.ts';
import { SessionTexts } from './session-texts.ts';

/** Leftover relationships read at a time. */
const MOST_LEFT = 50_000;
/** Each round of looking for missed writes leaves fewer; past this something is wrong with the record itself. */
const MOST_ROUNDS = 20;

/** A large transaction, partly stored, before which something turned out to be missing: it has to be stored anew. */
export interface Restart {
  readonly transaction: CapturedTransaction;
  readonly missed: MissedWrites;
}

/** Stores slices of the feed. */
export class SliceRecorder {
  readonly #deps: RecorderDeps;
  readonly #seat: Seat;
  readonly #watch: CaptureWatch;
  readonly #sessions: SessionTexts;

  constructor(deps: RecorderDeps, seat: Seat, watch: CaptureWatch) {
    this.#deps = deps;
    this.#seat = seat;
    this.#watch = watch;
    this.#sessions = new SessionTexts(deps);
  }

  /** Stores what is not stored yet. @returns null, or why the slice could not be stored where the feed is */
  async record(lease: RecorderLease, slice: readonly CapturedTransaction[]): Promise<Restart | null> {
    const { history, graphId } = this.#deps;
    const known = await history.known(graphId, [...new Set(slice.map(({ id }) => id))]);
    const fresh = slice.filter(({ id }) => !known.has(id));
    let rest: readonly CapturedTransaction[] = withoutEmpty(fresh, this.#seat.head.cut);
    if (rest.length === 0) return null;
    rest = await this.#sessions.resolve(rest);
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const { entries, missed } = await this.#attempt(rest);
      if (missed.size === 0) {
        await this.store(lease, entries);
        return null;
      }
      await this.#watch.gap(problemsOf(missed));
      const [transaction] = rest;
      if (transaction?.first === false && missed.has(0)) return { transaction, missed };
      rest = withMissed(rest, missed, () => this.#deps.keys.next());
    }
    throw new CaptureError('what was captured does not continue what is recorded', 'CONTINUOUS');
  }

  /** Stores entries and tells those who wait. @returns the transactions that were completed */
  async store(lease: RecorderLease, entries: readonly HistoryEntry[]): Promise<readonly RecordedTransaction[]> {
    const recorded = await this.#deps.history.append(lease, entries);
    const last = recorded.at(-1);
    if (last !== undefined) {
      this.#seat.head = { seq: last.seq, cut: last.cut };
      this.#deps.bus.publish(`graph:${this.#deps.graphId}`);
    }
    return recorded;
  }

  /** Only what was missed by way of states, for the slices of a transaction that is going to be stored anew. */
  async survey(slice: readonly CapturedTransaction[]): Promise<MissedWrites> {
    const { breaks } = recordSlice(slice, await this.#stored(slice));
    const states = breaks.filter(({ kind }) => kind === 'STATE');
    return missedWrites(this.#deps, slice, states, []);
  }

  async #attempt(
    slice: readonly CapturedTransaction[],
  ): Promise<{ entries: readonly HistoryEntry[]; missed: MissedWrites }> {
    let recording = recordSlice(slice, await this.#stored(slice, (refs) => this.#asFound(slice, refs)));
    // Only what was missed has to be known state by state.
    if (recording.breaks.length > 0) recording = recordSlice(slice, await this.#stored(slice));
    const missed = await missedWrites(this.#deps, slice, recording.breaks, await this.#leftBehind(slice));
    return { entries: recording.entries, missed };
  }

  async #stored(
    slice: readonly CapturedTransaction[],
    currentOf = (refs: readonly EntityRef[]) => this.#deps.history.current(this.#deps.graphId, refs),
  ): Promise<StoredBefore> {
    const { history, graphId, putBack } = this.#deps;
    const needs = needsOf(slice);
    const current = await currentOf(needs.changed);
    const nodes = await history.presentNodes(graphId, needs.ends);
    const origins = new Map<string, Map<EntityId, Origins>>();
    for (const [operation, refs] of needs.putBack) {
      origins.set(operation, await putBack.originsFor(operation, refs));
    }
    return { seq: this.#seat.head.seq + 1n, current, nodes, putBack: origins };
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
      if (!found.has(id)) found.set(id, change.before);
    }
    const marks = await this.#deps.history.currentMarks(this.#deps.graphId, refs);
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
