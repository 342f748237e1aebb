import { randomUUID } from 'node:crypto';
import { PostgresAttachmentStore } from '../../src/adapters/postgres/attachment-store.ts';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { PostgresIdempotencyStore } from '../../src/adapters/postgres/idempotency-store.ts';
import { PostgresConflictStore } from '../../src/adapters/postgres/operation-store/conflict-store.ts';
import { PostgresPlanStore } from '../../src/adapters/postgres/operation-store/plan-store.ts';
import { PostgresOperationStore } from '../../src/adapters/postgres/operation-store/store.ts';
import { PgBossQueue } from '../../src/adapters/postgres/pg-boss-queue.ts';
import { PostgresPointStore } from '../../src/adapters/postgres/point-store.ts';
import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { PostgresSessionStore } from '../../src/adapters/postgres/session-store.ts';
import { sameState } from '../../src/core/canonical.ts';
import { type EntityChange, type EntityRef, type EntityState, entityId } from '../../src/core/entities.ts';
import { openGraph } from '../../src/main/open-graph.ts';
import type { EventBus } from '../../src/ports/event-bus.ts';
import type { JobQueue } from '../../src/ports/job-queue.ts';
import type { KnowledgeGraph } from '../../src/ports/knowledge-graph.ts';
import type { OperationRecord } from '../../src/ports/operation-store.ts';
import { auditFact } from '../../src/services/audit-facts.ts';
import type { Caller, RollbackRequest } from '../../src/services/contract.ts';
import { GraphRegistry } from '../../src/services/graph-registry.ts';
import { Idempotency } from '../../src/services/idempotency.ts';
import { MomentResolver } from '../../src/services/moment-resolver.ts';
import { PointPinner } from '../../src/services/point-pinner.ts';
import { Recorder } from '../../src/services/recorder/recorder.ts';
import type { RecorderOptions } from '../../src/services/recorder/recorder-types.ts';
import { RollbackManager } from '../../src/services/rollback-manager.ts';
import { RollbackRunner } from '../../src/services/rollback-runner.ts';
import { ScopeResolver } from '../../src/services/scope-resolver.ts';
import { SessionResolver } from '../../src/services/session-resolver.ts';
import { settingOf } from './graph-engines.ts';
import { operationRecords } from './operation-records.ts';

/** What an entity is to be after a write. */
export type Wanted = EntityState | (EntityRef & { readonly gone: true });

export const CALLER: Caller = { actor: 'tester', ip: null, userAgent: null };

