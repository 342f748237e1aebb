import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityId, EntityKind, EntityRef, EntityState } from '../../core/entities.ts';
import { CaptureError, withRefused } from '../../core/errors.ts';
import type { FullTransaction } from '../../core/recording-types.ts';
import { type Database, isRetryable, type SqlExecutor } from '../../ports/database.ts';
import type { GraphConstraints } from '../../ports/graph-constraints.ts';
import type {
  Attachment,
  BaselinePage,
  CaptureFinding,
  GraphCapture,
  GraphTransaction,
  KnowledgeGraph,
  Pending,
  SchemaItem,
  WriteContext,
} from '../../ports/knowledge-graph.ts';
import { toConstraintError } from './constraint-errors.ts';
import { EmbeddedConstraints } from './constraints.ts';
import { Feed } from './feed.ts';
import { graphSchema } from './graph-schema.ts';
import { inspect } from './inspection.ts';
import { install } from './installation.ts';
import { claimMarker, setMarker } from './markers.ts';
import { acknowledge, pending } from './outbox.ts';
import { lockIncident, readPage, readStates } from './reading.ts';
import { readSchema } from './schema-items.ts';
import { writeChanges } from './writes.ts';

const FIRST_BACKOFF_MS = 10;

export interface EmbeddedGraphOptions {
  /** Longest wait for another writer's row lock, in milliseconds. Only a server enforces it. */
  readonly lockTimeoutMs?: number;
  /** Longest time one statement of a graph transaction may take, in milliseconds. Only a server enforces it. */
  readonly statementTimeoutMs?: number;
  /** How often a transaction is tried that ends in a deadlock or a serialisation failure. */
  readonly attempts?: number;
  /** Longest time that a graph transaction may keep its locks while nothing comes from its instance, in milliseconds. Only a server enforces it. */
  readonly idleTimeoutMs?: number;
  /** The PostgreSQL schema, quoted, when it is not `graph_<name>`. */
  readonly schema?: string;
}

/** A knowledge graph in two tables of the PostgreSQL schema `graph_<name>`, on a server or on PGlite. */
export class EmbeddedGraph implements KnowledgeGraph {
  readonly kind = 'EMBEDDED';
  readonly name: string;
  readonly immediateLimit: number;
  readonly order = 'EXACT';
  readonly scanOrder = 'KEY';
  readonly countsAtOnce = false;
  readonly stamp = null;
  readonly constraints: GraphConstraints;
  readonly #database: Database;
  readonly #schema: string;
  readonly #options: Required<Omit<EmbeddedGraphOptions, 'schema'>>;
  #capture: GraphCapture = 'OFF';

  /** @throws InvalidInputError when the name is not `[a-z][a-z0-9_]{0,40}` */
  constructor(database: Database, name: string, options: EmbeddedGraphOptions = {}) {
    this.#database = database;
    this.name = name;
    this.#schema = options.schema ?? graphSchema(name);
    this.constraints = new EmbeddedConstraints(database, this.#schema);
    this.immediateLimit = database.engine === 'pglite' ? 20_000 : 50_000;
    this.#options = {
      lockTimeoutMs: 10_000,
      statementTimeoutMs: 60_000,
      attempts: 5,
      idleTimeoutMs: 30_000,
      ...options,
    };
  }

  async attach(): Promise<Attachment> {
    const { storeId, isNew } = await install(this.#database, this.#schema);
    this.#capture = 'CONTINUOUS';
    return { mode: 'CONTINUOUS', storeId, isNew };
  }

  capture(): GraphCapture {
    return this.#capture;
  }

  async detach(): Promise<void> {
    throw new CaptureError('an embedded graph is always attached: its capture is part of its tables', 'CONTINUOUS');
  }

  /** Nothing: the tables came with their capture, so every entity in them is in the feed. */
  async *baseline(): AsyncGenerator<BaselinePage> {}

  async transaction<T>(context: WriteContext, work: (tx: GraphTransaction) => Promise<T>): Promise<T> {
    const { attempts, statementTimeoutMs } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        const run = async (tx: SqlExecutor) => {
          await this.#enter(tx, context);
          return work(this.#transactionOn(tx));
        };
        return await this.#database.transaction(run, { isolation: 'read committed', statementTimeoutMs });
      } catch (error) {
        // A deferred constraint of the user's own speaks only at commit.
        if (attempt >= attempts || !isRetryable(error)) throw toConstraintError(error);
      }
      await sleep(Math.random() * FIRST_BACKOFF_MS * 2 ** attempt);
    }
  }

