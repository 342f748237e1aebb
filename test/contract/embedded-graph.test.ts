import { PgDatabase } from '../../src/adapters/postgres/pg-database.ts';
import { createPgliteDatabase, createTestDatabase } from '../support/postgres.ts';
import { type EmbeddedHarness, embeddedGraphContract } from './embedded-graph.contract.ts';

embeddedGraphContract('PGlite', async (): Promise<EmbeddedHarness> => {
  const database = await createPgliteDatabase();
  return { database, close: () => database.close() };
});

embeddedGraphContract('a PostgreSQL server', async (): Promise<EmbeddedHarness> => {
  const created = await createTestDatabase();
  const second = new PgDatabase({ url: created.url, poolSize: 2 });
  const close = async () => {
    await second.close();
    await created[Symbol.asyncDispose]();
  };
  return { database: created.database, second, close };
});