export interface WorldOptions {
  /** The address of a Neo4j that is the graph. Without one it is embedded in the database. */
  readonly neo4j?: string | undefined;
  /** Changes what the runner and the manager see of the graph, to break in at chosen places. */
  readonly wrapGraph?: (graph: KnowledgeGraph) => KnowledgeGraph;
  /** Changes what the rollbacks see of any port. */
  readonly wrap?: <Port extends object>(name: string, port: Port) => Port;
  /** `direct` (the default): jobs run in this process as soon as they are sent. `none`: they do not run. */
  readonly queue?: 'pg-boss' | 'direct' | 'none';
  /** Instead of one inside the process. */
  readonly bus?: EventBus;
  readonly recording?: Partial<RecorderOptions>;
  readonly leaseMs?: number;
  readonly sweepMs?: number;
  /** Operations at a time. */
  readonly concurrency?: number;
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** The services that roll back, on a database with the service's tables, with one graph named `demo`, which is captured. */
export async function openWorld(database: PostgresStore, options: WorldOptions = {}) {
  const history = new PostgresHistory(database);
  const setting = settingOf(options.neo4j);
  const { id: graphId } = await history.openGraph('demo', setting.kind === 'embedded' ? 'EMBEDDED' : 'NEO4J');
  const { graph, bindings } = openGraph(database, graphId, setting);
  const attachments = new PostgresAttachmentStore(database);
  const { storeId } = await graph.attach();
  if (graph.kind === 'NEO4J') {
    await attachments.begin(graphId, { storeId, total: 0n }, auditFact(CALLER, 'GRAPH_ATTACHED', {}, {}));
  }
  const bus = options.bus ?? localBus();
  const clock = { now: () => new Date() };
  const keys = { next: () => randomUUID() };
  const sessions = new PostgresSessionStore(database);
  const sessionResolver = new SessionResolver({ sessions, keys, clock });
  const wrap = options.wrap ?? ((_name, port) => port);
  const plans = wrap('plans', new PostgresPlanStore(database));
  const errors: unknown[] = [];
  const recorder = new Recorder(
    {
      graphId,
      graph,
      history,
      bus,
      clock,
      keys,
      sessions: sessionResolver,
      putBack: plans,
      attachments,
      ...(bindings && { bindings }),
      onError: (e) => errors.push(e),
    },
    options.recording,
  );
  recorder.start();
  await until(async () => (await history.graph(graphId))?.captureMode === 'CONTINUOUS');
  const registry = new GraphRegistry();
  registry.add(graphId, { graph: wrap('graph', options.wrapGraph?.(graph) ?? graph), recorder });
  const points = new PostgresPointStore(database);
  const moments = new MomentResolver({ history, points, registry, clock });
  const pinner = new PointPinner({ points, moments, registry, keys, clock, bus });
  const operations = wrap('operations', new PostgresOperationStore(database, options.leaseMs));
  const conflictStore = wrap('conflicts', new PostgresConflictStore(database));
  const scopes = new ScopeResolver(history);
  const holder = randomUUID();
  const idempotency = new Idempotency({ store: new PostgresIdempotencyStore(database), keys, holder });
  const deps = {
    operations,
    plans,
    conflicts: conflictStore,
    points,
    pinner,
    history,
    registry,
    moments,
    scopes,
    bus,
    keys,
    clock,
  };
  const queue: JobQueue = queueOf(options.queue ?? 'direct', database, errors);
  const runner = new RollbackRunner(deps, queue, {
    holder,
    alone: database.engine === 'pglite',
    refreshMs: 0,
    ...(options.leaseMs !== undefined && { leaseMs: options.leaseMs }),
    ...(options.sweepMs !== undefined && { sweepMs: options.sweepMs }),
    ...(options.concurrency !== undefined && { concurrency: options.concurrency }),
    onError: (error) => errors.push(error),
  });
  const manager = new RollbackManager({ ...deps, sessions, idempotency, queue });
  await queue.start();
  await runner.start();

  const read = async (id: string): Promise<OperationRecord> => {
    const operation = await operations.get(id);
    if (operation === null) throw new Error(`no operation ${id}`);
    return operation;
  };
  /** Who runs it. */
  const lease = async (id: string): Promise<string | null> => {
    const sql = 'SELECT lease_holder AS holder FROM rollback_operations WHERE id = $1';
    const { rows } = await database.query<{ holder: string | null }>(sql, [id]);
    return rows[0]?.holder ?? null;
  };
  /** Waits for the end of an operation. */
  const settle = (id: string): Promise<OperationRecord> => untilIn(FINAL, () => read(id));
  /** Waits until an operation has ended or waits for a person, with its lease given back. */
  const rest = (id: string): Promise<OperationRecord> =>
    untilIn([...FINAL, 'CONFLICT_RESOLUTION'], async () => {
      const operation = await read(id);
      return (await lease(id)) === null ? operation : { ...operation, status: 'EXECUTING' };
    });
  const request = (input: Partial<RollbackRequest>): Promise<string> =>
    manager.request(CALLER, {
      graph: 'demo',
      dryRun: false,
      strategy: 'IMMEDIATE',
      policy: { default: 'MANUAL' },
      includeSchema: false,
      ...input,
    });
  /** One transaction by the actor; a session's name opens that session. Resolves to its seq. */
  const write = async (actor: string, wanted: readonly Wanted[], session: string | null = null): Promise<bigint> => {
    const id = keys.next();
    await graph.transaction({ id, source: 'API', actor, session, operation: null }, async (tx) => {
      const live = await tx.lock(wanted);
      const changes = wanted.map((want): EntityChange => {
        const before = live.get(entityId(want)) ?? null;
        return { kind: want.kind, key: want.key, before, after: 'gone' in want ? null : want };
      });
      await tx.write(changes.filter(({ before, after }) => !sameState(before, after)));
    });
    return (await moments.live(graphId)).seq;
  };
  /** Everything in the graph, by entity. */
  const content = async (): Promise<Record<string, EntityState>> => {
    const states: Record<string, EntityState> = {};
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      for await (const page of graph.scan(kind, 1000)) for (const state of page) states[entityId(state)] = state;
    }
    return states;
  };
  return {
    write,
    content,
    ...operationRecords(database),
    deps,
    conflictStore,
    database,
    history,
    graph,
    graphId,
    bus,
    keys,
    clock,
    sessions,
    attachments,
    plans,
    points,
    pinner,
    operations,
    registry,
    moments,
    recorder,
    queue,
    runner,
    manager,
    errors,
    request,
    settle,
    rest,
    read,
    lease,
    until,
    /** Requests a rollback and waits until it has ended or waits for a person. */
    rollback: async (input: Partial<RollbackRequest>): Promise<OperationRecord> => rest(await request(input)),
    close: async () => {
      await runner.stop();
      await queue.stop(1000);
      await recorder.stop();
      await sessionResolver.flush();
      await bus.close();
      await graph.close();
    },
  };
}

/** Waits until something holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let wait = 1; !(await holds()); wait = Math.min(50, wait * 2)) {
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
    });
  }
}

const FINAL: readonly string[] = ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED', 'ABORTED'];

async function untilIn(states: readonly string[], read: () => Promise<OperationRecord>): Promise<OperationRecord> {
  for (let wait = 1; ; wait = Math.min(50, wait * 2)) {
    const operation = await read();
    if (states.includes(operation.status)) return operation;
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
    });
  }
}

function queueOf(kind: 'pg-boss' | 'direct' | 'none', database: PostgresStore, errors: unknown[]): JobQueue {
  if (kind === 'pg-boss') return new PgBossQueue(database, { pollSeconds: 1 });
  if (kind === 'direct') return directQueue(errors);
  return { start: async () => {}, handle: async () => {}, send: async () => {}, stop: async () => {} };
}

/** Starts what is sent at once, without waiting for it. */
function directQueue(errors: unknown[]): JobQueue {
  const handlers = new Map<string, (data: { id: string }) => Promise<void>>();
  return {
    start: async () => {},
    handle: async (queue, _concurrency, work) => {
      handlers.set(queue, work);
    },
    send: async (queue, data) => {
      setImmediate(() =>
        handlers
          .get(queue)?.(data)
          .catch((error: unknown) => errors.push(error)),
      );
    },
    stop: async () => {},
  };
}

export const goneNode = (key: string): Wanted => ({ kind: 'NODE', key, gone: true });
export const goneRelationship = (key: string): Wanted => ({ kind: 'RELATIONSHIP', key, gone: true });

export function localBus(): EventBus {
  const listeners = new Map<string, Set<() => void>>();
  return {
    publish: (topic) => {
      for (const wake of listeners.get(topic) ?? []) setImmediate(wake);
    },
    subscribe: (topic, wake) => {
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set.add(wake));
      return () => set.delete(wake);
    },
    close: async () => listeners.clear(),
  };
}
