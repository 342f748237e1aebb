import { createPgliteDatabase, createTestDatabase } from '../support/postgres.ts';
import { historyContract, type OpenDatabase } from './history.contract.ts';
import { historyPlanningContract } from './history-planning.contract.ts';
import { historyRecordingContract } from './history-recording.contract.ts';

const engines: Record<string, OpenDatabase> = {
  PGlite: async () => {
    const database = await createPgliteDatabase({ migrated: true });
    return { database, close: () => database.close() };
  },
  'a PostgreSQL server': async () => {
    const created = await createTestDatabase({ migrated: true });
    return { database: created.database, close: async () => created[Symbol.asyncDispose]() };
  },
};

for (const [name, open] of Object.entries(engines)) {
  historyContract(name, open);
  historyPlanningContract(name, open);
  historyRecordingContract(name, open);
}
