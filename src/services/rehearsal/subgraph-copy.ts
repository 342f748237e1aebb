import { type EntityRef, type EntityState, entityId } from '../../core/entities.ts';
import type { History } from '../../ports/history.ts';
import type { PlanRow } from '../../ports/plan-store.ts';
import type { ScratchGraph } from '../../ports/scratch-graphs.ts';

const PAGE = 2000;

/**
 * Copies what a plan touches, as it was recorded at one cut: the entities themselves, the ends of relationships that are there or are to
 * come back, and every relationship of a node that is to vanish, since it would keep the node.
 */
export class SubgraphCopy {
  readonly #history: Pick<History, 'statesAt' | 'incidentAt'>;
  readonly #graphId: number;
  readonly #seq: bigint;
  readonly #scratch: ScratchGraph;

  constructor(
    history: Pick<History, 'statesAt' | 'incidentAt'>,
    at: { readonly graphId: number; readonly seq: bigint },
    scratch: ScratchGraph,
  ) {
    this.#history = history;
    this.#graphId = at.graphId;
    this.#seq = at.seq;
    this.#scratch = scratch;
  }

  async add(rows: readonly PlanRow[]): Promise<void> {
    if (rows.length === 0) return;
    const states = await this.#history.statesAt(this.#graphId, this.#seq, rows);
    const wanted = rows.flatMap(({ after }) => (after === null ? [] : [after]));
    await this.#load([...states.values()], wanted);
    const vanishing = rows.flatMap(({ kind, key, after }) => (kind === 'NODE' && after === null ? [key] : []));
    if (vanishing.length > 0) await this.#addIncident(vanishing);
  }

  async #addIncident(nodeKeys: readonly string[]): Promise<void> {
    for (let after: string | undefined; ; ) {
      const { items, hasMore } = await this.#history.incidentAt(
        this.#graphId,
        this.#seq,
        nodeKeys,
        { direction: 'BOTH' },
        { limit: PAGE, after },
      );
      await this.#load(items, []);
      after = items.at(-1)?.key;
      if (!hasMore || after === undefined) return;
    }
  }

  /** Loads states with the ends of their relationships, and the ends of those that are only `wanted`. */
  async #load(states: readonly EntityState[], wanted: readonly EntityState[]): Promise<void> {
    const known = new Set(states.map(entityId));
    const ends = new Map<string, EntityRef>();
    for (const state of [...states, ...wanted]) {
      if (state.kind === 'NODE') continue;
      for (const key of [state.start, state.end]) {
        const ref: EntityRef = { kind: 'NODE', key };
        if (!known.has(entityId(ref))) ends.set(key, ref);
      }
    }
    const found =
      ends.size === 0 ? [] : (await this.#history.statesAt(this.#graphId, this.#seq, [...ends.values()])).values();
    await this.#scratch.load([...found, ...states]);
  }
}
