import { NotFoundError, PlanChangedError, StateError } from '../core/errors.ts';
import { isFinalOperation } from '../core/states.ts';
import type { AttachmentStore } from '../ports/attachment-store.ts';
import type { GraphRecord } from '../ports/history.ts';
import { type NewOperation, type OperationRecord, OtherOperationError } from '../ports/operation-store.ts';
import type { SessionStore } from '../ports/session-store.ts';
import { auditFact } from './audit-facts.ts';
import type * as contract from './contract.ts';
import type { Attempt } from './idempotency.ts';
import type { MomentResolver } from './moment-resolver.ts';
import { type ControlDependencies, OperationControl } from './rollback/operation-control.ts';
import { drawPlan } from './rollback/plan-subgraph.ts';
import { stillHolds } from './rollback/rehearsed.ts';
import { assertSameEntities, assertTold } from './rollback-reach.ts';
import { checkRequest, checkSchemaKnown, resolveTarget } from './rollback-request.ts';
import { gradual } from './strategies/gradual.ts';
import { writingStrategy, writingStrategyFor } from './strategies/strategies.ts';

export interface RollbackManagerDependencies extends ControlDependencies {
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly moments: MomentResolver;
  /** Of graphs that are attached and detached at run time. */
  readonly attachments?: Pick<AttachmentStore, 'get'>;
}

type Input<Method extends Exclude<keyof contract.RollbackManager, 'planSubgraph'>> = Parameters<
  contract.RollbackManager[Method]
>[1];

/** Takes requests for rollbacks: checks them, stores operations, and leaves the work to whoever runs the queue. */
export class RollbackManager implements contract.RollbackManager {
  readonly #deps: RollbackManagerDependencies;
  readonly #control: OperationControl;

  constructor(deps: RollbackManagerDependencies) {
    this.#deps = deps;
    this.#control = new OperationControl(deps);
  }

  async request(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'request'>): Promise<string> {
    return this.#request(caller, input, 'rollback', key);
  }

