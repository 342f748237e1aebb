import { InvalidInputError, NotFoundError, StateError } from '../core/errors.ts';
import { MAX_NAME_LENGTH } from '../core/names.ts';
import type { Clock } from '../ports/clock.ts';
import type { History } from '../ports/history.ts';
import { type NewSession, SessionOpenError, type SessionRecord, type SessionStore } from '../ports/session-store.ts';
import { auditFact } from './audit-facts.ts';
import type * as contract from './contract.ts';
import type { GraphRegistry } from './graph-registry.ts';
import type { Attempt, Idempotency } from './idempotency.ts';
import type { PointPinner } from './point-pinner.ts';
import { IDLE_MS, type SessionResolver } from './session-resolver.ts';
import { writingStrategyFor } from './strategies/strategies.ts';
import { checkText } from './text-checks.ts';

/** A session that wrote within this time, or was opened within it, is at work. */
const PRESENT_MS = 5 * 60_000;

type OpenInput = Parameters<contract.SessionManager['open']>[1];
type CloseInput = Parameters<contract.SessionManager['close']>[1];

export interface SessionManagerDependencies {
  readonly history: Pick<History, 'graph' | 'graphByName' | 'sessionSummaries'>;
  readonly registry: GraphRegistry;
  readonly sessions: SessionStore;
  readonly resolver: SessionResolver;
  readonly pinner: PointPinner;
  readonly rollbacks: Pick<contract.RollbackManager, 'request'>;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
}

/** Opens and closes sessions by name. */
export class SessionManager implements contract.SessionManager {
  readonly #deps: SessionManagerDependencies;

  constructor(deps: SessionManagerDependencies) {
    this.#deps = deps;
  }

  /**
   * A name is one session's until it is closed or idle for half an hour: opening it again earlier is a StateError that names the session.
   */
  async open(caller: contract.Caller, { idempotencyKey: key, ...input }: OpenInput): Promise<string> {
    checkText(['name'], input.name, MAX_NAME_LENGTH, 1);
    checkText(['actor'], input.actor, MAX_NAME_LENGTH, 1);
    checkText(['label'], input.label, MAX_NAME_LENGTH);
    const graph = input.graph.includes('\0') ? null : await this.#deps.history.graphByName(input.graph);
    if (graph === null) throw new NotFoundError(`there is no graph ${input.graph}`);
    const call = { graph: `${graph.id}`, mutation: 'openSession', key, input, type: 'Session' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      if (attempt.retried && (await this.#deps.sessions.get(attempt.id)) !== null) return attempt.id;
      const session = this.#newSession(caller, graph.id, input, attempt);
      const pointId = input.point ? attempt.nextKey() : null;
      await this.#whileFree(session, () => this.#open(caller, session, pointId));
      return session.id;
    });
  }

  async close(caller: contract.Caller, { idempotencyKey: key, ...input }: CloseInput): Promise<string> {
    const session = await this.#deps.sessions.get(input.id);
    if (session === null) throw new NotFoundError(`there is no session ${input.id}`);
    const call = { graph: `${session.graphId}`, mutation: 'closeSession', key, input, type: 'Session' };
    return this.#deps.idempotency.run(caller, call, async (attempt) => {
      await this.#close(caller, session, attempt);
      if (input.rollback) await this.#rollBack(caller, session, input, attempt);
      return session.id;
    });
  }

  isPresent(session: { closedAt: Date | null; lastWriteAt: Date | null; openedAt: Date }): boolean {
    if (session.closedAt !== null) return false;
    const since = this.#deps.clock.now().getTime() - lastSign(session);
    return since <= PRESENT_MS;
  }

  #newSession(caller: contract.Caller, graphId: number, input: OpenInput, { id }: Attempt): NewSession {
    return {
      id,
      graphId,
      name: input.name ?? `session-${id.slice(0, 8)}`,
      actor: input.actor ?? caller.actor,
      label: input.label ?? null,
      openedAt: this.#deps.clock.now(),
    };
  }

  async #open(caller: contract.Caller, session: NewSession, pointId: string | null): Promise<void> {
    const { id, graphId, name, actor } = session;
    const opened = auditFact(caller, 'SESSION_OPENED', { sessionId: id }, { name, actor });
    if (pointId === null) await this.#deps.sessions.open(session, opened);
    else {
      const pin = {
        id: pointId,
        graphId,
        name: `Before ${name}`,
        origin: 'SESSION',
        opens: { session, audit: opened },
      } as const;
      await this.#deps.pinner.pin(caller, pin);
    }
  }

  /** Opens the session once its name is free: a session that has been idle for long gives it up. */
  async #whileFree(session: NewSession, open: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await open();
      } catch (error) {
        if (!(error instanceof SessionOpenError)) throw error;
        const other = await this.#deps.sessions.newest(session.graphId, session.name, session.actor);
        if (other === null || other.closedAt !== null) {
          if (attempt < 3) continue;
          throw error;
        }
        const idle = session.openedAt.getTime() - lastSign(other);
        if (idle <= IDLE_MS || attempt > 1) {
          throw new StateError(`session ${other.name} of ${other.actor} is open already, as ${other.id}`, 'OPEN');
        }
        await this.#deps.sessions.close(other.id, new Date(lastSign(other)), null);
        this.#deps.resolver.forget(other.id);
      }
    }
  }

  async #close(caller: contract.Caller, session: SessionRecord, { retried }: Attempt): Promise<void> {
    const { registry, sessions, resolver, clock } = this.#deps;
    if (session.closedAt !== null && !retried) throw new StateError(`session ${session.name} is closed`, 'CLOSED');
    // What was written before this call is recorded first, so that it finds its session open.
    await registry.find(session.graphId)?.recorder.fence();
    await resolver.flush();
    const fact = auditFact(caller, 'SESSION_CLOSED', { sessionId: session.id }, { name: session.name });
    const closed = await sessions.close(session.id, clock.now(), fact);
    resolver.forget(session.id);
    if (!closed && !retried) throw new StateError(`session ${session.name} is closed`, 'CLOSED');
  }

  async #rollBack(caller: contract.Caller, session: SessionRecord, input: CloseInput, attempt: Attempt): Promise<void> {
    const { history, rollbacks, sessions } = this.#deps;
    const graph = await history.graph(session.graphId);
    if (graph === null) throw InvalidInputError.field(['id'], 'is a session of a graph that is gone');
    const operation = await rollbacks.request(caller, {
      graph: graph.name,
      undo: { by: { session: session.id } },
      dryRun: false,
      strategy: await this.#strategyFor(session),
      policy: input.policy,
      includeSchema: false,
      reason: `Session ${session.name} closed with rollback`,
      idempotencyKey: attempt.id,
    });
    await sessions.setRollback(session.id, operation);
  }

  /** By how much the session changed; an entity counts as often as it did. */
  async #strategyFor({ id, graphId }: SessionRecord) {
    const { history, registry } = this.#deps;
    const summary = (await history.sessionSummaries([id])).get(id);
    const changes = Object.values(summary ?? {}).reduce((sum: bigint, count: bigint) => sum + count, 0n);
    return writingStrategyFor(changes, registry.get(graphId).graph);
  }
}

/** When the session last showed itself. */
function lastSign({ openedAt, lastWriteAt }: Pick<SessionRecord, 'openedAt' | 'lastWriteAt'>): number {
  return Math.max(openedAt.getTime(), lastWriteAt?.getTime() ?? 0);
}
