import { type EntityId, type EntityRef, type EntityState, entityId } from '../../core/entities.ts';
import { rebase, touchedBy } from '../../core/rebasing.ts';
import { needsOf, recordSlice } from '../../core/recording.ts';
import type { CapturedTransaction, HistoryEntry } from '../../core/recording-types.ts';
import type { RecorderDeps } from './recorder-types.ts';

/** Makes entries of what is captured while the baseline of a graph is not complete. */
export class LenientRecorder {
  readonly #deps: RecorderDeps;
  readonly #watchers = new Set<Set<EntityId>>();
  /** Commit times in milliseconds: the newest that was recorded, and the newest of earlier scans. Null until history was asked. */
  #newest: number | null = null;
  #newestBefore = 0;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** A scan of the feed begins: what is older than the newest of earlier scans comes late. */
  beginScan(): void {
    if (this.#newest !== null) this.#newestBefore = this.#newest;
  }

  /** A set that receives the entities which are touched from now on, until `unwatch`. */
  watch(): Set<EntityId> {
    const set = new Set<EntityId>();
    this.#watchers.add(set);
    return set;
  }

  unwatch(set: Set<EntityId>): void {
    this.#watchers.delete(set);
  }

  async entries(slice: readonly CapturedTransaction[], seq: bigint): Promise<readonly HistoryEntry[]> {
    const { history, graphId } = this.#deps;
    const touched = touchedBy(slice);
    for (const watcher of this.#watchers) for (const id of touched.keys()) watcher.add(id);
    const live = await this.#live(await this.#late(slice));
    const current = await history.current(graphId, [...touched.values()]);
    const states = new Map([...current].map(([id, { state }]) => [id, state]));
    const rebased = rebase(slice, states, live);
    const kept = rebased.filter(({ changes, first, last }) => changes.length > 0 || !first || !last);
    // The ends of a relationship may be on pages that are still to come.
    const nodes = new Set(needsOf(kept).ends);
    return recordSlice(kept, { seq, current, nodes, putBack: new Map() }).entries;
  }

  /**
   * Entities of transactions that committed before others which are recorded already. A feed whose order is by stamps may give them late,
   * and then only the graph knows how such an entity looks.
   */
  async #late(slice: readonly CapturedTransaction[]): Promise<readonly EntityRef[]> {
    const { graph, history, graphId } = this.#deps;
    if (graph.order === 'EXACT') return [];
    if (this.#newest === null) {
      this.#newest = (await history.graph(graphId))?.head.time.getTime() ?? 0;
      this.#newestBefore = this.#newest;
    }
    const late = slice.filter(({ time }) => time.getTime() <= this.#newestBefore);
    for (const { time } of slice) this.#newest = Math.max(this.#newest, time.getTime());
    return [...touchedBy(late).values()];
  }

  async #live(refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState | null>> {
    if (refs.length === 0) return new Map();
    const read = await this.#deps.graph.read(refs);
    return new Map(refs.map((ref) => [entityId(ref), read.get(entityId(ref)) ?? null]));
  }
}
