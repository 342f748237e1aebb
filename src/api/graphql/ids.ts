import { InvalidInputError } from '../../core/errors.ts';

/** Types whose objects have a global id. The rest of the id is the key below, parts separated by colons. */
export const NODE_TYPES = [
  'Graph',
  'GraphNode',
  'GraphRelationship',
  'Transaction',
  'Session',
  'RollbackPoint',
  'RollbackSnapshot',
  'RollbackOperation',
  'Conflict',
  'ResolutionRule',
  'Rehearsal',
  'Verification',
  'AuditEntry',
] as const;
export type NodeType = (typeof NODE_TYPES)[number];

export interface GlobalId {
  readonly type: NodeType;
  readonly key: string;
}

const MAX_ID_LENGTH = 2048;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const RECORDS: ReadonlySet<NodeType> = new Set([
  'RollbackPoint',
  'RollbackSnapshot',
  'RollbackOperation',
  'Conflict',
  'ResolutionRule',
  'Rehearsal',
  'Verification',
  'AuditEntry',
]);

export function encodeId(type: NodeType, key: string): string {
  return Buffer.from(`${type}:${key}`, 'utf8').toString('base64url');
}

/** The type and key of an id that this service could have made, or null. */
export function decodeId(id: string): GlobalId | null {
  if (id.length > MAX_ID_LENGTH) return null;
  const text = Buffer.from(id, 'base64url').toString('utf8');
  const colon = text.indexOf(':');
  const type = NODE_TYPES.find((known) => known === text.slice(0, colon));
  const key = text.slice(colon + 1);
  if (type === undefined || key === '' || encodeId(type, key) !== id) return null;
  if (RECORDS.has(type) && !UUID.test(key)) return null;
  return { type, key };
}

/**
 * The key inside an id that must be of the given type.
 * @throws InvalidInputError naming `path`
 */
export function requireId(id: string, type: NodeType, path: readonly string[]): string {
  const decoded = decodeId(id);
  if (decoded?.type === type) return decoded.key;
  throw InvalidInputError.field(path, `is not the id of a ${type}`);
}

export interface TransactionKey {
  readonly graphId: number;
  readonly seq: bigint;
}

export function transactionId(key: TransactionKey): string {
  return encodeId('Transaction', `${key.graphId}:${key.seq}`);
}

/** The parts of a Transaction's key, or null. */
export function parseTransactionKey(key: string): TransactionKey | null {
  const [, graph, seq] = /^(\d{1,9}):(\d{1,18})$/.exec(key) ?? [];
  return graph === undefined || seq === undefined ? null : { graphId: Number(graph), seq: BigInt(seq) };
}

export interface EntityKey extends TransactionKey {
  readonly key: string;
}

/** The id of an entity covers graph, kind, key and moment. */
export function entityGlobalId(kind: 'NODE' | 'RELATIONSHIP', { graphId, seq, key }: EntityKey): string {
  return encodeId(kind === 'NODE' ? 'GraphNode' : 'GraphRelationship', `${graphId}:${seq}:${key}`);
}

/** The parts of an entity's key, or null. */
export function parseEntityKey(text: string): EntityKey | null {
  const [, moment, key] = /^(\d{1,9}:\d{1,18}):(.+)$/s.exec(text) ?? [];
  const at = moment === undefined ? null : parseTransactionKey(moment);
  return at === null || key === undefined ? null : { ...at, key };
}
