import { deletes, isDelta } from './deltas.ts';
import { type EntityChange, type EntityId, type EntityRef, type EntityState, entityId } from './entities.ts';
import { sameHash, stateHash } from './hash.ts';
import { originsAfter } from './origins.ts';
import type {
  CapturedChange,
  CapturedTransaction,
  CurrentVersion,
  FullTransaction,
  HistoryEntry,
  VersionEntry,
} from './recording-types.ts';
import type { Origins } from './undo-set.ts';

/** What is stored before a slice is recorded. */
export interface StoredBefore {
  /** The seq of the next transaction, or of the unfinished one that the slice goes on with. */
  readonly seq: bigint;
  /** The newest version of every entity that the slice changes. */
  readonly current: ReadonlyMap<EntityId, CurrentVersion>;
  /** Those of the slice's relationship ends that exist. */
  readonly nodes: ReadonlySet<string>;
  /** By operation: where the values come from that a rollback puts back. */
  readonly putBack: ReadonlyMap<string, ReadonlyMap<EntityId, Origins>>;
}

/**
 * A place where what was captured does not continue what is stored: writes in between were missed. `transaction` is an index into the
 * slice.
 * - `STATE`: the entity is not as the transaction found it. `fix` is the change that was missed.
 * - `END`: a relationship begins or ends at a node that is not stored.
 */
export type ChainBreak =
  | { readonly kind: 'STATE'; readonly transaction: number; readonly fix: EntityChange }
  | { readonly kind: 'END'; readonly transaction: number; readonly node: string };

/** What a slice becomes. With breaks, the entries are not to be stored: first what was missed is put into the slice. */
export interface Recording {
  readonly entries: readonly HistoryEntry[];
  readonly breaks: readonly ChainBreak[];
}

/**
 * Turns a slice of the feed into entries of history, checking that each change continues what is stored.
 *
 * @param hashOf the state hash, from wherever the caller has it
 */
export function recordSlice(
  slice: readonly FullTransaction[],
  stored: StoredBefore,
  hashOf: (state: EntityState) => Uint8Array = stateHash,
): Recording {
  const chain = new Chain(stored, hashOf);
  let { seq } = stored;
  const entries = slice.map((transaction, index): HistoryEntry => {
    const { id, first, last, time, actor, session, source, operation, cut } = transaction;
    const versions = transaction.changes.flatMap((change) => chain.add(change, index, transaction, seq) ?? []);
    const entry = { seq, feedId: id, first, last, time, actor, sessionId: session, source, operationId: operation };
    if (last) seq += 1n;
    return { ...entry, cut, versions };
  });
  return { entries, breaks: chain.breaks };
}

/** What is stored, with the changes of a slice applied one by one. */
class Chain {
  readonly breaks: ChainBreak[] = [];
  readonly #hashOf: (state: EntityState) => Uint8Array;
  readonly #putBack: StoredBefore['putBack'];
  readonly #current: Map<EntityId, CurrentVersion>;
  readonly #nodes: Set<string>;

  constructor(stored: StoredBefore, hashOf: (state: EntityState) => Uint8Array) {
    this.#hashOf = hashOf;
    this.#putBack = stored.putBack;
    this.#current = new Map(stored.current);
    this.#nodes = new Set(stored.nodes);
  }

