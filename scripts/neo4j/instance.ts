import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { configure, javaArguments, type Neo4jSettings, serverArguments, serverEnvironment } from './configuration.ts';
import { installNeo4j } from './install.ts';

export interface Neo4jOptions extends Neo4jSettings {
  /** Java heap, like `512m`. */
  readonly heap?: string;
  /** Without APOC on the class path, when false. */
  readonly apoc?: boolean;
  /** Compiled as fast as Java can rather than as well, for a server that is gone in minutes. */
  readonly shortLived?: boolean;
  /** Told of the process as soon as it exists. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface Neo4jProcess {
  readonly url: string;
  readonly pid: number;
  /** Lets it close its store. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

const START_WITHIN_MS = 120_000;

/** Starts a Neo4j server and waits until it answers Bolt. @throws Error with the end of its output when it does not */
export async function startNeo4j(options: Neo4jOptions): Promise<Neo4jProcess> {
  const installation = await installNeo4j();
  const apoc = options.apoc ?? true;
  configure(options, apoc ? installation.plugins : undefined);
  if (options.password !== undefined && !existsSync(join(options.home, 'data', 'databases'))) {
    await administer(options.home, ['password', options.password]);
  }
  const { heap = '512m', home, port } = options;
  const child = spawn(
    'java',
    serverArguments(apoc ? installation.classPath : installation.plainClassPath, home, heap, [
      ...(apoc && existsSync(installation.classArchive) ? [`-XX:SharedArchiveFile=${installation.classArchive}`] : []),
      ...(options.shortLived === true ? ['-XX:TieredStopAtLevel=1'] : []),
    ]),
    { cwd: home, stdio: ['ignore', 'pipe', 'pipe'], env: serverEnvironment(home) },
  );
  options.onStart?.(child);
  let log = '';
  const note = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-4000);
  };
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  await untilAnswering(port, child, () => log);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return {
    url: `bolt://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** Writes the database of a stopped server into the folder `archive`, or replaces it by what is there. */
export async function dumpNeo4j(home: string, archive: string): Promise<void> {
  mkdirSync(archive, { recursive: true });
  await administer(home, ['dump', archive]);
}

export async function loadNeo4j(home: string, archive: string): Promise<void> {
  await administer(home, ['load', archive]);
}

async function administer(home: string, command: readonly string[]): Promise<void> {
  const { plainClassPath } = await installNeo4j();
  const args = [...javaArguments(plainClassPath, 'Admin'), home, join(home, 'conf'), ...command];
  try {
    await promisify(execFile)('java', args);
  } catch (error) {
    throw new Error(`neo4j ${command[0]} failed: ${error}`.slice(0, 4000));
  }
}

/** Bolt is open some time before the database is: an answered handshake is what counts. */
async function untilAnswering(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (const until = Date.now() + START_WITHIN_MS; Date.now() < until && child.exitCode === null; ) {
    if (await answersBolt(port)) return;
    await sleep(100);
  }
  child.kill('SIGKILL');
  throw new Error(`Neo4j did not start:\n${log()}`);
}

function answersBolt(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(2000, () => done(false));
    socket.once('error', () => done(false));
    socket.once('data', () => done(true));
    // The preamble of Bolt and the one version 5.0.
    socket.once('connect', () => socket.write(Buffer.from('6060b01700000005000000000000000000000000', 'hex')));
  });
}