  read(refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState>> {
    return readStates(this.#database, this.#schema, refs, false);
  }

  async *scan(kind: EntityKind, pageSize: number): AsyncGenerator<readonly EntityState[]> {
    for (let after = ''; ; ) {
      const page = await readPage(this.#database, this.#schema, kind, after, pageSize);
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      after = last.key;
    }
  }

  readSchema(): Promise<readonly SchemaItem[]> {
    return readSchema(this.#database, this.#schema);
  }

  /** Counts by scanning both tables' indexes: for verification, not for every request. */
  async count(): Promise<{ nodes: bigint; relationships: bigint }> {
    const { rows } = await this.#database.query<{ nodes: bigint; relationships: bigint }>(
      `SELECT (SELECT count(*) FROM ${this.#schema}.nodes) AS nodes,
              (SELECT count(*) FROM ${this.#schema}.relationships) AS relationships`,
    );
    return rows[0] ?? { nodes: 0n, relationships: 0n };
  }

  pending(): Promise<Pending> {
    return pending(this.#database, this.#schema);
  }

  feed(maxChanges: number): AsyncIterable<readonly FullTransaction[]> {
    return new Feed(this.#database, this.#schema, maxChanges).slices();
  }

  acknowledge(ids: readonly string[]): Promise<void> {
    return acknowledge(this.#database, this.#schema, ids);
  }

  inspectCapture(): Promise<readonly CaptureFinding[]> {
    return inspect(this.#database, this.#schema);
  }

  async settleIncidents(incidents: readonly string[]): Promise<void> {
    await this.#database.query(`DELETE FROM ${this.#schema}.incidents WHERE id::text = ANY($1::text[])`, [incidents]);
  }

  async forgetMarker(operation: string): Promise<void> {
    await this.#database.query(`DELETE FROM ${this.#schema}.markers WHERE operation = $1`, [operation]);
  }

  /** Nothing to do: the database belongs to whoever opened it. */
  async close(): Promise<void> {}

  /**
   * Says who writes, and how statements are to be planned: a write seeks its entities by key. The planner would rather read the whole table for
   * more than a few hundred keys, which makes what a write costs depend on the size of the graph.
   */
  async #enter(tx: SqlExecutor, context: WriteContext): Promise<void> {
    const { id, source, actor, session, operation } = context;
    const { lockTimeoutMs, idleTimeoutMs } = this.#options;
    await tx.query(
      `SELECT set_config('palinode.source', $1, true), set_config('palinode.actor', $2, true),
              set_config('palinode.session', $3, true), set_config('palinode.operation', $4, true),
              set_config('palinode.id', $5, true), set_config('lock_timeout', $6, true),
              set_config('idle_in_transaction_session_timeout', $7, true),
              set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`,
      [source, actor ?? '', session ?? '', operation ?? '', id, `${lockTimeoutMs}`, `${idleTimeoutMs}`],
    );
  }

  #transactionOn(tx: SqlExecutor): GraphTransaction {
    const schema = this.#schema;
    return {
      lock: (refs) => readStates(tx, schema, refs, true),
      lockIncident: (nodeKeys, limit) => lockIncident(tx, schema, nodeKeys, limit),
      claimMarker: (operation, token) => claimMarker(tx, schema, operation, token),
      setMarker: (operation, marker) => setMarker(tx, schema, operation, marker),
      write: async (changes) => {
        try {
          await writeChanges(tx, schema, changes);
        } catch (error) {
          throw withRefused(toConstraintError(error, changes), changes);
        }
      },
    };
  }
}
