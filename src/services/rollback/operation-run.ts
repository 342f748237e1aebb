import type { ResolutionRule } from '../../core/resolution-rules.ts';
import { isFinalOperation, nextOperationStatus, type OperationEvent, type OperationStatus } from '../../core/states.ts';
import type { UndoSet } from '../../core/undo-set.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ConflictStore } from '../../ports/conflict-store.ts';
import type { EventBus } from '../../ports/event-bus.ts';
import type { History, RecordedTransaction } from '../../ports/history.ts';
import type { Keys } from '../../ports/keys.ts';
import {
  type BatchStep,
  type BegunStep,
  LeaseLostError,
  type OperationLease,
  type OperationRecord,
  type OperationStep,
  type OperationStore,
} from '../../ports/operation-store.ts';
import type { PlanStore } from '../../ports/plan-store.ts';
import type { PointStore } from '../../ports/point-store.ts';
import type { GraphRegistry, ServedGraph } from '../graph-registry.ts';
import type { MomentResolver } from '../moment-resolver.ts';
import type { PointPinner } from '../point-pinner.ts';
import type { ScopeResolver } from '../scope-resolver.ts';

export interface RollbackDependencies {
  readonly operations: OperationStore;
  readonly plans: PlanStore;
  readonly conflicts: ConflictStore;
  readonly points: Pick<PointStore, 'get' | 'readSchema'>;
  readonly pinner: Pick<PointPinner, 'pin'>;
  readonly history: History;
  readonly registry: GraphRegistry;
  readonly moments: Pick<MomentResolver, 'live'>;
  readonly scopes: Pick<ScopeResolver, 'neighbourhoods' | 'endLabels'>;
  readonly bus: EventBus;
  readonly keys: Keys;
  readonly clock: Clock;
}

/** Why a run ends early. */
export type StopCause = 'ABORTED' | 'INTERRUPTED' | 'FAILED';

/** Ends the operation with its message; the cause decides how. */
export class OperationStop extends Error {
  override readonly name = 'OperationStop';
  readonly why: StopCause;

  constructor(why: StopCause, message: string) {
    super(message);
    this.why = why;
  }
}

/** This instance is shutting down: another one goes on from here. */
export class HandOver extends Error {
  override readonly name = 'HandOver';
}

/** The operation waits, for a person's decision or until it is continued. The lease has been given back. */
export class Waits extends Error {
  override readonly name = 'Waits';
}

/** A person has paused the operation: it stops here. */
export class Paused extends Error {
  override readonly name = 'Paused';
}

/** Whoever has an operation run. */
export interface RunWatch {
  /** Aborted when this instance shuts down. */
  readonly signal: AbortSignal;
  /** Told, each time, that the operation waits for its rate. */
  readonly onRest: () => void;
}

export const UNWATCHED: RunWatch = { signal: new AbortController().signal, onRest() {} };

/** One operation while this instance holds its lease. `operation` is as of the last step. */
export class OperationRun {
  readonly deps: RollbackDependencies;
  readonly lease: OperationLease;
  readonly served: ServedGraph;
  readonly #watch: RunWatch;
  #operation: OperationRecord;
  #lost = false;
  #rules: Promise<readonly ResolutionRule[]> | undefined;

  constructor(
    deps: RollbackDependencies,
    acquired: { readonly lease: OperationLease; readonly operation: OperationRecord },
    watch: RunWatch,
  ) {
    this.deps = deps;
    this.lease = acquired.lease;
    this.#operation = acquired.operation;
    this.#watch = watch;
    this.served = deps.registry.get(acquired.operation.graphId);
  }

  get operation(): OperationRecord {
    return this.#operation;
  }

  /** The undo set as the plan's head froze it. */
  get undoSet(): UndoSet {
    const { selector, from, until } = this.#operation.undo;
    return { selector, from: from ?? 0n, until: until ?? 0n };
  }

  /** Stores a step and wakes those who watch. @throws LeaseLostError */
  async advance(step: OperationStep): Promise<void> {
    this.#advanced(await this.deps.operations.advance(this.lease, step));
  }

  /** Begins the step after a batch that is being committed. Null where it would wait for the commit, or the commit for it. */
  begin(step: BatchStep): BegunStep | null {
    // A graph without a stamp is in the same database: its commit and the step would compete.
    if (this.served.graph.stamp === null) return null;
    return this.deps.operations.begin?.(this.lease, step) ?? null;
  }

  /** As `advance`. @throws LeaseLostError */
  async finish(begun: BegunStep): Promise<void> {
    this.#advanced(await begun.finish());
  }

  #advanced(operation: OperationRecord): void {
    this.#operation = operation;
    this.deps.bus.publish(`operation:${this.#operation.id}`);
    this.deps.bus.publish(`graph:${this.#operation.graphId}`);
  }

  /**
   * A change of state, with its event and its audit entry, in one step.
   * @throws RangeError when it cannot happen now, LeaseLostError, UnsettledError
   */
  async transit(event: OperationEvent, step: OperationStep = {}): Promise<void> {
    const status = this.after(event);
    const { id, targetPointId, requestedBy, dryRun, counts } = this.#operation;
    await this.advance({
      ...step,
      status,
      events: step.events ?? [{ type: 'PHASE' }],
      audit: {
        type: `OPERATION_${status}`,
        data: { dryRun, ...counts },
        actor: requestedBy,
        ip: null,
        userAgent: null,
        operationId: id,
        pointId: targetPointId,
        ...step.audit,
      },
    });
  }

  /** Remembered decisions of the graph, as they were when they were first asked for. */
  readonly rules = (): Promise<readonly ResolutionRule[]> => {
    this.#rules ??= this.deps.conflicts.rules(this.#operation.graphId);
    return this.#rules;
  };

  /** Reads what people have asked for since the last step. */
  async refresh(): Promise<void> {
    const operation = await this.deps.operations.get(this.#operation.id);
    if (operation !== null) this.#operation = operation;
  }

  /** The state that an event leads to. @throws RangeError when it cannot happen now */
  after(event: OperationEvent): OperationStatus {
    const { status } = this.#operation;
    const next = nextOperationStatus(status, event);
    if (next === null) throw new RangeError(`${event} cannot happen in ${status}`);
    return next;
  }

  /** Everything committed so far is recorded; the newest cut. */
  fence(): Promise<RecordedTransaction> {
    return this.deps.moments.live(this.#operation.graphId);
  }

  /** The operation waits for its rate, and is little work from here on. */
  rest(): void {
    this.#watch.onRest();
  }

  /** To be called wherever the work can stop without harm. @throws OperationStop, Paused, HandOver, LeaseLostError */
  checkpoint(): void {
    if (this.#lost) throw new LeaseLostError(`operation ${this.#operation.id} is another's now`);
    // What has ended is at most planned again with what was decided about it.
    const isEnding = isFinalOperation(this.#operation.status);
    if (this.#operation.abortRequested && !isEnding) throw new OperationStop('ABORTED', 'stopped on request');
    if (this.#operation.paused && !isEnding) throw new Paused('paused');
    if (this.#watch.signal.aborted) throw new HandOver('shutting down');
  }

  /** Keeps the lease alive. */
  async renew(ttlMs: number): Promise<void> {
    if (!(await this.deps.operations.renew(this.lease, ttlMs))) this.#lost = true;
  }
}
