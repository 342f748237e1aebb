import { HistoryDroppedError, InvalidInputError, NotFoundError, StateError } from '../core/errors.ts';
import type { At, Moment } from '../core/moments.ts';
import type { Clock } from '../ports/clock.ts';
import type { History, RecordedTransaction } from '../ports/history.ts';
import type { PointRecord, PointStore } from '../ports/point-store.ts';
import type { GraphRegistry } from './graph-registry.ts';

/** Beyond every seq. */
const LAST = 2n ** 63n - 1n;
/** Clocks of the service and of the graph may differ by this much before a time counts as future. */
const CLOCK_SLACK_MS = 1000;

export interface MomentDependencies {
  readonly history: Pick<History, 'graph' | 'cutAt' | 'momentAt' | 'earliest'>;
  readonly points: Pick<PointStore, 'get'>;
  readonly registry: GraphRegistry;
  readonly clock: Clock;
}

/** Turns what a client calls a moment into the cut that it names. */
export class MomentResolver {
  readonly #deps: MomentDependencies;

  constructor(deps: MomentDependencies) {
    this.#deps = deps;
  }

  /** See GraphReader.resolve. */
  async resolve(graphId: number, at: At, path: readonly string[]): Promise<Moment> {
    if ('point' in at) return this.#point(graphId, at.point, path);
    if ('time' in at) return this.#time(graphId, at.time, path);
    if ('seq' in at) return this.#seq(graphId, at.seq, path);
    if (at.keyword === 'EARLIEST') return this.#deps.history.earliest(graphId);
    await this.#deps.registry.get(graphId).recorder.fence();
    return momentOf(await this.recorded(graphId));
  }

  /**
   * The head, once everything that had committed before the call is recorded. Where capture is by scans the graph is compared for it,
   * which `resolve` does not do: there LIVE is what was recorded last. @throws CaptureError
   */
  async live(graphId: number): Promise<RecordedTransaction> {
    await this.#deps.registry.get(graphId).recorder.refresh();
    return this.#cut(graphId, LAST);
  }

  /** The newest cut that is recorded, without waiting for what is not. */
  recorded(graphId: number): Promise<RecordedTransaction> {
    return this.#cut(graphId, LAST);
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
    const { history, registry, clock } = this.#deps;
    const head = (await history.graph(graphId))?.head.time ?? time;
    if (time.getTime() > Math.max(clock.now().getTime() + CLOCK_SLACK_MS, head.getTime())) {
      throw InvalidInputError.field([...path, 'time'], 'lies in the future');
    }
    if (time >= head) await registry.get(graphId).recorder.fence();
    const moment = await history.momentAt(graphId, time);
    if (moment === null) throw await this.#dropped(graphId, time.toISOString());
    return momentOf(await this.#cut(graphId, moment.seq));
  }

  async #seq(graphId: number, seq: bigint, path: readonly string[]): Promise<Moment> {
    const { history } = this.#deps;
    const head = (await history.graph(graphId))?.head.seq ?? 0n;
    if (seq < 0n) throw InvalidInputError.field([...path, 'seq'], 'must not be negative');
    if (seq > head) throw InvalidInputError.field([...path, 'seq'], `lies beyond the newest transaction, ${head}`);
    const { seq: first } = await history.earliest(graphId);
    if (seq < first) throw await this.#dropped(graphId, `transaction ${seq}`);
    return momentOf(await this.#cut(graphId, seq));
  }

  async #cut(graphId: number, seq: bigint): Promise<RecordedTransaction> {
    const cut = await this.#deps.history.cutAt(graphId, seq);
    if (cut === null) throw await this.#dropped(graphId, `transaction ${seq}`);
    return cut;
  }

  async #dropped(graphId: number, asked: string): Promise<HistoryDroppedError> {
    const { seq, time } = await this.#deps.history.earliest(graphId);
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
