/** Of an outbox node; of a note only the first two. Names that nobody else uses, so that they can be told in the parameters. */
export const OUTBOX_PROPERTIES = ['tx', 'at', 'part', 'parts', 'changes', 'rows', 'whose', 'size', 'payload'].map(
  (name) => `_palinode_${name}`,
);

/** Where APOC tells of keys that were set and removed, of nodes and of relationships. */
export const KEY_MAPS = [
  'assignedNodeProperties',
  'removedNodeProperties',
  'assignedRelationshipProperties',
  'removedRelationshipProperties',
] as const;

/** A string, or a list of strings, in query text. Names may hold anything; backslashes are doubled, so that no escape is left in them. */
export function literal(text: string | readonly string[]): string {
  if (typeof text !== 'string') return `[${text.map((one) => literal(one)).join(', ')}]`;
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
