import type { PGlite, Transaction as PgliteTransaction } from '@electric-sql/pglite';
import type {
  IsolationLevel,
  SqlDriverAdapter,
  SqlMigrationAwareDriverAdapterFactory,
  SqlQuery,
  Transaction,
} from '@prisma/driver-adapter-utils';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import type { PgliteGate } from './pglite-gate.ts';

/**
 * Prisma's way to PGlite. Conversion of values is the stock adapter's; turns and transactions are ours,
 * since the stock adapter reports a COMMIT that failed as done and sets the isolation level too early.
 */
export class PglitePrismaFactory implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider = 'postgres';
  readonly adapterName = 'palinode-pglite';
  readonly #gate: PgliteGate;

  constructor(gate: PgliteGate) {
    this.#gate = gate;
  }

  async connect(): Promise<SqlDriverAdapter> {
    const gate = this.#gate;
    const stock = await new PrismaPGlite(gate.pglite).connect();
    return {
      provider: this.provider,
      adapterName: this.adapterName,
      queryRaw: (query) => gate.turn(() => noted(gate, query, () => stock.queryRaw(query))),
      executeRaw: (query) => gate.turn(() => noted(gate, query, () => stock.executeRaw(query))),
      executeScript: (script) =>
        gate.turn(async () => {
          gate.statements.notify(script);
          await gate.pglite.exec(script);
        }),
      startTransaction: (isolation) => startTransaction(gate, isolation),
      getConnectionInfo: () => ({ supportsRelationJoins: true }),
      dispose: async () => {},
    };
  }

  /** A database that schema comparison may fill and throw away. */
  async connectToShadowDb(): Promise<SqlDriverAdapter> {
    return new PrismaPGlite(this.#gate.pglite).connectToShadowDb();
  }
}

async function startTransaction(gate: PgliteGate, isolation?: IsolationLevel): Promise<Transaction> {
  const started = Promise.withResolvers<PgliteTransaction>();
  const ended = Promise.withResolvers<'COMMIT' | 'ROLLBACK'>();
  const done = gate.transaction(async (tx) => {
    if (isolation !== undefined) await tx.exec(`SET TRANSACTION ISOLATION LEVEL ${isolation}`);
    started.resolve(tx);
    if ((await ended.promise) === 'ROLLBACK') await tx.rollback();
  });
  done.catch(started.reject);
  const tx = await started.promise;
  // The stock adapter only calls `query` of what it is given, which a transaction has too.
  const stock = await new PrismaPGlite(tx as unknown as PGlite).connect();
  const end = (how: 'COMMIT' | 'ROLLBACK') => {
    ended.resolve(how);
    return done;
  };
  return {
    provider: stock.provider,
    adapterName: stock.adapterName,
    options: { usePhantomQuery: true },
    queryRaw: (query) => noted(gate, query, () => stock.queryRaw(query)),
    executeRaw: (query) => noted(gate, query, () => stock.executeRaw(query)),
    commit: () => end('COMMIT'),
    rollback: () => end('ROLLBACK'),
    createSavepoint: async (name) => void (await tx.exec(`SAVEPOINT ${name}`)),
    rollbackToSavepoint: async (name) => void (await tx.exec(`ROLLBACK TO SAVEPOINT ${name}`)),
    releaseSavepoint: async (name) => void (await tx.exec(`RELEASE SAVEPOINT ${name}`)),
  };
}

function noted<T>(gate: PgliteGate, query: SqlQuery, work: () => Promise<T>): Promise<T> {
  gate.statements.notify(query.sql);
  return work();
}
