import { nextOperationStatus, type OperationEvent, type OperationStatus } from '../../core/states.ts';
import type { UndoSet } from '../../core/undo-set.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventBus } from '../../ports/event-bus.ts';
import type { History, RecordedTransaction } from '../../ports/history.ts';
import type { Keys } from '../../ports/keys.ts';
import {
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

/** One operation while this instance holds its lease. `operation` is as of the last step. */
export class OperationRun {
  readonly deps: RollbackDependencies;
  readonly lease: OperationLease;
  readonly served: ServedGraph;
  readonly #signal: AbortSignal;
  #operation: OperationRecord;
  #lost = false;

  constructor(
    deps: RollbackDependencies,
    acquired: { readonly lease: OperationLease; readonly operation: OperationRecord },
    signal: AbortSignal,
  ) {
    this.deps = deps;
    this.lease = acquired.lease;
    this.#operation = acquired.operation;
    this.#signal = signal;
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
    this.#operation = await this.deps.operations.advance(this.lease, step);
    this.deps.bus.publish(`operation:${this.#operation.id}`);
    this.deps.bus.publish(`graph:${this.#operation.graphId}`);
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

  /** To be called wherever the work can stop without harm. @throws OperationStop, HandOver, LeaseLostError */
  checkpoint(): void {
    if (this.#lost) throw new LeaseLostError(`operation ${this.#operation.id} is another's now`);
    if (this.#operation.abortRequested) throw new OperationStop('ABORTED', 'stopped on request');
    if (this.#signal.aborted) throw new HandOver('shutting down');
  }

  /** Keeps the lease alive. */
  async renew(ttlMs: number): Promise<void> {
    if (!(await this.deps.operations.renew(this.lease, ttlMs))) this.#lost = true;
  }
}
