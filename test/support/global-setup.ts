import { prepareTemplates, startPostgres } from './postgres.ts';
import { createRunFolder, endAbandonedRuns, endRun } from './processes.ts';

/** Starts what all suites share: one PostgreSQL server. Without one, only suites that ask for it fail. */
export default async function setup(): Promise<void> {
  endAbandonedRuns();
  const folder = createRunFolder();
  process.env.PALINODE_TEST_RUN = folder;
  process.once('exit', () => endRun(folder));
  try {
    const server = await startPostgres();
    process.env.PALINODE_TEST_POSTGRES = server.url('postgres');
  } catch (error) {
    console.error(`\nNo PostgreSQL server for the tests: ${error instanceof Error ? error.message : error}`);
  }
  await prepareTemplates();
}