  /** @returns null for a change that leaves everything as it is */
  add(change: EntityChange, index: number, by: CapturedTransaction, seq: bigint): VersionEntry | null {
    const { kind, key, before, after } = change;
    const id = entityId(change);
    const previous = this.#current.get(id) ?? null;
    const beforeHash = before === null ? null : this.#hashOf(before);
    const afterHash = after === null ? null : this.#hashOf(after);
    if (!sameHash(previous?.hash ?? null, beforeHash)) {
      const fix = { kind, key, before: previous?.state ?? null, after: before };
      this.breaks.push({ kind: 'STATE', transaction: index, fix });
    }
    if (sameHash(beforeHash, afterHash)) return null;
    for (const node of newEnds(change)) this.#checkEnd(node, index);
    if (kind === 'NODE' && after === null) this.#nodes.delete(key);
    if (kind === 'NODE' && after !== null) this.#nodes.add(key);
    const putBack = by.operation === null ? null : (this.#putBack.get(by.operation)?.get(id) ?? null);
    const origins = originsAfter(previous, after, putBack);
    this.#current.set(id, { kind, key, seq, state: after, origins, hash: afterHash });
    return { change, beforeHash, afterHash, origins };
  }

  #checkEnd(node: string, index: number): void {
    if (this.#nodes.has(node)) return;
    this.breaks.push({ kind: 'END', transaction: index, node });
    this.#nodes.add(node);
  }
}

/** The nodes that a change ties a relationship to. */
function newEnds(change: CapturedChange): readonly string[] {
  const before = isDelta(change) ? null : change.before;
  const after = isDelta(change) ? change.recreated : change.after;
  if (after?.kind !== 'RELATIONSHIP') return [];
  if (before?.kind === 'RELATIONSHIP' && before.start === after.start && before.end === after.end) return [];
  return [after.start, after.end];
}

/** What has to be looked up in history before a slice can be recorded. */
export interface SliceNeeds {
  readonly changed: readonly EntityRef[];
  readonly ends: readonly string[];
  /** Nodes that the transactions which end in this slice delete. */
  readonly deletedNodes: readonly string[];
  readonly relationships: readonly string[];
  /** By operation: the entities that it writes in this slice. */
  readonly putBack: ReadonlyMap<string, readonly EntityRef[]>;
}

export function needsOf(slice: readonly CapturedTransaction[]): SliceNeeds {
  const changed = new Map<EntityId, EntityRef>();
  const ends = new Set<string>();
  const deletedNodes = new Set<string>();
  const putBack = new Map<string, EntityRef[]>();
  for (const { changes, last, source, operation } of slice) {
    const refs = changes.map(({ kind, key }) => ({ kind, key }));
    for (const ref of refs) changed.set(entityId(ref), ref);
    for (const change of changes) {
      for (const node of newEnds(change)) ends.add(node);
      if (last && change.kind === 'NODE' && deletes(change)) deletedNodes.add(change.key);
    }
    if (source === 'ROLLBACK' && operation !== null) {
      putBack.set(operation, [...(putBack.get(operation) ?? []), ...refs]);
    }
  }
  const relationships = [...changed.values()].filter(({ kind }) => kind === 'RELATIONSHIP').map(({ key }) => key);
  return { changed: [...changed.values()], ends: [...ends], deletedNodes: [...deletedNodes], relationships, putBack };
}

/**
 * Leaves out transactions that changed nothing. The state after one is the state after its predecessor, so its cut becomes that one's;
 * it stays only when there is no predecessor here to carry the cut and the head is not one.
 */
export function withoutEmpty<T extends CapturedTransaction>(slice: readonly T[], headIsCut: boolean): T[] {
  const kept: T[] = [];
  for (const transaction of slice) {
    const previous = kept.at(-1);
    const isEmpty = transaction.first && transaction.last && transaction.changes.length === 0;
    if (!isEmpty) kept.push(transaction);
    else if (!transaction.cut) continue;
    else if (previous !== undefined) kept[kept.length - 1] = { ...previous, cut: true };
    else if (!headIsCut) kept.push(transaction);
  }
  return kept;
}

/** The transaction that records what was missed before another one. */
export function reconcileOf(id: string, before: CapturedTransaction, fixes: readonly EntityChange[]): FullTransaction {
  const nobody = { actor: null, session: null, operation: null } as const;
  return {
    id,
    time: before.time,
    source: 'RECONCILE',
    ...nobody,
    cut: false,
    changes: [...fixes].sort(byKindAndKey),
    first: true,
    last: true,
  };
}

function byKindAndKey(a: EntityRef, b: EntityRef): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return a.key < b.key ? -1 : Number(a.key > b.key);
}

/** The state to assume of a relationship end that was missed and does not exist any more. */
export function bareNode(key: string): EntityState {
  return { kind: 'NODE', key, labels: [], properties: {} };
}
