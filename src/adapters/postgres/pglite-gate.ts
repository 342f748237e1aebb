import type { PGlite, Transaction } from '@electric-sql/pglite';
import { Breather } from './breather.ts';
import type { QueueDatabase } from './postgres-store.ts';
import { StatementListeners } from './transaction-scope.ts';

/**
 * The one way to a PGlite instance. It has a single connection, so whoever holds a turn here (a
 * statement, a transaction, a script of the job queue with its clean-up) holds it alone, and nothing of
 * others can slip into it.
 */
export class PgliteGate {
  readonly pglite: PGlite;
  readonly statements = new StatementListeners();
  readonly breather = new Breather();
  #last: Promise<unknown> = Promise.resolve();

  constructor(pglite: PGlite) {
    this.pglite = pglite;
  }

  /** Runs `work` after everything that asked before. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    const begin = async (): Promise<T> => {
      await this.breather.breathe();
      return work();
    };
    const mine = this.#last.then(begin, begin);
    this.#last = mine.catch(() => {});
    return mine;
  }

  /** Runs `work` in a transaction in a turn of its own. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.turn(async () => {
      this.statements.notify('BEGIN');
      let ending = 'ROLLBACK';
      try {
        return await this.pglite.transaction(async (tx) => {
          const result = await work(tx);
          ending = 'COMMIT';
          return result;
        });
      } finally {
        this.statements.notify(ending);
      }
    });
  }

  /**
   * The door for the job queue, which sends both single statements and scripts with their own BEGIN and
   * COMMIT. A script that fails half-way is rolled back before anybody else's turn.
   */
  queueDatabase(): QueueDatabase {
    const executeSql = (text: string, values: unknown[] = []) =>
      this.turn(async () => {
        this.statements.notify(text);
        if (values.length > 0) return this.pglite.query(text, values);
        try {
          const results = await this.pglite.exec(text);
          return { rows: results.flatMap((result) => result.rows) };
        } catch (error) {
          await this.pglite.exec('ROLLBACK').catch(() => {});
          throw error;
        }
      });
    return { backend: 'pglite', db: { executeSql } };
  }
}
