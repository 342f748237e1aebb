import { canPause } from '../../core/endings.ts';
import { NotFoundError, StateError } from '../../core/errors.ts';
import { isFinalOperation } from '../../core/states.ts';
import type { JobQueue } from '../../ports/job-queue.ts';
import type { OperationRecord } from '../../ports/operation-store.ts';
import { auditFact } from '../audit-facts.ts';
import type * as contract from '../contract.ts';
import type { Idempotency, IdempotentCall } from '../idempotency.ts';
import { MAX_REASON } from '../rollback-request.ts';
import { checkText } from '../text-checks.ts';
import type { RollbackDependencies } from './operation-run.ts';
import { planDecidedPreview } from './previews.ts';
import { forgetRule, resolve } from './resolving.ts';

export const ROLLBACK_QUEUE = 'rollback';

/** Decisions about a preview that its plan takes in before the request is answered; more are left to a job. */
const SYNCHRONOUS_DECISIONS = 2000;

export interface ControlDependencies extends RollbackDependencies {
  readonly idempotency: Idempotency;
  readonly queue: Pick<JobQueue, 'send'>;
}

type Input<Method extends 'resolve' | 'abort' | 'pause' | 'continue' | 'forgetRule'> = Parameters<
  contract.RollbackManager[Method]
>[1];

/** What people do to an operation that is there: decide its conflicts, pause and continue it, stop it. */
export class OperationControl {
  readonly #deps: ControlDependencies;

  constructor(deps: ControlDependencies) {
    this.#deps = deps;
  }

  async resolve(caller: contract.Caller, input: Input<'resolve'>): Promise<string> {
    const operation = await this.operation(input.operation);
    return this.#once(caller, operation, 'resolveConflicts', input, async (attempt) => {
      const decided = await resolve(this.#deps, caller, operation, input, attempt);
      this.#deps.bus.publish(`operation:${operation.id}`);
      this.#deps.bus.publish(`graph:${operation.graphId}`);
      const { plans } = this.#deps;
      if (operation.dryRun && decided <= SYNCHRONOUS_DECISIONS) await planDecidedPreview(this.#deps, operation.id);
      // A waiting operation has nothing to do before the last decision.
      else if (operation.dryRun || (await plans.openConflicts(operation.id)).count === 0n) {
        await this.enqueue(operation.id);
      }
    });
  }

  async abort(caller: contract.Caller, input: Input<'abort'>): Promise<string> {
    checkText(['reason'], input.reason, MAX_REASON);
    const operation = await this.operation(input.id);
    return this.#once(caller, operation, 'abortRollback', input, async () => {
      const reason = input.reason ?? null;
      const fact = auditFact(caller, 'OPERATION_ABORT_REQUESTED', { operationId: input.id }, { reason });
      if (!(await this.#deps.operations.requestAbort(input.id, reason, fact))) {
        const { status } = await this.operation(input.id);
        throw new StateError(`operation ${input.id} has ended`, status);
      }
      await this.enqueue(input.id);
    });
  }

  async pause(caller: contract.Caller, input: Input<'pause'>): Promise<string> {
    const operation = await this.operation(input.id);
    return this.#once(caller, operation, 'pauseRollback', input, async (attempt) => {
      const { status, strategy, dryRun } = operation;
      if (!canPause({ status, dryRun, gradual: strategy === 'GRADUAL' })) {
        const why = isFinalOperation(status) ? 'has ended' : 'is not written in batches, between which it could stop';
        throw new StateError(`operation ${input.id} ${why}`, status);
      }
      await this.#setPaused(caller, operation, true, attempt.retried);
    });
  }

  async continue(caller: contract.Caller, input: Input<'continue'>): Promise<string> {
    const operation = await this.operation(input.id);
    return this.#once(caller, operation, 'continueRollback', input, async (attempt) => {
      await this.#setPaused(caller, operation, false, attempt.retried);
      await this.enqueue(input.id);
    });
  }

  async forgetRule(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'forgetRule'>): Promise<string> {
    // A rule that is gone has no graph any more; its id is in the input, and no other graph has it.
    const call = { graph: '', mutation: 'forgetResolutionRule', key, input, type: 'ResolutionRule' };
    return this.#deps.idempotency.run(caller, call, async () => {
      await forgetRule(this.#deps, caller, input.id);
      return input.id;
    });
  }

  /** The operation is stored: should the queue refuse, the next sweep finds it. */
  async enqueue(id: string): Promise<void> {
    await this.#deps.queue.send(ROLLBACK_QUEUE, { id }).catch(() => {});
  }

  /** @throws NotFoundError */
  async operation(id: string): Promise<OperationRecord> {
    const operation = await this.#deps.operations.get(id);
    if (operation === null) throw new NotFoundError(`there is no operation ${id}`);
    return operation;
  }

  async #setPaused(caller: contract.Caller, { id }: OperationRecord, paused: boolean, retried: boolean): Promise<void> {
    const fact = auditFact(caller, paused ? 'OPERATION_PAUSED' : 'OPERATION_CONTINUED', { operationId: id });
    if (await this.#deps.operations.setPaused(id, paused, fact)) {
      this.#deps.bus.publish(`operation:${id}`);
      return;
    }
    const operation = await this.operation(id);
    if (retried && operation.paused === paused) return;
    const why = isFinalOperation(operation.status) ? 'has ended' : paused ? 'is paused already' : 'is not paused';
    throw new StateError(`operation ${id} ${why}`, operation.status);
  }

  #once(
    caller: contract.Caller,
    { id, graphId }: OperationRecord,
    mutation: string,
    { idempotencyKey: key, ...input }: contract.Idempotent,
    work: Parameters<Idempotency['run']>[2],
  ): Promise<string> {
    const call: IdempotentCall = { graph: `${graphId}`, mutation, key, input, type: 'RollbackOperation' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      await work(attempt);
      return id;
    });
  }
}
