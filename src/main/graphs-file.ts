import { readFileSync } from 'node:fs';
import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { SettingError } from './setting-error.ts';

/** A graph under the service that its settings name. */
export interface GraphSetting {
  readonly name: string;
  readonly kind: 'embedded';
}

const name = z.string().regex(/^[a-z][a-z0-9_]{0,40}$/, 'must be 1 to 41 of a-z, 0-9 and _, beginning with a letter');

const embedded = z.strictObject({ name, kind: z.literal('embedded') });

const neo4j = z.strictObject({
  name,
  kind: z.literal('neo4j'),
  url: z.string().regex(/^(bolt|neo4j)(\+s|\+ssc)?:\/\//, 'must start with bolt:// or neo4j://'),
  user: z.string().optional(),
  passwordEnv: z.string().optional(),
  database: z.string().optional(),
  keyProperty: z.string().optional(),
  derivedProperties: z.array(z.string()).optional(),
  attach: z.boolean().optional(),
});

const file = z.strictObject({
  graphs: z.array(z.discriminatedUnion('kind', [embedded, neo4j])).min(1, 'names no graph'),
});

/**
 * Reads the graphs from the file that PALINODE_CONFIG names.
 * @throws SettingError one line that names what is wrong in it
 */
export function readGraphs(path: string): readonly GraphSetting[] {
  const result = file.safeParse(readJson(path));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw problem(`${path}: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`);
  }
  const seen = new Set<string>();
  return result.data.graphs.map((graph) => {
    if (seen.has(graph.name)) throw problem(`${path}: two graphs are named ${graph.name}`);
    seen.add(graph.name);
    if (graph.kind === 'embedded') return graph;
    throw problem(`${path}: ${graph.name} is a neo4j graph, and this build serves embedded graphs only`);
  });
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
