import type { EntityId, EntityKind, EntityRef, EntityState } from '../../core/entities.ts';
import type { Bindings } from '../../ports/bindings.ts';
import type { CaptureSecret } from '../../ports/capture-secret.ts';
import type { GraphConstraints } from '../../ports/graph-constraints.ts';
import type {
  Attachment,
  BaselinePage,
  CapturedTransaction,
  CaptureFinding,
  EndedCapture,
  GraphCapture,
  GraphStamp,
  GraphTransaction,
  KnowledgeGraph,
  Pending,
  SchemaItem,
  WriteContext,
} from '../../ports/knowledge-graph.ts';
import type { Capture } from './capture.ts';
import { Connection, type ConnectionOptions, type Neo4jAddress } from './connection.ts';
import type { Locking } from './entities/cypher.ts';
import { EntityStore } from './entities/entity-store.ts';
import { rethrow, toGraphError } from './errors.ts';
import { DEFAULT_KEY_PROPERTY } from './names.ts';
import { Notices } from './notices.ts';
import { OwnMetadata } from './own-metadata.ts';
import { Neo4jConstraints } from './schema/constraints.ts';
import { changeSchema } from './schema/schema-changes.ts';
import { stampIn } from './stamp.ts';
import { readStoreId } from './store-id.ts';

export interface Neo4jGraphOptions extends ConnectionOptions {
  /** The property that holds keys: the service's own unless told. One of the user's own is never written on what exists. */
  readonly keyProperty?: string | undefined;
  /** Properties that other triggers compute: no part of any state. */
  readonly derivedProperties?: readonly string[] | undefined;
}

/** What the service keeps of a graph outside of it. */
export interface Kept {
  readonly bindings: Bindings;
  readonly secret: CaptureSecret;
}

/** What a capture is made of. */
export interface CaptureParts extends Kept {
  readonly name: string;
  readonly connection: Connection;
  readonly own: OwnMetadata;
  readonly keyProperty: string;
  readonly derivedProperties: readonly string[];
  /** Where what reading shows is left. */
  readonly notices: Notices;
  /** Entities of the graph, once it can be reached. */
  readonly entities: () => Promise<EntityStore>;
}

/** A knowledge graph in a Neo4j database, reached over Bolt. */
export class Neo4jGraph implements KnowledgeGraph {
  readonly kind = 'NEO4J';
  readonly order = 'STAMPS';
  readonly scanOrder = 'NONE';
  readonly immediateLimit = 50_000;
  readonly name: string;
  readonly countsAtOnce: boolean;
  readonly stamp: GraphStamp;
  readonly constraints: GraphConstraints;
  readonly notices = new Notices();
  readonly #connection: Connection;
  readonly #parts: CaptureParts;
  readonly #capture: Capture;
  #entities: Promise<EntityStore> | null = null;
  #mode: GraphCapture = 'OFF';

