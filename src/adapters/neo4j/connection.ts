import neo4j, { type BookmarkManager, type Driver, type Session, type Transaction } from 'neo4j-driver';
import { isByDriver, isRetryable, isUnreachedBookmark, SilentServerError } from './errors.ts';
import { retrying } from './retrying.ts';

/** How to reach a Neo4j database. */
export interface Neo4jAddress {
  /** bolt://, neo4j://, and both with +s or +ssc. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** The server's default database unless told. */
  readonly database?: string | undefined;
}

export interface ConnectionOptions {
  /** Connections that are open at most. */
  readonly poolSize?: number;
  /** Longest wait for a connection to be made, in milliseconds. */
  readonly connectTimeoutMs?: number;
  /** Longest wait for a free connection of the pool, in milliseconds. */
  readonly acquireTimeoutMs?: number;
  /** Longest time that a transaction may take, in milliseconds; the server ends it then. */
  readonly transactionTimeoutMs?: number;
  /** How often a transaction or a read is tried that fails for a reason that passes. */
  readonly attempts?: number;
}

export type Parameters = Readonly<Record<string, unknown>>;
export type Row = Readonly<Record<string, unknown>>;

/** One open transaction. */
export interface Statements {
  /** Runs one statement whose result is of bounded size. Statements may be sent without awaiting those before. @throws Neo4jError, SilentServerError */
  run(text: string, params?: Parameters): Promise<readonly Row[]>;
}

export interface OpenTransaction extends Statements {
  commit(): Promise<void>;
  /** Never fails: what cannot be rolled back is gone with its connection. */
  rollback(): Promise<void>;
}

export interface TransactionSettings {
  /** Travels with the transaction and reaches the graph's triggers. */
  readonly metadata?: Parameters;
  /** 0 for no bound. */
  readonly timeoutMs?: number;
}

/** Beyond the server's own bound: a server that does not answer at all is lost. */
const GRACE_MS = 15_000;

const DEFAULTS: Required<ConnectionOptions> = {
  poolSize: 24,
  connectTimeoutMs: 10_000,
  acquireTimeoutMs: 30_000,
  transactionTimeoutMs: 120_000,
  attempts: 8,
};

/**
 * The driver, bounded in every way: one pool for one database. Integers are bigint. In a cluster everything is asked of the leader: another
 * member may not have yet what a writer was told is committed.
 */
export class Connection {
  readonly options: Required<ConnectionOptions>;
  readonly #driver: Driver;
  readonly #database: string | undefined;
  /** A leader that took office a moment ago is waited for. A single server needs no bookmarks, and they end with its store. */
  #bookmarks: BookmarkManager | undefined;

  constructor(address: Neo4jAddress, options: ConnectionOptions = {}) {
    this.options = { ...DEFAULTS, ...options };
    this.#database = address.database;
    this.#bookmarks = address.url.startsWith('neo4j') ? neo4j.bookmarkManager() : undefined;
    const { user, password } = address;
    const token = user === undefined ? undefined : neo4j.auth.basic(user, password ?? '');
    this.#driver = neo4j.driver(address.url, token, {
      useBigInt: true,
      maxConnectionPoolSize: this.options.poolSize,
      connectionTimeout: this.options.connectTimeoutMs,
      connectionAcquisitionTimeout: this.options.acquireTimeoutMs,
      connectionLivenessCheckTimeout: 30_000,
      maxConnectionLifetime: 3_600_000,
      // Retrying is ours: the driver's own would repeat a commit whose fate is unknown.
      maxTransactionRetryTime: 0,
      userAgent: 'palinode',
      telemetryDisabled: true,
    });
  }

  /** Begins a transaction that may write. @throws Neo4jError */
  async begin(settings: TransactionSettings = {}): Promise<OpenTransaction> {
    const failed = this.#forgetting();
    const session = this.#session(-1);
    try {
      const deadline = this.#deadline(settings);
      // The server is asked here already, and one that is frozen would never answer.
      const transaction = await within(deadline, session.beginTransaction(this.#config(settings)));
      return new BoltTransaction(session, transaction, deadline, failed);
    } catch (error) {
      await closeQuietly(session);
      throw failed(error);
    }
  }

  /** Runs `work` in one transaction, again as a whole when it fails for a reason that passes: so `work` must be idempotent. */
  async write<T>(settings: TransactionSettings, work: (tx: Statements) => Promise<T>): Promise<T> {
    return retrying(this.options.attempts, isRetryable, async () => {
      const tx = await this.begin(settings);
      try {
        const result = await work(tx);
        await tx.commit();
        return result;
      } catch (error) {
        await tx.rollback();
        throw error;
      }
    });
  }

  /** As `write` with a single statement, which then takes one way to the server and back instead of three. */
  async writeOnce(text: string, params: Parameters, settings: TransactionSettings = {}): Promise<readonly Row[]> {
    return retrying(this.options.attempts, isRetryable, () => this.#statement(text, params, settings));
  }

  /** One read of bounded size, tried again when it fails for a reason that passes. */
  async read(text: string, params: Parameters = {}): Promise<readonly Row[]> {
    return retrying(this.options.attempts, isRetryable, () => this.#statement(text, params, {}));
  }

  /** A read of any size, row by row, at the pace of whoever takes them. Without a bound in time, and not tried again. */
  async *stream(text: string, params: Parameters = {}, fetchSize = 1000): AsyncGenerator<Row> {
    const failed = this.#forgetting();
    const session = this.#session(fetchSize);
    try {
      for await (const record of session.run(inOneMap(text), { p: params }, { timeout: 0 })) yield record.toObject();
    } catch (error) {
      throw failed(error);
    } finally {
      await closeQuietly(session);
    }
  }

  /** Runs one statement outside of any explicit transaction, as schema commands and those of the system database want it. */
  async command(text: string, params: Parameters = {}, database: string | undefined = this.#database): Promise<Row[]> {
    const failed = this.#forgetting();
    const session = this.#session(-1, database);
    try {
      const { records } = await session.run(text, params);
      return records.map((record) => record.toObject());
    } catch (error) {
      throw failed(error);
    } finally {
      await closeQuietly(session);
    }
  }

  async close(): Promise<void> {
    await this.#driver.close();
  }

  async #statement(text: string, params: Parameters, settings: TransactionSettings): Promise<readonly Row[]> {
    const failed = this.#forgetting();
    const session = this.#session(-1);
    try {
      const result = session.run(inOneMap(text), { p: params }, this.#config(settings));
      const { records } = await within(this.#deadline(settings), result);
      return records.map((record) => record.toObject());
    } catch (error) {
      throw failed(error);
    } finally {
      await closeQuietly(session);
    }
  }

  #session(fetchSize: number, database = this.#database): Session {
    return this.#driver.session({
      ...(database === undefined ? {} : { database }),
      defaultAccessMode: 'WRITE',
      fetchSize,
      ...(this.#bookmarks === undefined ? {} : { bookmarkManager: this.#bookmarks }),
    });
  }

  /**
   * What sees an error before it is thrown, for a session that is opened now. Bookmarks of a store that was replaced by an earlier one are never
   * reached: they are forgotten once, so that what is tried again gets its answer.
   */
  #forgetting(): Failed {
    const used = this.#bookmarks;
    return (error) => {
      if (isUnreachedBookmark(error) && used !== undefined && used === this.#bookmarks)
        this.#bookmarks = neo4j.bookmarkManager();
      return error;
    };
  }

  #config({ metadata, timeoutMs = this.options.transactionTimeoutMs }: TransactionSettings) {
    return { timeout: timeoutMs, ...(metadata === undefined ? {} : { metadata: { ...metadata } }) };
  }

  #deadline({ timeoutMs = this.options.transactionTimeoutMs }: TransactionSettings): number {
    return timeoutMs === 0 ? 0 : timeoutMs + GRACE_MS;
  }
}

