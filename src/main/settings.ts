import { resolve } from 'node:path';
import { z } from 'zod';
import { type GraphSetting, readGraphs } from './graphs-file.ts';
import { SettingError } from './setting-error.ts';

/** Everything that can be set from outside, checked. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  /** Absolute path of the folder of the embedded database and of archives. */
  readonly dataFolder: string;
  /** Absent: PGlite in `dataFolder`. */
  readonly databaseUrl: string | undefined;
  /** One Redis, or the nodes of a Redis Cluster; empty: in memory, one instance. */
  readonly redisUrls: readonly string[];
  readonly graphs: readonly GraphSetting[];
  readonly auth: 'off';
  /** What an empty first graph is filled with. */
  readonly sample: 'wordnet' | 'none';
  /** Hours between two full comparisons of each graph with its history. Absent: only when asked. */
  readonly verifyEveryHours: number | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const url = (...schemes: readonly string[]) =>
  z.string().refine((text) => schemes.includes(URL.parse(text)?.protocol ?? ''), {
    error: `must be an address that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
  });
const postgresUrl = url('postgres:', 'postgresql:');
const redisUrl = url('redis:', 'rediss:');
const listOf = <T extends z.ZodType<string, string>>(item: T) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(item));
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, { error: `must be ${values.slice(0, -1).join(', ')} or ${values.at(-1)}` });

const variables = {
  HOST: z.string().regex(/^\S+$/, 'must be a host name or an address').default('127.0.0.1'),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a number from 0 to 65535')
    .transform(Number)
    .refine((port) => port <= 65535, 'must be a number from 0 to 65535')
    .default(4000),
  PALINODE_DATA: z.string().default('.palinode'),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_REPLICA_URLS: listOf(postgresUrl).default([]),
  REDIS_URL: listOf(redisUrl).default([]),
  PALINODE_CONFIG: z.string().optional(),
  PALINODE_AUTH: oneOf(['off', 'jwt']).default('off'),
  PALINODE_SAMPLE: oneOf(['wordnet', 'none']).optional(),
  PALINODE_VERIFY_EVERY: z.coerce
    .number({ error: 'must be a number of hours' })
    .min(0.01, 'must be at least 0.01 hours')
    .max(8760, 'must be at most 8760 hours')
    .optional(),
  PALINODE_ROLE: oneOf(['all', 'api', 'worker', 'monitor']).default('all'),
};

/**
 * Reads the settings. A variable that is empty counts as absent.
 * @param environment the process's, npm's own variables included
 * @throws SettingError one line that names the setting
 */
export function readSettings(environment: Environment, folder = process.cwd()): Settings {
  const read = <K extends keyof typeof variables>(name: K) => readVariable(name, environment);
  const host = read('HOST');
  const databaseUrl = read('DATABASE_URL');
  const configFile = read('PALINODE_CONFIG');
  checkAuth(read('PALINODE_AUTH'), host);
  if (read('DATABASE_REPLICA_URLS').length > 0) throw notServed('DATABASE_REPLICA_URLS', 'read replicas');
  const role = read('PALINODE_ROLE');
  if (role !== 'all') throw notServed('PALINODE_ROLE', role);
  const underStart = environment.npm_lifecycle_event === 'start' && configFile === undefined;
  return {
    host,
    port: read('PORT'),
    dataFolder: resolve(folder, read('PALINODE_DATA')),
    databaseUrl,
    redisUrls: read('REDIS_URL'),
    graphs:
      configFile === undefined
        ? [{ name: 'demo', kind: 'embedded' }]
        : readGraphs(resolve(folder, configFile), environment),
    auth: 'off',
    sample: read('PALINODE_SAMPLE') ?? (underStart ? 'wordnet' : 'none'),
    verifyEveryHours: read('PALINODE_VERIFY_EVERY'),
  };
}

function readVariable<K extends keyof typeof variables>(name: K, environment: Environment) {
  const text = environment[name];
  const result = variables[name].safeParse(text === '' ? undefined : text);
  if (!result.success) throw new SettingError(name, result.error.issues[0]?.message ?? 'makes no sense');
  // safeParse of a lookup by key answers the union of all; the key says which it is.
  return result.data as z.output<(typeof variables)[K]>;
}

function checkAuth(auth: 'off' | 'jwt', host: string): void {
  if (auth === 'jwt') throw notServed('PALINODE_AUTH', 'jwt');
  if (!isLoopback(host)) {
    const advice = 'listen on 127.0.0.1, and let a proxy that asks for a password face the network';
    throw new SettingError('HOST', `${host} is reachable from outside, and this build knows no users yet: ${advice}`);
  }
}

/** Of a setting that is known and would have no effect: to start all the same would promise what nobody does. */
function notServed(setting: string, what: string): SettingError {
  return new SettingError(setting, `${what} ${what.endsWith('s') ? 'are' : 'is'} not served by this build yet`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
