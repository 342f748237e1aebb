import { InvalidInputError } from '../../core/errors.ts';

/** The property that holds an entity's key unless the user names one of their own. */
export const DEFAULT_KEY_PROPERTY = 'palinodeKey';
export const OUTBOX_LABEL = '_PalinodeOutbox';
/** Beside the outbox label: a note that transactions were not captured. */
export const GAP_LABEL = '_PalinodeGap';
export const MARKER_LABEL = '_PalinodeMarker';
/** Nodes with one of these belong to the service and are no part of the graph. Any other label is the user's, however it begins. */
export const OUR_LABELS: readonly string[] = [OUTBOX_LABEL, GAP_LABEL, MARKER_LABEL];
/** Set and removed again in the same statement, to lock an entity where APOC is missing. Leaves nothing but its name in the list of property keys. */
export const LOCK_PROPERTY = '_palinodeLock';

/** What a key property is called, since it stands in query text as it is. */
export const KEY_PROPERTY = /^[\p{L}_][\p{L}\p{N}_]{0,99}$/u;

/**
 * A name of the user's in query text, for the few statements that cannot take it as a parameter: schema commands, and reads by an index. Neo4j
 * resolves \uXXXX before it reads quotes, and what comes of one is not resolved again. So backslashes, which would begin one, are written so,
 * and dollars, which begin parameters of ours.
 */
export function quoted(name: string): string {
  return `\`${name.replaceAll('\\', '\\u005C').replaceAll('$', '\\u0024').replaceAll('`', '``')}\``;
}

/** A key property for query text. @throws InvalidInputError when it is no plain name */
export function quotedKeyProperty(name: string): string {
  if (!KEY_PROPERTY.test(name))
    throw InvalidInputError.field(
      ['keyProperty'],
      'must be letters, digits and underscores, not beginning with a digit',
    );
  return quoted(name);
}

/** Whether a node with these labels is one of the service's own. */
export function isOurs(labels: readonly string[]): boolean {
  return labels.some((label) => OUR_LABELS.includes(label));
}

/** The same of a node in query text. */
export function isOursText(node: string): string {
  return `(${OUR_LABELS.map((label) => `${node}:${label}`).join(' OR ')})`;
}
