import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { installNeo4j } from './install.ts';

export interface Neo4jOptions {
  /** Absolute path; made when missing, and used again as it is. */
  readonly home: string;
  readonly port: number;
  /** Java heap, like `512m`. */
  readonly heap?: string;
  readonly pageCache?: string;
  /** Without APOC on the class path, when false. */
  readonly apoc?: boolean;
  /** What apoc.conf says of triggers. */
  readonly triggers?: boolean;
  /** How often APOC reads its triggers, in milliseconds. */
  readonly triggerRefreshMs?: number;
  /** The password of the user neo4j; without one nobody is asked who he is. */
  readonly password?: string;
  /** More lines of neo4j.conf. */
  readonly settings?: Readonly<Record<string, string>>;
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
const OPENED = ['java.nio', 'sun.nio.ch', 'java.lang'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

/** Starts a Neo4j server and waits until it answers Bolt. @throws Error with the end of its output when it does not */
export async function startNeo4j(options: Neo4jOptions): Promise<Neo4jProcess> {
  const installation = await installNeo4j();
  const apoc = options.apoc ?? true;
  configure(options, apoc ? installation.plugins : undefined);
  if (options.password !== undefined && !existsSync(join(options.home, 'data', 'databases'))) {
    await administer(options.home, ['password', options.password]);
  }
  const { heap = '512m', home, port } = options;
  const conf = join(home, 'conf', 'neo4j.conf');
  const classPath = apoc ? installation.classPath : installation.plainClassPath;
  const child = spawn(
    'java',
    [`-Xms${heap}`, `-Xmx${heap}`, '-XX:+UseSerialGC', ...OPENED, '-cp', classPath, 'Launch', home, conf],
    // APOC looks for apoc.conf where the service's home says.
    {
      cwd: home,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NEO4J_HOME: home, NEO4J_CONF: join(home, 'conf') },
    },
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
  const args = [...OPENED, '-cp', plainClassPath, 'Admin', home, join(home, 'conf'), ...command];
  try {
    await promisify(execFile)('java', args);
  } catch (error) {
    throw new Error(`neo4j ${command[0]} failed: ${error}`.slice(0, 4000));
  }
}

function configure(options: Neo4jOptions, plugins: string | undefined): void {
  const { home, port, password, pageCache = '128m', triggers = true, triggerRefreshMs = 200, settings = {} } = options;
  const conf = join(home, 'conf');
  mkdirSync(conf, { recursive: true });
  const server = {
    'server.bolt.enabled': 'true',
    'server.bolt.listen_address': `127.0.0.1:${port}`,
    'server.http.enabled': 'false',
    'dbms.security.auth_enabled': String(password !== undefined),
    'dbms.usage_report.enabled': 'false',
    'server.memory.pagecache.size': pageCache,
    'db.tx_log.preallocate': 'false',
    ...(plugins !== undefined && {
      'server.directories.plugins': plugins,
      'dbms.security.procedures.unrestricted': 'apoc.*',
    }),
    ...settings,
  };
  writeFileSync(join(conf, 'neo4j.conf'), lines(server));
  const apoc = { 'apoc.trigger.enabled': String(triggers), 'apoc.trigger.refresh': String(triggerRefreshMs) };
  writeFileSync(
    join(conf, 'apoc.conf'),
    lines({ ...apoc, 'apoc.export.file.enabled': 'true', 'apoc.import.file.enabled': 'true' }),
  );
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

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
