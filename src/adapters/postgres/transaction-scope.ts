import { AsyncLocalStorage } from 'node:async_hooks';
import { DatabaseError, SqlState, type TransactionOptions } from '../../ports/database.ts';

/** Knows whether the running code is inside an open transaction of one database. */
export class TransactionScope {
  readonly #current = new AsyncLocalStorage<{ open: boolean }>();

  /** @throws DatabaseError inside an open transaction, where waiting for a second connection could be forever */
  assertOutside(): void {
    if (this.#current.getStore()?.open !== true) return;
    throw new DatabaseError('inside a transaction only its own executor may be used', SqlState.wrongTransactionUse);
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const scope = { open: true };
    try {
      return await this.#current.run(scope, work);
    } finally {
      scope.open = false;
    }
  }
}

/** Functions that hear of every statement. */
export class StatementListeners {
  readonly #listeners = new Set<(text: string) => void>();

  add(listener: (text: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  notify(text: string): void {
    for (const listener of this.#listeners) listener(text);
  }
}

/** The characteristics for BEGIN, or for SET TRANSACTION right after it; empty for the defaults. */
export function transactionModes(options: TransactionOptions): string {
  const modes = [
    ...(options.isolation === undefined ? [] : [`ISOLATION LEVEL ${options.isolation.toUpperCase()}`]),
    ...(options.readOnly === true ? ['READ ONLY'] : []),
  ];
  return modes.join(', ');
}
