import { InvalidInputError } from '../../core/errors.ts';

const GRAPH_NAME = /^[a-z][a-z0-9_]{0,40}$/;

/** The version of the tables and functions that this build creates. Raise it with every change of the DDL. */
export const SCHEMA_VERSION = 2;

/** Tables whose triggers are capture, without their schema. */
export const TRIGGER_TABLES = ['nodes', 'relationships', 'outbox_transactions'] as const;

/**
 * The PostgreSQL schema that holds a graph, quoted for SQL.
 * @throws InvalidInputError when the name is not `[a-z][a-z0-9_]{0,40}`
 */
export function graphSchema(name: string): string {
  if (!GRAPH_NAME.test(name)) {
    throw InvalidInputError.field(['graph'], 'an embedded graph is named [a-z][a-z0-9_]{0,40}');
  }
  return `"graph_${name}"`;
}
