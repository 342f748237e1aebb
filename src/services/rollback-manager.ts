import { LimitError, NotFoundError, PlanChangedError, StateError } from '../core/errors.ts';
import { isFinalOperation } from '../core/states.ts';
import type { AttachmentStore } from '../ports/attachment-store.ts';
import type { GraphRecord } from '../ports/history.ts';
import type { JobQueue } from '../ports/job-queue.ts';
import type { NewOperation, OperationRecord } from '../ports/operation-store.ts';
import type { SessionStore } from '../ports/session-store.ts';
import { auditFact } from './audit-facts.ts';
import type * as contract from './contract.ts';
import type { Attempt, Idempotency } from './idempotency.ts';
import type { MomentResolver } from './moment-resolver.ts';
import type { RollbackDependencies } from './rollback/operation-run.ts';
import { drawPlan } from './rollback/plan-subgraph.ts';
import { stillHolds } from './rollback/rehearsed.ts';
import { assertSameEntities, assertTold } from './rollback-reach.ts';
import { checkPace, checkPolicy, checkRequest, checkSchemaKnown, resolveTarget } from './rollback-request.ts';
import { ROLLBACK_QUEUE } from './rollback-runner.ts';

export interface RollbackManagerDependencies extends RollbackDependencies {
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly moments: MomentResolver;
  readonly idempotency: Idempotency;
  readonly queue: Pick<JobQueue, 'send'>;
  /** Of graphs that are attached and detached at run time. */
  readonly attachments?: Pick<AttachmentStore, 'get'>;
}

type Input<Method extends 'request' | 'execute' | 'abort' | 'undo'> = Parameters<contract.RollbackManager[Method]>[1];

/** Takes requests for rollbacks: checks them, stores operations, and leaves the work to whoever runs the queue. */
export class RollbackManager implements contract.RollbackManager {
  readonly #deps: RollbackManagerDependencies;

  constructor(deps: RollbackManagerDependencies) {
    this.#deps = deps;
  }

  async request(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'request'>): Promise<string> {
    return this.#request(caller, input, 'rollback', key);
  }

  async execute(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'execute'>): Promise<string> {
    const preview = await this.#operation(input.id);
    const call = { graph: `${preview.graphId}`, mutation: 'executeRollback', key, input, type: 'RollbackOperation' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      if (await this.#wasCreated(attempt)) return attempt.id;
      const { immediateLimit } = this.#deps.registry.get(preview.graphId).graph;
      checkPace(input, immediateLimit);
      await this.#checkPreview(preview, input.expectPlan);
      if (input.strategy === 'IMMEDIATE' && preview.counts.planned > BigInt(immediateLimit)) {
        const message = `${preview.counts.planned} changes are more than one transaction may hold: use GRADUAL`;
        throw new LimitError(message, BigInt(immediateLimit));
      }
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
        expectPlan: input.expectPlan,
      });
    });
  }

  async abort(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'abort'>): Promise<string> {
    const operation = await this.#operation(input.id);
    const call = { graph: `${operation.graphId}`, mutation: 'abortRollback', key, input, type: 'RollbackOperation' };
    return this.#deps.idempotency.run(caller, call, async () => {
      const reason = input.reason ?? null;
      const fact = auditFact(caller, 'OPERATION_ABORT_REQUESTED', { operationId: input.id }, { reason });
      if (!(await this.#deps.operations.requestAbort(input.id, reason, fact))) {
        const { status } = await this.#operation(input.id);
        throw new StateError(`operation ${input.id} has ended`, status);
      }
      await this.#enqueue(input.id);
      return input.id;
    });
  }

  async undo(caller: contract.Caller, { idempotencyKey: key, ...input }: Input<'undo'>): Promise<string> {
    const operation = await this.#operation(input.id);
    const { applied } = operation.counts;
    if (!isFinalOperation(operation.status))
      throw new StateError(`operation ${input.id} has not ended`, operation.status);
    if (operation.dryRun || applied === 0n)
      throw new StateError(`operation ${input.id} wrote nothing`, operation.status);
    const graph = await this.#deps.history.graph(operation.graphId);
    if (graph === null) throw new NotFoundError('its graph is gone');
    const { immediateLimit } = this.#deps.registry.get(graph.id).graph;
    const request = {
      graph: graph.name,
      undo: { by: { operation: input.id } },
      dryRun: false,
      strategy: applied > BigInt(immediateLimit) ? 'GRADUAL' : 'IMMEDIATE',
      policy: input.policy,
      includeSchema: false,
    } as const;
    return this.#request(caller, request, 'undoRollback', key);
  }

  async planSubgraph(operationId: string, limit: number): Promise<contract.Subgraph> {
    return drawPlan(this.#deps, await this.#operation(operationId), limit);
  }

  async #request(
    caller: contract.Caller,
    input: Omit<Input<'request'>, 'idempotencyKey'>,
    mutation: string,
    key: string | null | undefined,
  ): Promise<string> {
    const graph = await this.#graph(input.graph);
    checkPolicy(input.policy, ['onConflict']);
    const call = { graph: `${graph.id}`, mutation, key, input, type: 'RollbackOperation' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      if (await this.#wasCreated(attempt)) return attempt.id;
      assertTold(graph, input);
      const served = this.#deps.registry.get(graph.id);
      checkRequest(input, graph, served.graph.immediateLimit);
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
        expectPlan: null,
      });
    });
  }

  /** @throws StateError, PlanChangedError */
  async #checkPreview(preview: OperationRecord, expectPlan: string): Promise<void> {
    const { id, status, planHash, graphId } = preview;
    if (!preview.dryRun) throw new StateError(`operation ${id} is not a dry run`, status);
    if (status !== 'COMPLETED') throw new StateError(`dry run ${id} is ${status}`, status);
    if (planHash !== expectPlan) {
      throw new PlanChangedError(`the plan of dry run ${id} is another one`, expectPlan, id);
    }
    const head = await this.#deps.moments.live(graphId);
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
    await this.#enqueue(id);
    return true;
  }

  async #create(caller: contract.Caller, operation: NewOperation): Promise<string> {
    const { id, graphId, type, dryRun, strategy, reason } = operation;
    const about = { operationId: id, pointId: operation.targetPointId };
    const data = { type, dryRun, strategy, reason, undo: operation.undo, scope: operation.scope };
    await this.#deps.operations.create(operation, auditFact(caller, 'OPERATION_REQUESTED', about, data));
    this.#deps.bus.publish(`graph:${graphId}`);
    await this.#enqueue(id);
    return id;
  }

  /** The operation is stored: should the queue refuse, the next sweep finds it. */
  async #enqueue(id: string): Promise<void> {
    await this.#deps.queue.send(ROLLBACK_QUEUE, { id }).catch(() => {});
  }

  async #operation(id: string): Promise<OperationRecord> {
    const operation = await this.#deps.operations.get(id);
    if (operation === null) throw new NotFoundError(`there is no operation ${id}`);
    return operation;
  }

  async #graph(name: string): Promise<GraphRecord> {
    const graph = name.includes('\0') ? null : await this.#deps.history.graphByName(name);
    if (graph === null) throw new NotFoundError(`there is no graph ${name}`);
    return graph;
  }
}
