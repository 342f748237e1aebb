import type { EntityId, EntityState, NodeState, RelationshipState } from '../core/entities.ts';
import { InvalidInputError, LimitError, NotFoundError, StateError } from '../core/errors.ts';
import { MAX_NAME_LENGTH } from '../core/names.ts';
import {
  applyWrites,
  checkWrites,
  type GraphPart,
  type GraphWrite,
  requiredEntities,
  withKeys,
} from '../core/writes.ts';
import type { GraphRecord, History } from '../ports/history.ts';
import type { GraphTransaction, WriteContext } from '../ports/knowledge-graph.ts';
import type { SessionStore } from '../ports/session-store.ts';
import { assertCaptured } from './capture-state.ts';
import type * as contract from './contract.ts';
import type { GraphRegistry } from './graph-registry.ts';
import type { Attempt, Idempotency } from './idempotency.ts';
import { checkText } from './text-checks.ts';
import { toClientError, withChangeIndex } from './write-errors.ts';

/** Changes in one request. */
export const MAX_CHANGES = 10_000;
/** Relationships that deleting nodes may take with them in one request. */
export const MAX_INCIDENT = 100_000;

type WriteInput = Parameters<contract.GraphWriter['write']>[1];

/** The result as it is kept under an idempotency key. */
interface Written {
  readonly changed: boolean;
  /** Decimal. */
  readonly seq: string | null;
  readonly keys: readonly string[];
}

export interface GraphWriterDependencies {
  readonly history: Pick<History, 'graphByName' | 'transactionsByFeedId'>;
  readonly registry: GraphRegistry;
  readonly sessions: Pick<SessionStore, 'get'>;
  readonly idempotency: Idempotency;
}

/** Writes to a graph through the service, one graph transaction a request. */
export class GraphWriter implements contract.GraphWriter {
  readonly #deps: GraphWriterDependencies;

  constructor(deps: GraphWriterDependencies) {
    this.#deps = deps;
  }

  async write(
    caller: contract.Caller,
    input: WriteInput,
  ): Promise<{ changed: boolean; transaction: { graphId: number; seq: bigint } | null; keys: readonly string[] }> {
    const { idempotencyKey: key, ...rest } = input;
    checkList(input.changes);
    checkText(['actor'], input.actor, MAX_NAME_LENGTH, 1);
    const graph = await this.#graph(input.graph);
    const call = { graph: `${graph.id}`, mutation: 'writeGraph', key, input: rest, type: 'Transaction' };
    const written = await this.#deps.idempotency.run<Written>(
      caller,
      call,
      async (attempt) => {
        // Nothing is written that would not be recorded.
        assertCaptured(graph);
        const context = await this.#context(caller, graph, input, attempt);
        return this.#write(graph.id, context, withKeys(input.changes, attempt.nextKey), attempt);
      },
      ({ seq }) => (seq === null ? '' : `${graph.id}:${seq}`),
    );
    const transaction = written.seq === null ? null : { graphId: graph.id, seq: BigInt(written.seq) };
    return { changed: written.changed, transaction, keys: written.keys };
  }

  async #graph(name: string): Promise<GraphRecord> {
    const graph = name.includes('\0') ? null : await this.#deps.history.graphByName(name);
    if (graph === null) throw new NotFoundError(`there is no graph ${name}`);
    return graph;
  }

  async #context(
    caller: contract.Caller,
    graph: GraphRecord,
    input: WriteInput,
    { id }: Attempt,
  ): Promise<WriteContext> {
    const session = input.session ?? null;
    const actor = input.actor ?? null;
    if (session === null) return { id, source: 'API', actor: actor ?? caller.actor, session, operation: null };
    if (actor !== null) throw InvalidInputError.field(['actor'], 'cannot go with session, which has an actor');
    const found = await this.#deps.sessions.get(session);
    if (found === null) throw new NotFoundError(`there is no session ${session}`);
    if (found.graphId !== graph.id) throw InvalidInputError.field(['session'], 'is a session of another graph');
    if (found.closedAt !== null) throw new StateError(`session ${found.name} is closed`, 'CLOSED');
    return { id, source: 'API', actor: found.actor, session, operation: null };
  }

  async #write(
    graphId: number,
    context: WriteContext,
    writes: readonly GraphWrite[],
    attempt: Attempt,
  ): Promise<Written> {
    const { graph } = this.#deps.registry.get(graphId);
    const malformed = checkWrites(writes);
    if (malformed !== null) throw toClientError(malformed);
    const keys = writes.map(keyOf);
    if (attempt.retried) {
      const seq = await this.#recorded(graphId, context.id);
      if (seq !== null) return { changed: true, seq, keys };
    }
    const changed = await graph
      .transaction(context, (tx) => applyIn(tx, writes))
      .catch((error: unknown) => {
        throw withChangeIndex(error, writes, keys);
      });
    if (!changed) return { changed, seq: null, keys };
    return { changed, seq: await this.#recorded(graphId, context.id), keys };
  }

  /** The seq under which the transaction was recorded; null when capture does not record single transactions. */
  async #recorded(graphId: number, id: string): Promise<string | null> {
    const { graph, recorder } = this.#deps.registry.get(graphId);
    if (graph.capture() === 'SCAN') return null;
    await recorder.fence();
    const found = await this.#deps.history.transactionsByFeedId(graphId, [id]);
    return found.get(id)?.seq.toString() ?? null;
  }
}

/** Locks what the writes are about, applies them and stores the net changes. @returns whether there were any */
async function applyIn(tx: GraphTransaction, writes: readonly GraphWrite[]): Promise<boolean> {
  const result = applyWrites(await lockPart(tx, writes), writes);
  if (!result.ok) throw toClientError(result.error);
  if (result.changes.length > 0) await tx.write(result.changes);
  return result.changes.length > 0;
}

async function lockPart(tx: GraphTransaction, writes: readonly GraphWrite[]): Promise<GraphPart> {
  const required = requiredEntities(writes);
  const states = await tx.lock([
    ...required.nodes.map((key) => ({ kind: 'NODE', key }) as const),
    ...required.relationships.map((key) => ({ kind: 'RELATIONSHIP', key }) as const),
  ]);
  const incident = new Map<string, RelationshipState[]>(required.incidentTo.map((key) => [key, []]));
  if (incident.size > 0) {
    for (const relationship of await tx.lockIncident(required.incidentTo, MAX_INCIDENT)) {
      for (const key of new Set([relationship.start, relationship.end])) incident.get(key)?.push(relationship);
    }
  }
  return { ...byKind(states), incident };
}

function byKind(states: ReadonlyMap<EntityId, EntityState>): Pick<GraphPart, 'nodes' | 'relationships'> {
  const nodes = new Map<string, NodeState>();
  const relationships = new Map<string, RelationshipState>();
  for (const state of states.values()) {
    if (state.kind === 'NODE') nodes.set(state.key, state);
    else relationships.set(state.key, state);
  }
  return { nodes, relationships };
}

function keyOf(write: GraphWrite): string {
  if ('putNode' in write) return write.putNode.key ?? '';
  if ('putRelationship' in write) return write.putRelationship.key ?? '';
  return 'deleteNode' in write ? write.deleteNode.key : write.deleteRelationship.key;
}

function checkList(changes: readonly GraphWrite[]): void {
  if (changes.length === 0) throw InvalidInputError.field(['changes'], 'must not be empty');
  if (changes.length <= MAX_CHANGES) return;
  throw new LimitError(
    `changes: ${changes.length} are too many, at most ${MAX_CHANGES} go in one request`,
    BigInt(MAX_CHANGES),
  );
}
