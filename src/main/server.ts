import { setTimeout as sleep } from 'node:timers/promises';
import { pendingMigrations } from '../adapters/postgres/migrate.ts';
import { PostgresRecordReader } from '../adapters/postgres/record-reader.ts';
import { startHttpServer } from '../api/http-server.ts';
import { PrismaClient } from '../generated/prisma/client.ts';
import { assemble } from './assemble.ts';
import { logger, reduced } from './logger.ts';
import { MIGRATIONS, openStore } from './open-store.ts';
import { loadSample } from './sample.ts';
import { SettingError } from './setting-error.ts';
import { readSettings, type Settings } from './settings.ts';

/** SIGTERM to exit, in milliseconds. */
const EXIT_WITHIN_MS = 10_000;
const READY_WITHIN_MS = 2000;

try {
  await serve(readSettings(process.env));
} catch (error) {
  // One line for what the user can mend; the whole error for what he cannot.
  if (error instanceof SettingError) process.stderr.write(`palinode: ${error.message}\n`);
  else logger.fatal({ error: reduced(error) }, 'the service could not start');
  process.exit(1);
}

async function serve(settings: Settings): Promise<void> {
  const store = await openStore(settings);
  const prisma = new PrismaClient({ adapter: store.prismaAdapter() });
  const assembly = await assemble(store, settings);
  const { services, history } = assembly;
  const http = await startHttpServer({
    dependencies: { services, history, records: new PostgresRecordReader(store), prisma },
    host: settings.host,
    port: settings.port,
    ready: async () => {
      const pending = pendingMigrations(store, MIGRATIONS).then((names) => names.length === 0);
      return (await Promise.race([pending, sleep(READY_WITHIN_MS, false, { ref: false })])) === true;
    },
    report: (error, id) => logger.error({ id, error: reduced(error) }, 'a request failed'),
    explorer: process.env.NODE_ENV !== 'production',
  });
  logger.info(
    { url: `${http.url}/graphql`, database: store.engine, graphs: assembly.graphs.map((graph) => graph.name) },
    'Palinode is serving',
  );
  stopOn(['SIGTERM', 'SIGINT'], async () => {
    await http.close();
    await assembly.stop(EXIT_WITHIN_MS / 2);
    await prisma.$disconnect();
    await store.close();
  });
  const [first] = assembly.graphs;
  if (settings.sample === 'wordnet' && first !== undefined) {
    await loadSample(assembly, first).catch((error: unknown) =>
      logger.error({ error: reduced(error) }, 'the sample could not be loaded'),
    );
  }
}

/** Ends the process after `drain`, or without it when it takes too long. */
function stopOn(signals: readonly NodeJS.Signals[], drain: () => Promise<void>): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), EXIT_WITHIN_MS - 500).unref();
    drain().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ error: reduced(error) }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  for (const signal of signals) process.once(signal, stop);
}
