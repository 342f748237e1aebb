import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { SqlExecutor, SqlResult, TransactionOptions } from '../../ports/database.ts';
import { toDatabaseError } from './errors.ts';
import { FaithfulPglite } from './faithful-pglite.ts';
import { withFirstError } from './first-error.ts';
import { lockFolder } from './folder-lock.ts';
import { ensureFolder } from './pglite-folder.ts';
import { PgliteGate } from './pglite-gate.ts';
import { PglitePrismaFactory } from './pglite-prisma.ts';
import { PgliteUpkeep } from './pglite-upkeep.ts';
import type { PostgresStore, QueueDatabase } from './postgres-store.ts';
import { TransactionScope, transactionModes } from './transaction-scope.ts';
import { parsersByOid, toWire } from './types.ts';

export interface PgliteDatabaseOptions {
  /** The service's data folder; the database takes `pg` inside it. Absent: in memory. */
  readonly dataFolder?: string;
  /** An archive of a data folder to start from, for databases in memory. */
  readonly archive?: Blob;
}

// Parameters arrive in wire form; these are the types whose stock serializer would not take that.
const asIs = (value: string) => value;
const serializers = Object.fromEntries(Object.keys(parsersByOid).map((type) => [type, asIs]));
const conversion = { parsers: { ...parsersByOid }, serializers };

/** PostgreSQL inside this process. Survives a killed process, not a power cut: nothing is fsynced. */
export class PgliteDatabase implements PostgresStore {
  readonly engine = 'pglite';
  readonly #gate: PgliteGate;
  readonly #unlock: () => void;
  readonly #scope = new TransactionScope();
  readonly #upkeep: PgliteUpkeep;
  #closed: Promise<void> | undefined;

  private constructor(pglite: PGlite, unlock: () => void) {
    this.#gate = new PgliteGate(pglite);
    this.#upkeep = new PgliteUpkeep(this.#gate);
    this.#unlock = unlock;
  }

  /** @throws FolderLockedError when another process uses the folder */
  static async open(options: PgliteDatabaseOptions = {}): Promise<PgliteDatabase> {
    const { dataFolder, archive } = options;
    const unlock = dataFolder === undefined ? () => {} : lockFolder(dataFolder);
    try {
      const pglite = new FaithfulPglite({
        dataDir: dataFolder === undefined ? 'memory://' : await ensureFolder(dataFolder),
        ...(archive === undefined ? {} : { loadDataDir: archive }),
      });
      await pglite.waitReady;
      return new PgliteDatabase(pglite, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  async query<R>(text: string, params?: readonly unknown[]): Promise<SqlResult<R>> {
    this.#scope.assertOutside();
    return this.#gate.turn(() => this.#query<R>(this.#gate.pglite, text, params));
  }

  async script(text: string): Promise<void> {
    this.#scope.assertOutside();
    await this.#gate.turn(() => this.#script(this.#gate.pglite, text));
  }

  async transaction<T>(work: (tx: SqlExecutor) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    this.#scope.assertOutside();
    const modes = transactionModes(options);
    try {
      return await this.#gate.transaction(async (tx) => {
        if (modes !== '') await this.#script(tx, `SET TRANSACTION ${modes}`);
        return this.#scope.run(() => work(withFirstError(this.#executorOn(tx))));
      });
    } catch (error) {
      throw toDatabaseError(error);
    }
  }

  onStatement(listener: (text: string) => void): () => void {
    return this.#gate.statements.add(listener);
  }

  prismaAdapter(): PglitePrismaFactory {
    return new PglitePrismaFactory(this.#gate);
  }

  queueDatabase(): QueueDatabase {
    return this.#gate.queueDatabase();
  }

  /** The whole database as an archive, for `PgliteDatabaseOptions.archive`. */
  async archive(): Promise<Blob> {
    return this.#gate.turn(() => this.#gate.pglite.dumpDataDir('none'));
  }

  /** Takes care of one worn table, which else happens from time to time. @returns its name, or null when none is worn */
  upkeep(): Promise<string | null> {
    return this.#upkeep.look();
  }

  close(): Promise<void> {
    this.#upkeep.stop();
    this.#closed ??= this.#gate.turn(() => this.#gate.pglite.close()).finally(this.#unlock);
    return this.#closed;
  }

  #executorOn(tx: Transaction): SqlExecutor {
    return {
      query: <R>(text: string, params?: readonly unknown[]) => this.#query<R>(tx, text, params),
      script: (text) => this.#script(tx, text),
    };
  }

  async #query<R>(on: PGlite | Transaction, text: string, params: readonly unknown[] = []): Promise<SqlResult<R>> {
    await this.#gate.breather.breathe();
    this.#gate.statements.notify(text);
    try {
      const result = await on.query<R>(text, params.map(toWire), conversion);
      return { rows: result.rows, count: result.rowCount ?? 0 };
    } catch (error) {
      throw toDatabaseError(error);
    }
  }

  async #script(on: PGlite | Transaction, text: string): Promise<void> {
    await this.#gate.breather.breathe();
    this.#gate.statements.notify(text);
    try {
      await on.exec(text);
    } catch (error) {
      throw toDatabaseError(error);
    }
  }
}
