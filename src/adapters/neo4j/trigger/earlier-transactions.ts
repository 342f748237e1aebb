import { setTimeout as sleep } from 'node:timers/promises';
import { Neo4jError } from 'neo4j-driver';
import type { Connection } from '../connection.ts';

/** How long they are waited for: somebody's may stay open for hours. */
const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 100;

/**
 * Waits for the transactions that are open now. A commit that is under way when the trigger is loaded does not run it, and whoever reads the
 * graph then does not see it yet: it would be missed for good. One that is under way when the trigger is dropped may have run it, and what it
 * wrote into the outbox would stay. Nothing tells commits from transactions that are just open, which need not be waited for; hence the bound.
 */
export async function outlastEarlier(connection: Connection, database: string): Promise<void> {
  const earlier = await openTransactions(connection, database);
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const open = await openTransactions(connection, database);
    if (![...earlier].some((id) => open.has(id))) return;
    await sleep(LOOK_AGAIN_MS);
  }
}

/** Those that the user may see. */
async function openTransactions(connection: Connection, database: string): Promise<ReadonlySet<unknown>> {
  const text = 'SHOW TRANSACTIONS YIELD transactionId AS id, database AS name WHERE name = $database RETURN id';
  try {
    return new Set((await connection.read(text, { database })).map(({ id }) => id));
  } catch (error) {
    if (error instanceof Neo4jError && error.code.startsWith('Neo.ClientError.Security.')) return new Set();
    throw error;
  }
}