type Failed = (error: unknown) => unknown;

class BoltTransaction implements OpenTransaction {
  readonly #session: Session;
  readonly #transaction: Transaction;
  readonly #deadlineMs: number;
  readonly #failed: Failed;
  /** Statements that are not answered yet. */
  readonly #sent = new Set<Promise<unknown>>();
  /** Why the transaction failed. */
  #reason: unknown;
  #open = true;

  constructor(session: Session, transaction: Transaction, deadlineMs: number, failed: Failed) {
    this.#session = session;
    this.#transaction = transaction;
    this.#deadlineMs = deadlineMs;
    this.#failed = failed;
  }

  async run(text: string, params: Parameters = {}): Promise<readonly Row[]> {
    const { records } = await this.#answer(this.#transaction.run(inOneMap(text), { p: params }));
    return records.map((record) => record.toObject());
  }

  async commit(): Promise<void> {
    this.#open = false;
    try {
      await this.#answer(this.#transaction.commit());
    } finally {
      await closeQuietly(this.#session);
    }
  }

  async rollback(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await within(GRACE_MS, this.#transaction.rollback()).catch(() => {});
    await closeQuietly(this.#session);
  }

  /** Whoever sends more before it has heard of a failure is given its reason, where the driver says only that there was one. */
  async #answer<T>(work: PromiseLike<T>): Promise<T> {
    const answer = within(this.#deadlineMs, work);
    const heard = answer.catch((error: unknown) => {
      if (!isByDriver(error)) this.#reason ??= error;
    });
    this.#sent.add(heard);
    try {
      return await answer;
    } catch (error) {
      if (isByDriver(error)) await Promise.all(this.#sent);
      throw this.#failed(isByDriver(error) ? (this.#reason ?? error) : error);
    } finally {
      this.#sent.delete(heard);
    }
  }
}

/**
 * Puts a statement's parameters into one map. Neo4j plans a statement anew for every magnitude of a list that is a parameter of its own,
 * which takes longer than most of ours run; of what is in a map it does not know the size. Names in the text have no dollars: see `quoted`.
 */
function inOneMap(text: string): string {
  return text.replace(/\$(?=[A-Za-z])/g, '$$p.');
}

/** @throws SilentServerError when nothing came back in time */
async function within<T>(deadlineMs: number, work: PromiseLike<T>): Promise<T> {
  if (deadlineMs === 0) return work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // What was under way when the driver was closed may never settle: it must not keep the process.
    timer = setTimeout(() => reject(new SilentServerError()), deadlineMs).unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A session gives its connection back; one that has none any more has nothing to say. */
async function closeQuietly(session: Session): Promise<void> {
  await within(GRACE_MS, session.close()).catch(() => {});
}
