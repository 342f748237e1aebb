import type { PrismaClient } from '../../generated/prisma/client.ts';
import type { History } from '../../ports/history.ts';
import type { RecordReader } from '../../ports/records.ts';
import type { Services } from '../../services/contract.ts';

/** The parts of history that the schema shows as they are recorded. Everything else goes through the services. */
export type RecordedHistory = Pick<
  History,
  | 'captureProblems'
  | 'contributions'
  | 'graphsById'
  | 'names'
  | 'sessionSummaries'
  | 'timelines'
  | 'transactionsBySeq'
  | 'transactionsOfSessions'
>;

/** What the API stands on; one per process. */
export interface ApiDependencies {
  readonly services: Services;
  readonly history: RecordedHistory;
  readonly records: RecordReader;
  readonly prisma: PrismaClient;
}
