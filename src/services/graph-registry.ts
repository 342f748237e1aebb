import type { EntityChange } from '../core/entities.ts';
import { CaptureError } from '../core/errors.ts';
import type { RecordedTransaction } from '../ports/history.ts';
import type { KnowledgeGraph } from '../ports/knowledge-graph.ts';

/** What services ask of the recorder of a graph, wherever the instance that records may be. */
export interface Recording {
  /**
   * Resolves when everything that had committed in the graph before the call is recorded, as far as capture notices it by itself.
   * @throws CaptureError when the graph is not captured
   */
  fence(): Promise<unknown>;
  /** As `fence`; a graph that is captured by scans is compared as a whole, so that what it holds now is recorded. @throws CaptureError */
  refresh(): Promise<unknown>;
  /**
   * As `fence`, for what is going to be promised: capture is looked at whenever it was last, and what it may have missed is no ground to
   * stand on. @throws CaptureError while a gap has not been compared with the graph
   */
  certainFence(): Promise<unknown>;
  /** Somebody found that the graph is not the one that was recorded: nothing is promised of it until it has been compared. */
  reportGap(message: string): Promise<void>;
  /** There is something to record. */
  poke(): void;
  /**
   * More is being written: for so many milliseconds nothing need be recorded that nobody asks for. Whoever fences is served as ever, and
   * `poke` ends it.
   */
  holdOff(ms: number): void;
  /**
   * Records differences between history and the graph as one RECONCILE transaction of a new epoch. What history no longer has as
   * `before` is left out. Idempotent per `id`. Null when nothing was left.
   */
  reconcile(id: string, differences: AsyncIterable<readonly EntityChange[]>): Promise<RecordedTransaction | null>;
}

/** A graph that this instance can reach. */
export interface ServedGraph {
  readonly graph: KnowledgeGraph;
  readonly recorder: Recording;
}

/** The graphs that this instance knows by its settings, and serves while they are attached, by their id in history. */
export class GraphRegistry {
  readonly #names = new Map<number, string>();
  readonly #served = new Map<number, ServedGraph>();
  readonly #troubles = new Map<number, string>();

  /** Makes a graph known that is not served yet. */
  declare(graphId: number, name: string): void {
    this.#names.set(graphId, name);
  }

  /** Notes what keeps this instance from serving or recording a graph; null when nothing does. */
  note(graphId: number, trouble: string | null): void {
    if (trouble === null) this.#troubles.delete(graphId);
    else this.#troubles.set(graphId, trouble);
  }

  trouble(graphId: number): string | null {
    return this.#troubles.get(graphId) ?? null;
  }

  add(graphId: number, served: ServedGraph): void {
    this.#served.set(graphId, served);
  }

  /** The graph stays known. */
  remove(graphId: number): void {
    this.#served.delete(graphId);
  }

  /** Of all known graphs. */
  ids(): readonly number[] {
    return [...new Set([...this.#names.keys(), ...this.#served.keys()])];
  }

  find(graphId: number): ServedGraph | null {
    return this.#served.get(graphId) ?? null;
  }

  /** @throws CaptureError when the graph is recorded in history but not served here */
  get(graphId: number): ServedGraph {
    const served = this.#served.get(graphId);
    if (served !== undefined) return served;
    const name = this.#names.get(graphId);
    if (name === undefined)
      throw new CaptureError('the graph is not among those that this service is configured for', 'OFF');
    const trouble = this.trouble(graphId);
    if (trouble !== null) throw new CaptureError(`graph ${name} is not served: ${trouble}`, 'OFF');
    throw new CaptureError(`graph ${name} is not attached: attachGraph begins to capture it`, 'OFF');
  }
}
