import type { PostgresStore } from '../../src/adapters/postgres/postgres-store.ts';
import { createPgliteDatabase, createTestDatabase } from './postgres.ts';

export interface OpenedEngine {
  readonly database: PostgresStore;
  close(): Promise<void>;
}

/** Both databases that the service runs on, with its tables: for `describe.each`. */
export const engines: readonly (readonly [string, () => Promise<OpenedEngine>])[] = [
  [
    'PGlite',
    async () => {
      const database = await createPgliteDatabase({ migrated: true });
      return { database, close: () => database.close() };
    },
  ],
  [
    'a PostgreSQL server',
    async () => {
      const created = await createTestDatabase({ migrated: true, poolSize: 10 });
      return { database: created.database, close: () => created[Symbol.asyncDispose]() };
    },
  ],
];
