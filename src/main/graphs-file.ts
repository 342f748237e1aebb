import { readFileSync } from 'node:fs';
import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { KEY_PROPERTY } from '../adapters/neo4j/names.ts';
import { SettingError } from './setting-error.ts';

/** A graph under the service that its settings name. */
export type GraphSetting = EmbeddedSetting | Neo4jSetting;

export interface EmbeddedSetting {
  readonly name: string;
  readonly kind: 'embedded';
}

export interface Neo4jSetting {
  readonly name: string;
  readonly kind: 'neo4j';
  readonly url: string;
  readonly user: string | undefined;
  /** As the environment variable holds it that the file names. */
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly keyProperty: string | undefined;
  readonly derivedProperties: readonly string[];
  /** Whether the graph is attached at start, without being asked for. */
  readonly attach: boolean;
}

const name = z.string().regex(/^[a-z][a-z0-9_]{0,40}$/, 'must be 1 to 41 of a-z, 0-9 and _, beginning with a letter');
const filled = z.string().min(1, 'must not be empty');

const embedded = z.strictObject({ name, kind: z.literal('embedded') });

const neo4j = z.strictObject({
  name,
  kind: z.literal('neo4j'),
  url: z
    .string()
    .regex(/^(bolt|neo4j)(\+s|\+ssc)?:\/\/[^\s/]+/, 'must start with bolt:// or neo4j://, and name a host')
    .refine((text) => !text.includes('@'), 'must not hold a password: name its variable in passwordEnv'),
  user: filled.optional(),
  passwordEnv: filled.optional(),
  database: filled.optional(),
  keyProperty: z
    .string()
    .regex(KEY_PROPERTY, 'must be at most 100 letters, digits and underscores, not beginning with a digit')
    .optional(),
  derivedProperties: z.array(filled).default([]),
  attach: z.boolean().default(false),
});

const file = z.strictObject({
  graphs: z.array(z.discriminatedUnion('kind', [embedded, neo4j])).min(1, 'names no graph'),
});

/**
 * Reads the graphs from the file that PALINODE_CONFIG names.
 * @param environment where the passwords are that the file names
 * @throws SettingError one line that names what is wrong in it
 */
export function readGraphs(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): readonly GraphSetting[] {
  const result = file.safeParse(readJson(path));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw problem(`${path}: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
  }
  const seen = new Set<string>();
  return result.data.graphs.map((graph, index) => {
    if (seen.has(graph.name)) throw problem(`${path}: two graphs are named ${graph.name}`);
    seen.add(graph.name);
    if (graph.kind === 'embedded') return graph;
    const at = (field: string, message: string) => problem(`${path}: graphs.${index}.${field}: ${message}`);
    return withPassword(graph, environment, at);
  });
}

function withPassword(
  { passwordEnv, ...graph }: z.output<typeof neo4j>,
  environment: Readonly<Record<string, string | undefined>>,
  at: (field: string, message: string) => SettingError,
): Neo4jSetting {
  const { user, database, keyProperty, derivedProperties } = graph;
  if ((user === undefined) !== (passwordEnv === undefined)) {
    const missing = user === undefined ? 'user' : 'passwordEnv';
    throw at(missing, 'is missing: user and passwordEnv, the variable that holds the password, go together');
  }
  const password = passwordEnv === undefined ? undefined : environment[passwordEnv];
  if (passwordEnv !== undefined && (password === undefined || password === '')) {
    throw at('passwordEnv', `the environment variable ${passwordEnv} is not set`);
  }
  if (keyProperty !== undefined && derivedProperties.includes(keyProperty)) {
    throw at('derivedProperties', `${keyProperty} is the key property`);
  }
  return { ...graph, user, password, database, keyProperty };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw problem(`${path} cannot be read: ${isNativeError(error) ? error.message : error}`);
  }
}

function problem(text: string): SettingError {
  return new SettingError('PALINODE_CONFIG', text);
}
