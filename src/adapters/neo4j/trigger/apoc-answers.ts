import { Neo4jError } from 'neo4j-driver';
import type { CaptureFinding } from '../../../ports/knowledge-graph.ts';

export const NOT_FOUND = 'Neo.ClientError.Procedure.ProcedureNotFound';

/** Triggers are disabled by the settings of the server. */
export function isDisabled({ message }: Neo4jError): boolean {
  return /triggers have not been enabled/i.test(message);
}

/** No trigger runs where there are none to be had. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof Neo4jError && (error.code === NOT_FOUND || isDisabled(error));
}

/** In which phase of a transaction a trigger runs, by its selector. */
export function phaseOf(selector: unknown): string {
  // Without a phase APOC takes the one before the commit.
  const phase = typeof selector === 'object' && selector !== null && 'phase' in selector ? selector.phase : undefined;
  return typeof phase === 'string' ? phase : 'before';
}

export function gap(kind: string, message: string): CaptureFinding {
  return { kind, message, key: null, gap: true };
}
