import '../adapters/system/json-parse.ts';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { FileBlobStore } from '../adapters/blobs/file-blob-store.ts';
import { EmbeddedScratchGraphs } from '../adapters/embedded-graph/scratch-graphs.ts';
import { MemoryEventBus } from '../adapters/memory/event-bus.ts';
import { PostgresArchiveStore } from '../adapters/postgres/archive-store.ts';
import { PostgresAttachmentStore } from '../adapters/postgres/attachment-store.ts';
import { PostgresHistory } from '../adapters/postgres/history/postgres-history.ts';
import { PostgresIdempotencyStore } from '../adapters/postgres/idempotency-store.ts';
import { PostgresConflictStore } from '../adapters/postgres/operation-store/conflict-store.ts';
import { PostgresOperationEvents } from '../adapters/postgres/operation-store/event-reader.ts';
import { PostgresPlanStore } from '../adapters/postgres/operation-store/plan-store.ts';
import { PostgresOperationStore } from '../adapters/postgres/operation-store/store.ts';
import { PgBossQueue } from '../adapters/postgres/pg-boss-queue.ts';
import { PostgresPointStore } from '../adapters/postgres/point-store.ts';
import type { PostgresStore } from '../adapters/postgres/postgres-store.ts';
import { PostgresRehearsalStore } from '../adapters/postgres/rehearsal-store.ts';
import { PostgresSchemaReadings } from '../adapters/postgres/schema-readings.ts';
import { PostgresSessionStore } from '../adapters/postgres/session-store.ts';
import { PostgresVerificationStore } from '../adapters/postgres/verification-store.ts';
import { RedisEventBus } from '../adapters/redis/event-bus.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { randomKeys } from '../adapters/system/keys.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { GraphRecord, History } from '../ports/history.ts';
import type { Keys } from '../ports/keys.ts';
import type { KnowledgeGraph } from '../ports/knowledge-graph.ts';
import type { SessionStore } from '../ports/session-store.ts';
import { Archiver, type ArchiverOptions } from '../services/archives/archiver.ts';
import type { Services } from '../services/contract.ts';
import { DiffEngine } from '../services/diff-engine.ts';
import { Feeds } from '../services/feeds.ts';
import { GraphAttacher } from '../services/graph-attacher.ts';
import { GraphHost, type HostedGraph } from '../services/graph-host.ts';
import { GraphReader } from '../services/graph-reader.ts';
import { GraphRegistry } from '../services/graph-registry.ts';
import { GraphWriter } from '../services/graph-writer.ts';
import { Idempotency, KEPT_MS } from '../services/idempotency.ts';
import { MomentResolver } from '../services/moment-resolver.ts';
import { PointPinner } from '../services/point-pinner.ts';
import { Recorder } from '../services/recorder/recorder.ts';
import { Rehearser } from '../services/rehearsal/rehearser.ts';
import { RollbackManager } from '../services/rollback-manager.ts';
import { RollbackRunner } from '../services/rollback-runner.ts';
import { SchemaReader } from '../services/schema-reader.ts';
import { ScopeResolver } from '../services/scope-resolver.ts';
import { SessionManager } from '../services/session-manager.ts';
import { SessionResolver } from '../services/session-resolver.ts';
import { SnapshotManager } from '../services/snapshot-manager.ts';
import { Verifier } from '../services/verifier.ts';

import { logger, reduced } from './logger.ts';
import { openGraph } from './open-graph.ts';
import type { Settings } from './settings.ts';

/** The service of one process, everything but the doors. */
export interface Assembly {
  readonly services: Services;
  readonly history: History;
  readonly sessions: Pick<SessionStore, 'newest'>;
  readonly registry: GraphRegistry;
  readonly keys: Keys;
  readonly graphs: readonly GraphRecord[];
  /** Lets running work end, within about `graceMs`, and hands on what is left. The store stays open. */
  stop(graceMs: number): Promise<void>;
}

export interface AssembleOptions {
  readonly graphs: Settings['graphs'];
  readonly redisUrls: Settings['redisUrls'];
  /** Where blobs are kept, in a folder of its own; instances on one database share it. */
  readonly dataFolder: Settings['dataFolder'];
  readonly verifyEveryHours?: Settings['verifyEveryHours'];
  /** Lets tests stand between the services and a graph. */
  readonly wrapGraph?: (graph: KnowledgeGraph) => KnowledgeGraph;
  readonly wrapBlobs?: (blobs: BlobStore) => BlobStore;
  readonly archiving?: Pick<ArchiverOptions, 'chunkBytes' | 'leaseMs' | 'sweepMs'>;
}