  /** Connects to nothing yet. @throws InvalidInputError when the key property is no plain name */
  constructor(
    name: string,
    address: Neo4jAddress,
    kept: Kept,
    captureFor: (parts: CaptureParts) => Capture,
    options: Neo4jGraphOptions = {},
  ) {
    const { keyProperty = DEFAULT_KEY_PROPERTY, derivedProperties = [], ...rest } = options;
    this.name = name;
    this.#connection = new Connection(address, rest);
    this.constraints = new Neo4jConstraints(this.#connection, keyProperty);
    // What lacks a key of the user's own is counted by Neo4j and not recorded.
    this.countsAtOnce = keyProperty === DEFAULT_KEY_PROPERTY;
    const own = new OwnMetadata(kept.secret);
    this.stamp = stampIn(this.#connection, own);
    this.#parts = {
      ...kept,
      name,
      connection: this.#connection,
      own,
      keyProperty,
      derivedProperties,
      notices: this.notices,
      entities: () => this.#store(),
    };
    this.#capture = captureFor(this.#parts);
  }

  async attach(before: (found: Attachment) => Promise<void> = async () => {}): Promise<Attachment> {
    const attachment = await this.#capture.attach(before).catch(rethrow);
    this.#mode = attachment.mode;
    return attachment;
  }

  capture(): GraphCapture {
    return this.#mode;
  }

  async detach(options: { readonly removeKeys: boolean }): Promise<void> {
    await this.#capture.detach(options).catch(rethrow);
    this.#mode = 'OFF';
  }

  removeLeft(ended: EndedCapture): Promise<boolean> {
    return this.#capture.removeLeft(ended).catch(rethrow);
  }

  baseline(after: string | null, pageSize: number): AsyncIterable<BaselinePage> {
    return translated(this.#capture.baseline(after, pageSize));
  }

  async transaction<T>(context: WriteContext, work: (tx: GraphTransaction) => Promise<T>): Promise<T> {
    const entities = await this.#store();
    return entities.transaction(context, work);
  }

  async read(refs: readonly EntityRef[]): Promise<Map<EntityId, EntityState>> {
    const entities = await this.#store();
    return entities.read(refs).catch(rethrow);
  }

  async *scan(kind: EntityKind, pageSize: number): AsyncGenerator<readonly EntityState[]> {
    const entities = await this.#store();
    yield* translated(entities.scan(kind, pageSize));
  }

  async readSchema(): Promise<readonly SchemaItem[]> {
    const entities = await this.#store();
    return entities.readSchema().catch(rethrow);
  }

  async changeSchema(drop: readonly SchemaItem[], create: readonly SchemaItem[]): Promise<void> {
    await changeSchema(this.#connection, drop, create).catch(rethrow);
  }

  async count(): Promise<{ nodes: bigint; relationships: bigint }> {
    const entities = await this.#store();
    return entities.count().catch(rethrow);
  }

  pending(): Promise<Pending> {
    return this.#capture.pending().catch(rethrow);
  }

  feed(maxChanges: number): AsyncIterable<readonly CapturedTransaction[]> {
    return translated(this.#capture.feed(maxChanges));
  }

  acknowledge(ids: readonly string[]): Promise<void> {
    return this.#capture.acknowledge(ids).catch(rethrow);
  }

  inspectCapture(): Promise<readonly CaptureFinding[]> {
    return this.#capture.inspect().catch(rethrow);
  }

  storeId(): Promise<string> {
    return readStoreId(this.#connection).catch(rethrow);
  }

  settleIncidents(incidents: readonly string[]): Promise<void> {
    return this.#capture.settleIncidents(incidents).catch(rethrow);
  }

  async forgetMarker(operation: string): Promise<void> {
    const entities = await this.#store();
    await entities.forgetMarker(operation).catch(rethrow);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Made when the graph is first reached, since only it can tell how entities are locked. A failure is not kept. */
  #store(): Promise<EntityStore> {
    this.#entities ??= this.#open().catch((error: unknown) => {
      this.#entities = null;
      throw toGraphError(error);
    });
    return this.#entities;
  }

  async #open(): Promise<EntityStore> {
    const { connection, bindings, own, keyProperty, derivedProperties } = this.#parts;
    return new EntityStore({
      connection,
      bindings,
      own,
      keyProperty,
      derivedProperties,
      locking: await lockingOf(connection),
      assertBelieved: (on, secretHash) => this.#capture.assertBelieved(on, secretHash),
      unseen: (on, kind, keys) => this.#capture.unseen(on, kind, keys),
      doubled: (keys) => this.notices.addDoubled(keyProperty, keys),
    });
  }
}

async function lockingOf(connection: Connection): Promise<Locking> {
  const [row] = await connection.read(
    `SHOW PROCEDURES YIELD name WHERE name IN ['apoc.lock.nodes', 'apoc.lock.rels'] RETURN count(*) AS found`,
  );
  return row?.found === 2n ? 'APOC' : 'PROPERTY';
}

async function* translated<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw toGraphError(error);
  }
}