  async execute(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'execute'>): Promise<string> {
    const preview = await this.#control.operation(input.id);
    const call = { graph: `${preview.graphId}`, mutation: 'executeRollback', key, input, type: 'RollbackOperation' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      if (await this.#wasCreated(attempt)) return attempt.id;
      const { graph } = this.#deps.registry.get(preview.graphId);
      const strategy = writingStrategy(input);
      gradual.check(input, graph);
      strategy.check({ ...input, includeSchema: preview.includeSchema }, graph);
      await this.#checkPreview(preview, input.expectPlan);
      strategy.checkSize(preview.counts.planned, graph);
      return this.#create(caller, {
        ...preview,
        id: attempt.id,
        strategy: input.strategy,
        dryRun: false,
        batchSize: input.batchSize ?? null,
        maxChangesPerSecond: input.maxChangesPerSecond ?? null,
        reason: null,
        requestedBy: caller.actor,
        rehearsalOfId: preview.id,
        resumesId: null,
        expectPlan: input.expectPlan,
      });
    });
  }

  resolve(caller: contract.Caller, input: Input<'resolve'>): Promise<string> {
    return this.#control.resolve(caller, input);
  }

  pause(caller: contract.Caller, input: Input<'pause'>): Promise<string> {
    return this.#control.pause(caller, input);
  }

  continue(caller: contract.Caller, input: Input<'continue'>): Promise<string> {
    return this.#control.continue(caller, input);
  }

  abort(caller: contract.Caller, input: Input<'abort'>): Promise<string> {
    return this.#control.abort(caller, input);
  }

  forgetRule(caller: contract.Caller, input: Input<'forgetRule'>): Promise<string> {
    return this.#control.forgetRule(caller, input);
  }

  async resume(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'resume'>): Promise<string> {
    const previous = await this.#control.operation(input.id);
    const call = { graph: `${previous.graphId}`, mutation: 'resumeRollback', key, input, type: 'RollbackOperation' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      if (await this.#wasCreated(attempt)) return attempt.id;
      this.#checkResumable(previous);
      return this.#create(caller, {
        ...previous,
        id: attempt.id,
        policy: input.policy ?? previous.policy,
        reason: null,
        requestedBy: caller.actor,
        rehearsalOfId: null,
        resumesId: previous.id,
        expectPlan: null,
      });
    });
  }

  async undo(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'undo'>): Promise<string> {
    const operation = await this.#control.operation(input.id);
    const { applied } = operation.counts;
    if (!isFinalOperation(operation.status))
      throw new StateError(`operation ${input.id} has not ended`, operation.status);
    if (operation.dryRun || applied === 0n)
      throw new StateError(`operation ${input.id} wrote nothing`, operation.status);
    const graph = await this.#deps.history.graph(operation.graphId);
    if (graph === null) throw new NotFoundError('its graph is gone');
    const request = {
      graph: graph.name,
      undo: { by: { operation: input.id } },
      dryRun: false,
      strategy: writingStrategyFor(applied, this.#deps.registry.get(graph.id).graph),
      policy: input.policy,
      includeSchema: false,
    } as const;
    return this.#request(caller, request, 'undoRollback', key);
  }

  async planSubgraph(operationId: string, limit: number): Promise<contract.Subgraph> {
    return drawPlan(this.#deps, await this.#control.operation(operationId), limit);
  }

  async #request(
    caller: contract.Caller,
    input: Omit<Input<'request'>, 'idempotencyKey'>,
    mutation: string,
    key: string | null | undefined,
  ): Promise<string> {
    const graph = await this.#graph(input.graph);
    const call = { graph: `${graph.id}`, mutation, key, input, type: 'RollbackOperation' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      if (await this.#wasCreated(attempt)) return attempt.id;
      assertTold(graph, input);
      const served = this.#deps.registry.get(graph.id);
      checkRequest(input, graph, served.graph);
      await served.recorder.certainFence();
      const target = await resolveTarget(this.#deps, graph.id, input);
      if (input.includeSchema) await checkSchemaKnown(this.#deps.points, target);
      if (this.#deps.attachments) await assertSameEntities(this.#deps.attachments, this.#deps.history, graph, target);
      return this.#create(caller, {
        ...target,
        id: attempt.id,
        graphId: graph.id,
        strategy: input.strategy,
        dryRun: input.dryRun,
        scope: input.scope ?? null,
        policy: input.policy,
        batchSize: input.batchSize ?? null,
        maxChangesPerSecond: input.maxChangesPerSecond ?? null,
        includeSchema: input.includeSchema,
        reason: input.reason ?? null,
        requestedBy: caller.actor,
        rehearsalOfId: null,
        resumesId: null,
        expectPlan: null,
      });
    });
  }

  /** @throws StateError */
  #checkResumable({ id, status, outcome, dryRun, counts }: OperationRecord): void {
    if (!isFinalOperation(status)) throw new StateError(`operation ${id} has not ended`, status);
    if (dryRun || counts.applied === 0n)
      throw new StateError(`operation ${id} wrote nothing: request it again`, status);
    if (outcome !== 'INTERRUPTED' && outcome !== 'FAILED') throw new StateError(`operation ${id} left nothing`, status);
  }

  /** @throws StateError, PlanChangedError */
  async #checkPreview(preview: OperationRecord, expectPlan: string): Promise<void> {
    const { id, status, planHash, graphId } = preview;
    if (!preview.dryRun) throw new StateError(`operation ${id} is not a dry run`, status);
    if (status !== 'COMPLETED') throw new StateError(`dry run ${id} is ${status}`, status);
    if (preview.replanning || (await this.#deps.conflicts.unplanned(id, 1)).length > 0) {
      throw new StateError(`dry run ${id} is being planned with what was decided`, status);
    }
    if (planHash !== expectPlan) {
      throw new PlanChangedError(`the plan of dry run ${id} is another one`, expectPlan, id);
    }
    await this.#deps.registry.get(graphId).recorder.certainFence();
    const head = await this.#deps.moments.recorded(graphId);
    if (await stillHolds(this.#deps, preview, head.seq)) return;
    throw new PlanChangedError(
      'the graph has changed since the preview in a way that the plan did not foresee',
      expectPlan,
      id,
    );
  }

  /** An earlier try under the same key got as far as storing the operation. */
  async #wasCreated({ id, retried }: Attempt): Promise<boolean> {
    if (!retried || (await this.#deps.operations.get(id)) === null) return false;
    await this.#control.enqueue(id);
    return true;
  }

  async #create(caller: contract.Caller, operation: NewOperation): Promise<string> {
    const { id, graphId, type, dryRun, strategy, reason } = operation;
    const about = { operationId: id, pointId: operation.targetPointId };
    const data = { type, dryRun, strategy, reason, undo: operation.undo, scope: operation.scope };
    try {
      await this.#deps.operations.create(operation, auditFact(caller, 'OPERATION_REQUESTED', about, data));
    } catch (error) {
      if (error instanceof OtherOperationError) throw new StateError(error.message, error.status);
      throw error;
    }
    this.#deps.bus.publish(`graph:${graphId}`);
    await this.#control.enqueue(id);
    return id;
  }

  async #graph(name: string): Promise<GraphRecord> {
    const graph = name.includes('\0') ? null : await this.#deps.history.graphByName(name);
    if (graph === null) throw new NotFoundError(`there is no graph ${name}`);
    return graph;
  }
}
