import { HistoryDroppedError, InvalidInputError, NotFoundError, StateError } from '../core/errors.ts';
import type { At, Moment } from '../core/moments.ts';
import type { Clock } from '../ports/clock.ts';
import type { CutBound, GraphRecord, History, RecordedTransaction } from '../ports/history.ts';
import type { PointRecord, PointStore } from '../ports/point-store.ts';
import type { GraphRegistry } from './graph-registry.ts';
import { ReadsTogether } from './reads-together.ts';
import { SharedReads } from './shared-reads.ts';

/** Beyond every seq. */
const LAST = 2n ** 63n - 1n;
/** Clocks of the service and of the graph may differ by this much before a time counts as future. */
const CLOCK_SLACK_MS = 1000;

export interface MomentDependencies {
  readonly history: Pick<History, 'graph' | 'cutsAt' | 'earliest'>;
  readonly points: Pick<PointStore, 'get'>;
  readonly registry: GraphRegistry;
  readonly clock: Clock;
}

/** Turns what a client calls a moment into the cut that it names. Moments that are asked for at the same time are looked up together. */
export class MomentResolver {
  readonly #deps: MomentDependencies;
  readonly #graphs = new SharedReads<GraphRecord | null>();
  readonly #earliest = new SharedReads<Moment>();
  readonly #cuts: ReadsTogether<number, CutBound, RecordedTransaction | null>;

  constructor(deps: MomentDependencies) {
    this.#deps = deps;
    this.#cuts = new ReadsTogether((graphId, bounds) => deps.history.cutsAt(graphId, bounds));
  }

  /** See GraphReader.resolve. */
  async resolve(graphId: number, at: At, path: readonly string[]): Promise<Moment> {
    if ('point' in at) return this.#point(graphId, at.point, path);
    if ('time' in at) return this.#time(graphId, at.time, path);
    if ('seq' in at) return this.#seq(graphId, at.seq, path);
    if (at.keyword === 'EARLIEST') return this.#first(graphId);
    await this.#deps.registry.get(graphId).recorder.fence();
    return momentOf(await this.recorded(graphId));
  }

  /**
   * The head, once everything that had committed before the call is recorded. Where capture is by scans the graph is compared for it,
   * which `resolve` does not do: there LIVE is what was recorded last. @throws CaptureError
   */
  async live(graphId: number): Promise<RecordedTransaction> {
    await this.#deps.registry.get(graphId).recorder.refresh();
    return this.#cut(graphId, { seq: LAST });
  }

  /** The newest cut that is recorded, without waiting for what is not. */
  recorded(graphId: number): Promise<RecordedTransaction> {
    return this.#cut(graphId, { seq: LAST });
  }

  async #point(graphId: number, id: string, path: readonly string[]): Promise<Moment> {
    const point = await this.#deps.points.get(id);
    if (point === null || point.deletedAt !== null) throw new NotFoundError(`there is no rollback point ${id}`);
    if (point.graphId !== graphId) throw InvalidInputError.field([...path, 'point'], 'is a point of another graph');
    const { seq, timestamp: time } = point;
    if (seq === null || !isUsable(point, this.#deps.clock.now())) {
      const state = seq === null || point.status === 'FAILED' ? point.status : 'EXPIRED';
      throw new StateError(`rollback point ${point.name} is ${state}`, state);
    }
    return { seq, time };
  }

  async #time(graphId: number, time: Date, path: readonly string[]): Promise<Moment> {
    const { registry, clock } = this.#deps;
    const { head } = await this.#ends(graphId);
    if (time.getTime() > Math.max(clock.now().getTime() + CLOCK_SLACK_MS, (head?.time ?? time).getTime())) {
      throw InvalidInputError.field([...path, 'time'], 'lies in the future');
    }
    if (head === null || time >= head.time) await registry.get(graphId).recorder.fence();
    return momentOf(await this.#cut(graphId, { time }));
  }

  async #seq(graphId: number, seq: bigint, path: readonly string[]): Promise<Moment> {
    const { head, first } = await this.#ends(graphId);
    const last = head?.seq ?? 0n;
    if (seq < 0n) throw InvalidInputError.field([...path, 'seq'], 'must not be negative');
    if (seq > last) throw InvalidInputError.field([...path, 'seq'], `lies beyond the newest transaction, ${last}`);
    if (seq < first.seq) throw await this.#dropped(graphId, { seq });
    return momentOf(await this.#cut(graphId, { seq }));
  }

  async #cut(graphId: number, bound: CutBound): Promise<RecordedTransaction> {
    const cut = await this.#cuts.read(graphId, bound);
    if (cut === null) throw await this.#dropped(graphId, bound);
    return cut;
  }

  /** Read for a time as for a seq, so that both take the same steps and meet others in them. */
  async #ends(graphId: number): Promise<{ readonly first: Moment; readonly head: Moment | null }> {
    const { history } = this.#deps;
    const [first, graph] = await Promise.all([
      this.#first(graphId),
      this.#graphs.read(`${graphId}`, () => history.graph(graphId)),
    ]);
    return { first, head: graph?.head ?? null };
  }

  #first(graphId: number): Promise<Moment> {
    return this.#earliest.read(`${graphId}`, () => this.#deps.history.earliest(graphId));
  }

  async #dropped(graphId: number, bound: CutBound): Promise<HistoryDroppedError> {
    const asked = 'time' in bound ? bound.time.toISOString() : `transaction ${bound.seq}`;
    const { seq, time } = await this.#first(graphId);
    return new HistoryDroppedError(`${asked} lies before the earliest moment kept, ${seq} at ${time.toISOString()}`);
  }
}

/** Whether the state at the point may still be asked for: it is stored, and has not expired even if nobody has noticed yet. */
export function isUsable(point: Pick<PointRecord, 'status' | 'expiresAt' | 'held'>, now: Date): boolean {
  if (point.status === 'EXPIRED' || point.status === 'FAILED') return false;
  return point.held || point.expiresAt === null || point.expiresAt > now;
}

function momentOf({ seq, time }: Moment): Moment {
  return { seq, time };
}
