import type { EntityId, EntityRef } from '../../core/entities.ts';
import type { Origins } from '../../core/undo-set.ts';
import type { AttachmentStore } from '../../ports/attachment-store.ts';
import type { Bindings } from '../../ports/bindings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventBus } from '../../ports/event-bus.ts';
import type { History } from '../../ports/history.ts';
import type { Keys } from '../../ports/keys.ts';
import type { KnowledgeGraph } from '../../ports/knowledge-graph.ts';

/** Which session a writer meant. */
export interface SessionResolver {
  /**
   * @param text a session's id, or a name of the writer's own, as it came with the transaction
   * @param time when the transaction was committed
   * @returns a session id; null when the text cannot name one
   */
  resolve(graphId: number, text: string, actor: string | null, time: Date): Promise<string | null>;
}

/** Where the values come from that an operation puts back, as its plan noted it. */
export interface PutBackOrigins {
  originsFor(operationId: string, refs: readonly EntityRef[]): Promise<Map<EntityId, Origins>>;
}

export interface RecorderDeps {
  readonly graphId: number;
  readonly graph: KnowledgeGraph;
  readonly history: History;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly sessions: SessionResolver;
  readonly putBack: PutBackOrigins;
  /** Of a graph that is attached and detached at run time. */
  readonly attachments?: AttachmentStore;
  /** Of a graph that addresses entities by numbers of its own. */
  readonly bindings?: Bindings;
  /** Told what went wrong in the background; the recorder tries again by itself. */
  readonly onError?: (error: unknown) => void;
  /** Told that a look at the graph went well. */
  readonly onSuccess?: () => void;
}

/** All times in milliseconds. */
export interface RecorderOptions {
  /** How long the right to record outlives the instance that held it. */
  readonly leaseMs: number;
  /** About how many changes are held in memory and stored at a time. */
  readonly maxChanges: number;
  /** How long to wait before looking again: right after something was recorded, and at most. */
  readonly busyMs: number;
  readonly idleMs: number;
  /** How often the installation of capture is looked at. */
  readonly inspectMs: number;
  /**
   * How long, and for how many scans at least, a transaction that does not continue what is recorded waits for its predecessor. Only of a
   * graph whose feed goes by stamps.
   */
  readonly waitMs: number;
  readonly waitScans: number;
  /** How long a fence waits for the instance that records. */
  readonly fenceTimeoutMs: number;
  /** How long to wait for another instance that compares the whole graph. */
  readonly scanTimeoutMs: number;
}

export const RECORDER_DEFAULTS: RecorderOptions = {
  leaseMs: 10_000,
  maxChanges: 2_500,
  busyMs: 50,
  idleMs: 500,
  inspectMs: 3_000,
  waitMs: 500,
  waitScans: 4,
  fenceTimeoutMs: 30_000,
  scanTimeoutMs: 600_000,
};