/** Puts the service together on a migrated store, serves the graphs that are attached and starts what runs in the background. */
export async function assemble(store: PostgresStore, options: AssembleOptions): Promise<Assembly> {
  const clock = systemClock;
  const keys = randomKeys;
  const holder = randomUUID();
  const bus = openBus(options.redisUrls);
  const history = new PostgresHistory(store);
  const points = new PostgresPointStore(store);
  const sessions = new PostgresSessionStore(store);
  const plans = new PostgresPlanStore(store);
  const conflicts = new PostgresConflictStore(store);
  const operations = new PostgresOperationStore(store);
  const verifications = new PostgresVerificationStore(store);
  const idempotency = new Idempotency({ store: new PostgresIdempotencyStore(store), keys, holder });
  const queue = new PgBossQueue(store, {
    onError: (error) => logger.warn({ error: reduced(error) }, 'the job queue had a problem'),
  });
  const resolver = new SessionResolver({ sessions, keys, clock });
  const registry = new GraphRegistry();
  const attachments = new PostgresAttachmentStore(store);
  const schemas = new PostgresSchemaReadings(store);
  const graphs: GraphRecord[] = [];
  const hosted: HostedGraph[] = [];
  for (const setting of options.graphs) {
    const record = await history.openGraph(setting.name, setting.kind === 'embedded' ? 'EMBEDDED' : 'NEO4J');
    const opened = openGraph(store, record.id, setting);
    const graph = options.wrapGraph?.(opened.graph) ?? opened.graph;
    const recorderDeps = {
      graphId: record.id,
      graph,
      history,
      bus,
      clock,
      keys,
      sessions: resolver,
      putBack: plans,
      attachments,
      ...(opened.bindings && { bindings: opened.bindings }),
      onError: (error: unknown): void => {
        logger.warn({ graph: setting.name, error: reduced(error) }, 'recording failed and will be tried again');
        host.troubled(record.id, error);
      },
      onSuccess: () => host.recovered(record.id),
    };
    const { id, name } = record;
    const attachAtStart = setting.kind === 'neo4j' && setting.attach;
    hosted.push({ id, name, graph, attachAtStart, recorder: () => new Recorder(recorderDeps) });
    graphs.push(record);
  }
  const host = new GraphHost(
    {
      history,
      attachments,
      registry,
      schemas,
      bus,
      clock,
      onError: (error, graph) =>
        logger.warn({ graph, error: reduced(error) }, 'the graph could not be served and will be tried again'),
    },
    hosted,
  );

  const moments = new MomentResolver({ history, points, registry, clock });
  const scopes = new ScopeResolver(history);
  const pinner = new PointPinner({ points, moments, registry, keys, clock, bus });
  const rollbackDeps = {
    operations,
    plans,
    conflicts,
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
  const rollbacks = new RollbackManager({ ...rollbackDeps, sessions, idempotency, queue, attachments });
  const runner = new RollbackRunner(rollbackDeps, queue, {
    holder,
    alone: store.engine === 'pglite',
    onError: (error, operation) =>
      logger.warn({ operation, error: reduced(error) }, 'a rollback was interrupted and will be taken up again'),
  });
  const onError = (error: unknown): void =>
    logger.warn({ error: reduced(error) }, 'work in the background failed and will be tried again');
  const archives = new PostgresArchiveStore(store);
  const files = new FileBlobStore(join(options.dataFolder, 'blobs'));
  const blobs = options.wrapBlobs?.(files) ?? files;
  const archiver = new Archiver(
    { archives, blobs, points, history, scopes, idempotency, queue, bus, keys, clock },
    {
      holder,
      alone: store.engine === 'pglite',
      onError: (error, archive) => logger.warn({ archive, error: reduced(error) }, 'an archive was not written'),
      ...options.archiving,
    },
  );
  const snapshots = new SnapshotManager({
    history,
    points,
    sessions,
    pinner,
    archiver,
    archives,
    blobs,
    idempotency,
    queue,
    bus,
    clock,
    onError,
  });
  const rehearsalDeps = {
    ...rollbackDeps,
    rehearsals: new PostgresRehearsalStore(store),
    scratches: new EmbeddedScratchGraphs(store),
    idempotency,
    queue,
  };
  const rehearsals = new Rehearser(rehearsalDeps, { holder, alone: store.engine === 'pglite', onError });
  const everyMs = options.verifyEveryHours === undefined ? undefined : options.verifyEveryHours * 3_600_000;
  const verifier = new Verifier({
    history,
    attachments,
    verifications,
    registry,
    schemas,
    clock,
    idempotency,
    queue,
    bus,
    holder,
    everyMs,
    onError: (error, verification) => logger.warn({ verification, error: reduced(error) }, 'a verification failed'),
  });
  const services: Services = {
    graphs: new GraphReader({ history, registry, moments, scopes, clock }),
    writer: new GraphWriter({ history, registry, sessions, idempotency }),
    sessions: new SessionManager({ history, registry, sessions, resolver, pinner, rollbacks, idempotency, clock }),
    snapshots,
    archives: archiver,
    diffs: new DiffEngine({ history, moments, scopes }),
    schemas: new SchemaReader({ schemas, registry, moments, clock }),
    rollbacks,
    verifier,
    rehearsals,
    attacher: new GraphAttacher({ history, host, idempotency }),
    feeds: new Feeds({ events: new PostgresOperationEvents(store), history, points, bus }),
  };

  await queue.start();
  await host.start();
  await runner.start();
  await rehearsals.start();
  await verifier.start();
  await archiver.start();
  await snapshots.start();
  // The schedule of verifications has a key for each of its spans of time, which has to hold to the span's end.
  idempotency.start(KEPT_MS + (everyMs ?? 0), onError);

  return {
    services,
    history,
    sessions,
    registry,
    keys,
    graphs,
    async stop(graceMs) {
      idempotency.stop();
      snapshots.stop();
      await archiver.stop();
      verifier.stop();
      await runner.stop();
      await rehearsals.stop();
      await queue.stop(graceMs);
      await host.stop();
      await resolver.flush();
      await bus.close();
    },
  };
}

function openBus(redisUrls: readonly string[]): EventBus {
  if (redisUrls.length === 0) return new MemoryEventBus();
  return new RedisEventBus({
    url: redisUrls.join(','),
    onError: (error) => logger.warn({ error: reduced(error) }, 'Redis cannot be reached'),
  });
}
