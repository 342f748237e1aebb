import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import {
  DatabaseError,
  type SqlExecutor,
  type SqlResult,
  SqlState,
  type TransactionOptions,
} from '../../ports/database.ts';
import { toDatabaseError } from './errors.ts';
import { withFirstError } from './first-error.ts';
import type { PostgresStore, QueueDatabase } from './postgres-store.ts';
import { StatementListeners, TransactionScope, transactionModes } from './transaction-scope.ts';
import { parserOf, toWire } from './types.ts';

export interface PgDatabaseOptions {
  /** `postgres://user:password@host:port/name?sslmode=...` */
  readonly url: string;
  /** Most connections at a time, for stores, Prisma and the job queue together. */
  readonly poolSize?: number;
  /** Longest time one statement may take, in milliseconds; 0 for no bound. */
  readonly statementTimeoutMs?: number;
  /** Longest wait for a connection, in milliseconds. */
  readonly connectTimeoutMs?: number;
  readonly applicationName?: string;
  /** Told of connections that died while nobody was using them. */
  readonly onError?: (error: Error) => void;
}

const types = { getTypeParser: (type: number) => parserOf(type) };

/** A PostgreSQL server behind one bounded pool. */
export class PgDatabase implements PostgresStore {
  readonly engine = 'server';
  readonly pool: pg.Pool;
  readonly #scope = new TransactionScope();
  readonly #statements = new StatementListeners();

  constructor(options: PgDatabaseOptions) {
    const report = options.onError ?? (() => {});
    this.pool = new pg.Pool({
      connectionString: options.url,
      max: options.poolSize ?? 10,
      statement_timeout: options.statementTimeoutMs ?? 60_000,
      idle_in_transaction_session_timeout: 120_000,
      connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      application_name: options.applicationName ?? 'palinode',
    });
    // Without these listeners a connection that the server ends would end the process.
    this.pool.on('error', report);
    this.pool.on('connect', (client) => {
      client.on('error', () => {});
      this.#listenTo(client);
    });
  }

  async query<R>(text: string, params?: readonly unknown[]): Promise<SqlResult<R>> {
    this.#scope.assertOutside();
    return runQuery<R>(this.pool, text, params);
  }

  async script(text: string): Promise<void> {
    this.#scope.assertOutside();
    await runScript(this.pool, text);
  }

  async transaction<T>(work: (tx: SqlExecutor) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    this.#scope.assertOutside();
    const client = await this.pool.connect().catch(rethrow);
    let broken: Error | undefined;
    const run = (text: string) => client.query(text).catch(rethrow);
    try {
      const { statementTimeoutMs } = options;
      const bound =
        statementTimeoutMs === undefined ? '' : `; SET LOCAL statement_timeout = ${Math.trunc(statementTimeoutMs)}`;
      await run(`BEGIN ${transactionModes(options)}`.trim() + bound);
      const result = await this.#scope.run(() => work(withFirstError(executorOn(client))));
      const { command } = await run('COMMIT');
      if (command === 'ROLLBACK') {
        throw new DatabaseError('the transaction had failed and was rolled back', SqlState.failedTransaction);
      }
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((cause: Error) => {
        broken = cause;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  onStatement(listener: (text: string) => void): () => void {
    return this.#statements.add(listener);
  }

  prismaAdapter(): PrismaPg {
    return new PrismaPg(this.pool);
  }

  queueDatabase(): QueueDatabase {
    return {
      backend: 'postgres',
      db: { executeSql: (text, values) => this.pool.query(text, values) },
    };
  }

  async close(): Promise<void> {
    if (!this.pool.ending) await this.pool.end();
  }

  #listenTo(client: pg.PoolClient): void {
    const statements = this.#statements;
    const send: (...args: never[]) => unknown = client.query.bind(client);
    // The overloads of query are passed through untouched; only the text is read.
    client.query = ((first: unknown, ...rest: never[]) => {
      statements.notify(statementText(first));
      return send(first as never, ...rest);
    }) as typeof client.query;
  }
}

function statementText(first: unknown): string {
  if (typeof first === 'string') return first;
  const text: unknown = typeof first === 'object' && first !== null ? Reflect.get(first, 'text') : undefined;
  return typeof text === 'string' ? text : '';
}

type Connection = Pick<pg.ClientBase, 'query'>;

function executorOn(client: Connection): SqlExecutor {
  return {
    query: <R>(text: string, params?: readonly unknown[]) => runQuery<R>(client, text, params),
    script: (text) => runScript(client, text),
  };
}

async function runQuery<R>(on: Connection, text: string, params: readonly unknown[] = []): Promise<SqlResult<R>> {
  const result = await on.query({ text, values: params.map(toWire), types }).catch(rethrow);
  return { rows: result.rows, count: result.rowCount ?? 0 };
}

async function runScript(on: Connection, text: string): Promise<void> {
  await on.query(text).catch(rethrow);
}

function rethrow(error: unknown): never {
  throw toDatabaseError(error);
}
