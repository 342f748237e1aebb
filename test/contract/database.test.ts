import { createPgliteDatabase, createTestDatabase } from '../support/postgres.ts';
import { databaseContract } from './database.contract.ts';

databaseContract('PGlite', async () => {
  const database = await createPgliteDatabase();
  return { database, close: () => database.close() };
});

databaseContract('a PostgreSQL server', async () => {
  const created = await createTestDatabase();
  return { database: created.database, close: async () => created[Symbol.asyncDispose]() };
});
