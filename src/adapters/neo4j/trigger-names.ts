/** Of an outbox node; of a note only the first two. Names that nobody else uses, so that they can be told in the parameters. */
export const OUTBOX_PROPERTIES = ['tx', 'at', 'part', 'parts', 'changes', 'rows', 'whose', 'size', 'payload'].map(
  (name) => `_palinode_${name}`,
);

/** What APOC tells a trigger. */
export const PARAMETERS = [
  'createdNodes',
  'createdRelationships',
  'deletedNodes',
  'deletedRelationships',
  'assignedLabels',
  'removedLabels',
  'assignedNodeProperties',
  'removedNodeProperties',
  'assignedRelationshipProperties',
  'removedRelationshipProperties',
  'metaData',
];

/** A string, or a list of strings, in query text. Names may hold anything; backslashes are doubled, so that no escape is left in them. */
export function literal(text: string | readonly string[]): string {
  if (typeof text !== 'string') return `[${text.map((one) => literal(one)).join(', ')}]`;
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
