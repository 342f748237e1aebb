import { InvalidInputError } from '../core/errors.ts';
import type { At, Moment } from '../core/moments.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { Keys } from '../ports/keys.ts';
import type { PointOrigin, PointSession, PointStore } from '../ports/point-store.ts';
import { auditFact } from './audit-facts.ts';
import type { Caller } from './contract.ts';
import type { GraphRegistry } from './graph-registry.ts';
import type { MomentResolver } from './moment-resolver.ts';

export interface PinRequest {
  readonly id: string;
  readonly graphId: number;
  readonly name: string;
  /** Absent: now. */
  readonly at?: At | null;
  readonly origin: PointOrigin;
  readonly description?: string | null;
  readonly expiresAt?: Date | null;
  readonly held?: boolean;
  readonly sessionId?: string | null;
  readonly metadata?: unknown;
  /** The id of a full archive to begin with the point. */
  readonly archiveId?: string | null;
  /** A session to open with the point as its own. */
  readonly opens?: PointSession;
}

export interface PointPinnerDependencies {
  readonly points: Pick<PointStore, 'create'>;
  readonly moments: MomentResolver;
  readonly registry: GraphRegistry;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly bus: EventBus;
}

/** Pins points: one fence and one statement, whatever the size of the graph. */
export class PointPinner {
  readonly #deps: PointPinnerDependencies;

  constructor(deps: PointPinnerDependencies) {
    this.#deps = deps;
  }

  /**
   * Stores a point at the cut that `at` names. Its states CREATED and CAPTURING pass within the statement that stores it.
   * @throws CaptureError during a gap in capture; SessionOpenError when `opens` names a session that is open; whatever resolving the moment throws
   */
  async pin(caller: Caller | null, request: PinRequest): Promise<{ id: string; seq: bigint }> {
    const { points, moments, registry, keys, clock, bus } = this.#deps;
    const { id, graphId, name, origin } = request;
    const live = request.at === undefined || request.at === null || isLive(request.at);
    const { graph, recorder } = registry.get(graphId);
    const moment = async (): Promise<Moment> => {
      await recorder.certainFence();
      if (!live) return moments.resolve(graphId, request.at ?? { keyword: 'LIVE' }, ['at']);
      return graph.capture() === 'SCAN' ? moments.live(graphId) : moments.recorded(graphId);
    };
    const [{ seq, time }, schema] = await Promise.all([moment(), live ? graph.readSchema() : null]);
    const point = {
      id,
      snapshotId: keys.next(),
      graphId,
      name,
      description: request.description ?? null,
      seq,
      origin,
      expiresAt: request.expiresAt ?? null,
      held: request.held ?? false,
      sessionId: request.sessionId ?? request.opens?.session.id ?? null,
      metadata: request.metadata,
      schema,
      createdBy: caller?.actor ?? null,
      createdAt: clock.now(),
      archiveId: request.archiveId ?? null,
    };
    const states = ['CREATED', 'CAPTURING', 'STORED'];
    const data = { name, origin, seq, time, states, ...(point.archiveId !== null && { archive: point.archiveId }) };
    const fact = auditFact(caller, 'POINT_CREATED', { pointId: id, sessionId: point.sessionId }, data);
    if (!(await points.create(point, fact, request.opens))) {
      throw InvalidInputError.field(['at'], `transaction ${seq} is not recorded`);
    }
    bus.publish(`point:${id}`);
    return { id, seq };
  }
}

function isLive(at: At): boolean {
  return 'keyword' in at && at.keyword === 'LIVE';
}
