import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Database, SqlExecutor } from '../../src/ports/database.ts';
import { engines } from '../support/engines.ts';

/** Statements that take a few milliseconds each: far more of them than it needs for a timer to have its turn. */
const STATEMENTS = 300;
const STATEMENT = 'SELECT count(*) FROM generate_series(1, 5000)';

/** How many statements run one after the other before a timer that was due at once gets to fire; STATEMENTS when it never does. */
async function statementsBeforeTimer(executor: SqlExecutor): Promise<number> {
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 0);
  for (let count = 1; count <= STATEMENTS; count += 1) {
    await executor.query(STATEMENT);
    if (fired) return count;
  }
  return STATEMENTS;
}

describe.each(engines)('long work on %s', (_, open) => {
  let database: Database;
  let close: () => Promise<void>;

  beforeAll(async () => {
    ({ database, close } = await open());
  });
  afterAll(() => close());

  test('leaves room for requests, probes and timers between its statements', async () => {
    expect(await statementsBeforeTimer(database)).toBeLessThan(STATEMENTS);
  });

  test('leaves it inside a transaction, too', async () => {
    expect(await database.transaction((tx) => statementsBeforeTimer(tx))).toBeLessThan(STATEMENTS);
  });
});
