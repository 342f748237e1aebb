import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  dumpNeo4j,
  loadNeo4j,
  type Neo4jOptions,
  type Neo4jProcess,
  startNeo4j,
} from '../../scripts/neo4j/instance.ts';
import { freePort, noteProcess, runFolder } from './processes.ts';

/** Campaigns run for long on one server. */
const LONG = process.env.PALINODE_LONG === '1';

export type TestNeo4jOptions = Partial<Omit<Neo4jOptions, 'onStart'>>;

/** A throwaway Neo4j server, which can be ended and started again on its data. */
export interface TestNeo4j {
  readonly url: string;
  readonly home: string;
  readonly port: number;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  /** Starts it again after `kill` or `stop`, on the same port and data. */
  restart(options?: TestNeo4jOptions): Promise<void>;
  /** Both want it stopped. */
  dump(archive: string): Promise<void>;
  load(archive: string): Promise<void>;
}

/** Starts a server of the caller's own. It ends with the test run at the latest. */
export async function startTestNeo4j(options: TestNeo4jOptions = {}): Promise<TestNeo4j> {
  const home = options.home ?? mkdtempSync(join(runFolder(), 'neo4j-'));
  const port = options.port ?? (await freePort());
  const launch = (more: TestNeo4jOptions): Promise<Neo4jProcess> =>
    startNeo4j({ shortLived: !LONG, ...options, ...more, home, port, onStart: (child) => noteProcess(child.pid ?? 0) });
  let server = await launch({});
  return {
    url: server.url,
    home,
    port,
    kill: () => server.kill(),
    stop: () => server.stop(),
    async restart(more = {}) {
      server = await launch(more);
    },
    dump: (archive) => dumpNeo4j(home, archive),
    load: (archive) => loadNeo4j(home, archive),
  };
}

/**
 * The address of the server that all suites of a run share, started by the first that asks. Whoever uses it clears the database before and
 * leaves the server as it is; suites run one at a time on it.
 */
export async function sharedNeo4j(): Promise<string> {
  const file = join(runFolder(), 'neo4j-shared');
  const failed = `${file}.failed`;
  try {
    writeFileSync(`${file}.starting`, '', { flag: 'wx' });
  } catch {
    return untilStarted(file, failed);
  }
  try {
    const { url } = await startTestNeo4j({ shortLived: false });
    writeFileSync(file, url);
    return url;
  } catch (error) {
    writeFileSync(failed, String(error));
    throw error;
  }
}

/** Waits for the worker that starts it; its failure is everybody's. */
async function untilStarted(file: string, failed: string): Promise<string> {
  for (;;) {
    const url = readIfThere(file);
    if (url !== '') return url;
    const error = readIfThere(failed);
    if (error !== '') throw new Error(error);
    await sleep(100);
  }
}

/** The right to use the shared server, which one suite at a time has. */
export async function borrowSharedNeo4j(): Promise<{ readonly url: string; giveBack(): void }> {
  const url = await sharedNeo4j();
  const lock = join(runFolder(), 'neo4j-shared.lock');
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return { url, giveBack: () => rmSync(lock, { force: true }) };
    } catch {
      if (!isRunning(Number(readIfThere(lock)))) rmSync(lock, { force: true });
      await sleep(50);
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
