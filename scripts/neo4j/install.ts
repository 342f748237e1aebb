import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { archiveClasses } from './class-archive.ts';

/** Where the libraries of one Neo4j with APOC are. Nothing in it changes after it was made, but that the archive of classes comes a moment later. */
export interface Neo4jInstallation {
  readonly folder: string;
  /** Java class path with APOC, and without. */
  readonly classPath: string;
  readonly plainClassPath: string;
  readonly plugins: string;
  /** Classes of `classPath` as Java has them in memory, which halves the start. Not there where Java would not write them. */
  readonly classArchive: string;
}

const VERSION = '5.26.12';
/** Raised when what is installed changes while the version stays. */
const REVISION = 2;
const LOCK_PATIENCE_MS = 10 * 60_000;
const sources = dirname(fileURLToPath(import.meta.url));

/**
 * The Neo4j of development and tests, put together from Maven Central on first use and kept in the user's cache folder. Safe when several
 * processes ask at once.
 * @throws Error that says what is missing on this machine
 */
export async function installNeo4j(): Promise<Neo4jInstallation> {
  const folder = join(cacheFolder(), `neo4j-${VERSION}-${REVISION}`);
  if (!existsSync(folder)) await underLock(`${folder}.lock`, () => existsSync(folder) || build(folder));
  return installationIn(folder);
}

function installationIn(folder: string): Neo4jInstallation {
  const plugins = join(folder, 'plugins');
  const plainClassPath = [join(folder, 'launch.jar'), join(folder, 'lib', '*')].join(':');
  const classPath = `${plainClassPath}:${join(plugins, '*')}`;
  return { folder, plugins, plainClassPath, classPath, classArchive: join(folder, 'classes.jsa') };
}

function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'palinode');
}

async function build(folder: string): Promise<void> {
  ensurePrograms();
  console.error(`Fetching Neo4j ${VERSION} with APOC ...`);
  const draft = `${folder}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const [lib, plugins, classes] = [join(draft, 'lib'), join(draft, 'plugins'), join(draft, 'classes')];
  fetchLibraries('server.pom.xml', lib);
  fetchLibraries('apoc.pom.xml', plugins);
  for (const name of ['Launch.java', 'Admin.java']) {
    execFileSync('javac', ['-cp', join(lib, '*'), '-d', classes, join(sources, name)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  execFileSync('jar', ['cf', join(draft, 'launch.jar'), '-C', classes, '.']);
  rmSync(classes, { recursive: true });
  renameSync(draft, folder);
  // By now, since Java takes an archive only for the very paths that it was made of.
  await archiveClasses(installationIn(folder));
}
function fetchLibraries(pom: string, to: string): void {
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${to}`];
  const result = spawnSync('mvn', ['-B', '-q', '-f', join(sources, pom), ...goal], { encoding: 'utf8' });
  if (result.status !== 0) {
    throw new Error(`Maven could not fetch what ${pom} lists:\n${result.stdout}${result.stderr}`.slice(0, 4000));
  }
}

/** Java 17 and Maven; on Debian, root gets what is missing. */
function ensurePrograms(): void {
  const missing = () => ['javac', 'mvn'].filter((name) => spawnSync(name, ['-version']).error !== undefined);
  if (missing().length === 0) return;
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).error === undefined) {
    console.error('Installing Java 17 and Maven ...');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (...parameters: string[]) =>
      spawnSync('apt-get', ['-qq', ...parameters], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    apt('update');
    apt('install', '-y', '--no-install-recommends', 'openjdk-17-jdk-headless', 'maven');
  }
  const still = missing();
  if (still.length > 0) throw new Error(`Neo4j needs ${still.join(' and ')} on this machine (Java 17 and Maven)`);
}

/** Runs `work` while no other process does; a lock whose owner has died is taken over. */
async function underLock(file: string, work: () => unknown): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  for (const until = Date.now() + LOCK_PATIENCE_MS; ; ) {
    try {
      writeSync(openSync(file, 'wx'), String(process.pid));
      break;
    } catch {
      if (!isAlive(ownerOf(file))) rmSync(file, { force: true });
      else if (Date.now() > until) throw new Error(`another process holds ${file}`);
      else await sleep(500);
    }
  }
  try {
    await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function ownerOf(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

function isAlive(pid: number): boolean {
  if (pid === 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
