import { MemoryEventBus } from '../../src/adapters/memory/event-bus.ts';
import { Connection } from '../../src/adapters/neo4j/connection.ts';
import { Neo4jGraph, type Neo4jGraphOptions } from '../../src/adapters/neo4j/neo4j-graph.ts';
import { OwnMetadata } from '../../src/adapters/neo4j/own-metadata.ts';
import { type TriggerCaptureOptions, triggerCapture } from '../../src/adapters/neo4j/trigger/trigger-capture.ts';
import { PostgresBindings } from '../../src/adapters/postgres/bindings.ts';
import { PostgresCaptureSecret } from '../../src/adapters/postgres/capture-secret.ts';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { randomKeys } from '../../src/adapters/system/keys.ts';
import { type EntityId, type EntityState, entityId } from '../../src/core/entities.ts';
import type { CaptureSecret } from '../../src/ports/capture-secret.ts';
import type { Database } from '../../src/ports/database.ts';
import type { GraphRecord, RecordedTransaction } from '../../src/ports/history.ts';
import { Recorder } from '../../src/services/recorder/recorder.ts';
import type { RecorderDeps, RecorderOptions } from '../../src/services/recorder/recorder-types.ts';
import { wipe } from './neo4j-graphs.ts';
import { liveByCypher } from './plain-cypher.ts';

/** A Neo4j graph with its history, and a recorder between them. */
export class Neo4jRecording {
  readonly graph: Neo4jGraph;
  readonly history: PostgresHistory;
  readonly recorder: Recorder;
  readonly connection: Connection;
  readonly graphId: number;
  /** What its recorder is made of. */
  readonly deps: RecorderDeps;
  readonly secret: CaptureSecret;
  readonly #key: string;

  private constructor(
    graph: Neo4jGraph,
    history: PostgresHistory,
    recorder: Recorder,
    at: { url: string; deps: RecorderDeps; key: string; secret: CaptureSecret },
  ) {
    this.graph = graph;
    this.history = history;
    this.recorder = recorder;
    this.connection = new Connection({ url: at.url });
    this.graphId = at.deps.graphId;
    this.deps = at.deps;
    this.#key = at.key;
    this.secret = at.secret;
  }

  /** Of an empty database, attached. */
  static async open(
    database: Database,
    url: string,
    name: string,
    {
      capture = {},
      graph: graphOptions = {},
      recorder: recorderOptions = {},
      deps = {},
    }: {
      capture?: TriggerCaptureOptions;
      graph?: Neo4jGraphOptions;
      recorder?: Partial<RecorderOptions>;
      deps?: Partial<RecorderDeps>;
    } = {},
  ): Promise<Neo4jRecording> {
    const connection = new Connection({ url });
    await wipe(connection);
    await connection.close();
    const history = new PostgresHistory(database);
    const { id } = await history.openGraph(name, 'NEO4J');
    await database.query(`UPDATE graphs SET capture_mode = 'CONTINUOUS' WHERE id = $1`, [id]);
    const bindings = new PostgresBindings(database, id);
    const secret = new PostgresCaptureSecret(database, id);
    const graph = new Neo4jGraph(name, { url }, { bindings, secret }, triggerCapture(capture), graphOptions);
    await graph.attach();
    const sessions: RecorderDeps['sessions'] = { resolve: async (_, text) => text };
    const putBack: RecorderDeps['putBack'] = { originsFor: async () => new Map() };
    const own = {
      graphId: id,
      graph,
      history,
      bindings,
      bus: new MemoryEventBus(),
      clock: systemClock,
      keys: randomKeys,
    };
    const all = { ...own, sessions, putBack, ...deps };
    const recorder = new Recorder(all, { inspectMs: 0, ...recorderOptions });
    const key = graphOptions.keyProperty ?? 'palinodeKey';
    return new Neo4jRecording(graph, history, recorder, { url, deps: all, key, secret });
  }

  async close(): Promise<void> {
    await this.recorder.stop();
    await this.graph.close();
    await wipe(this.connection);
    await this.connection.close();
  }

  /** One transaction of a user's, over Bolt. */
  async write(
    text: string,
    params: Readonly<Record<string, unknown>> = {},
    metadata?: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    await this.connection.write(metadata === undefined ? {} : { metadata }, (tx) => tx.run(text, params));
  }

  /** One transaction as the service's own housekeeping, which capture does not look at. */
  async unseen(text: string): Promise<void> {
    await this.write(text, {}, await new OwnMetadata(this.secret).housekeeping());
  }

  async record(): Promise<GraphRecord> {
    const graph = await this.history.graph(this.graphId);
    if (graph === null) throw new Error('no such graph');
    return graph;
  }

  async transactions(): Promise<readonly RecordedTransaction[]> {
    return (await this.history.transactions(this.graphId, { since: 0n }, { limit: 10_000 })).items;
  }

  /** What history says that the graph held at a moment, now unless told. */
  async recorded(seq?: bigint): Promise<Map<EntityId, EntityState>> {
    const at = seq ?? (await this.record()).head.seq;
    const states = new Map<EntityId, EntityState>();
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      const page = await this.history.scanAt(this.graphId, at, { kind }, { limit: 100_000 });
      for (const state of page.items) states.set(entityId(state), state);
    }
    return states;
  }

  /** What the graph holds, read by plain Cypher. */
  live(): Promise<Map<EntityId, EntityState>> {
    return liveByCypher(this.connection, this.#key);
  }
}
