import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a server is configured by. */
export interface Neo4jSettings {
  /** Absolute path; made when missing, and used again as it is. */
  readonly home: string;
  /** Of Bolt; 0 for any. */
  readonly port: number;
  readonly pageCache?: string;
  /** What apoc.conf says of triggers. */
  readonly triggers?: boolean;
  /** How often APOC reads its triggers, in milliseconds. */
  readonly triggerRefreshMs?: number;
  /** The password of the user neo4j; without one nobody is asked who he is. */
  readonly password?: string;
  /** More lines of neo4j.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

const OPENED = ['java.nio', 'sun.nio.ch', 'java.lang'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

/** Arguments of Java that runs one of the programs beside this file. */
export function javaArguments(classPath: string, program: 'Launch' | 'Admin', more: readonly string[] = []): string[] {
  return [...OPENED, ...more, '-cp', classPath, program];
}

/** The same of a server. @param heap like `512m` */
export function serverArguments(classPath: string, home: string, heap: string, more: readonly string[] = []): string[] {
  const java = [`-Xms${heap}`, `-Xmx${heap}`, '-XX:+UseSerialGC', ...more];
  return [...javaArguments(classPath, 'Launch', java), home, join(home, 'conf', 'neo4j.conf')];
}

/** APOC looks for apoc.conf where these say. */
export function serverEnvironment(home: string): NodeJS.ProcessEnv {
  return { ...process.env, NEO4J_HOME: home, NEO4J_CONF: join(home, 'conf') };
}

/** Writes neo4j.conf and apoc.conf. @param plugins the folder of APOC, if it is to be there */
export function configure(options: Neo4jSettings, plugins: string | undefined): void {
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

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
