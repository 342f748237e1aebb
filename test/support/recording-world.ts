import { EmbeddedGraph } from '../../src/adapters/embedded-graph/embedded-graph.ts';
import { MemoryEventBus } from '../../src/adapters/memory/event-bus.ts';
import { PostgresHistory } from '../../src/adapters/postgres/history/postgres-history.ts';
import { systemClock } from '../../src/adapters/system/clock.ts';
import { randomKeys } from '../../src/adapters/system/keys.ts';
import type { EntityKind, EntityState } from '../../src/core/entities.ts';
import type { Database } from '../../src/ports/database.ts';
import type { GraphRecord, History, RecordedTransaction } from '../../src/ports/history.ts';
import { Recorder } from '../../src/services/recorder/recorder.ts';
import type { RecorderDeps, RecorderOptions } from '../../src/services/recorder/recorder-types.ts';

/** An embedded graph with its history, and recorders for it. */
export class RecordingWorld {
  readonly graph: EmbeddedGraph;
  readonly history: History;
  readonly bus = new MemoryEventBus();
  readonly database: Database;
  readonly graphId: number;
  readonly #recorders: Recorder[] = [];

  private constructor(database: Database, graph: EmbeddedGraph, graphId: number) {
    this.database = database;
    this.graph = graph;
    this.graphId = graphId;
    this.history = new PostgresHistory(database);
  }

  static async open(database: Database, name: string): Promise<RecordingWorld> {
    const graph = new EmbeddedGraph(database, name);
    await graph.attach();
    const { id } = await new PostgresHistory(database).openGraph(name, 'EMBEDDED');
    return new RecordingWorld(database, graph, id);
  }

  recorder(deps: Partial<RecorderDeps> = {}, options: Partial<RecorderOptions> = {}): Recorder {
    const { graphId, graph, history, bus } = this;
    const sessions: RecorderDeps['sessions'] = { resolve: async (_, text) => `id of ${text}` };
    const putBack: RecorderDeps['putBack'] = { originsFor: async () => new Map() };
    const own = { graphId, graph, history, bus, clock: systemClock, keys: randomKeys, sessions, putBack };
    const recorder = new Recorder({ ...own, ...deps }, { inspectMs: 0, ...options });
    this.#recorders.push(recorder);
    return recorder;
  }

  /** Runs plain SQL in one transaction, with `nodes` and `relationships` standing for the graph's tables. */
  async sql(...statements: string[]): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query(`SELECT set_config('search_path', $1, true)`, [`graph_${this.graph.name}, public`]);
      for (const statement of statements) await tx.query(statement);
    });
  }

  /** Runs plain SQL that capture does not see, by switching its triggers off and on. */
  async unseen(...statements: string[]): Promise<void> {
    const all = (action: string) =>
      ['nodes', 'relationships'].map((table) => `ALTER TABLE ${table} ${action} TRIGGER USER`);
    const always = await this.#triggers();
    await this.sql(...all('DISABLE'), ...statements, ...always);
  }

  async record(): Promise<GraphRecord> {
    const graph = await this.history.graph(this.graphId);
    if (graph === null) throw new Error('no such graph');
    return graph;
  }

  async transactions(): Promise<readonly RecordedTransaction[]> {
    return (await this.history.transactions(this.graphId, { since: 0n }, { limit: 1000 })).items;
  }

  /** What the graph holds now, and what history says it holds. */
  async compared(): Promise<{ live: readonly EntityState[]; recorded: readonly EntityState[] }> {
    const { head } = await this.record();
    const live: EntityState[] = [];
    const recorded: EntityState[] = [];
    for (const kind of ['NODE', 'RELATIONSHIP'] satisfies EntityKind[]) {
      for await (const page of this.graph.scan(kind, 1000)) live.push(...page);
      recorded.push(...(await this.history.scanAt(this.graphId, head.seq, { kind }, { limit: 10_000 })).items);
    }
    return { live, recorded };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#recorders.map((recorder) => recorder.stop()));
  }

  async #triggers(): Promise<string[]> {
    const { rows } = await this.database.query<{ relation: string; name: string }>(
      `SELECT c.relname AS relation, t.tgname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname IN ('nodes', 'relationships') AND NOT t.tgisinternal`,
      [`graph_${this.graph.name}`],
    );
    return rows.map(({ relation, name }) => `ALTER TABLE ${relation} ENABLE ALWAYS TRIGGER ${name}`);
  }
}

/** The same object with some methods replaced. */
export function overriding<T extends object>(target: T, replaced: Partial<T>): T {
  return new Proxy(target, {
    get(object, name) {
      const own: unknown = Reflect.get(replaced, name) ?? Reflect.get(object, name);
      return typeof own === 'function' ? own.bind(object) : own;
    },
  });
}
