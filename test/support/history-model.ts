import fc from 'fast-check';
import { sameState } from '../../src/core/canonical.ts';
import { accumulator } from '../../src/core/checksum.ts';
import { applyChanges, diffStates, type StateMap } from '../../src/core/diff.ts';
import { type EntityChange, type EntityId, type EntityState, entityId } from '../../src/core/entities.ts';
import { stateHash } from '../../src/core/hash.ts';
import type { TransactionSource } from '../../src/core/moments.ts';
import type { FullTransaction } from '../../src/core/recording-types.ts';
import type { UndoSelector, UndoSet } from '../../src/core/undo-set.ts';
import { arbProperties } from './arbitraries.ts';

/** One write that is tried: what cannot be (a relationship without ends) is left out. */
export type WriteSpec =
  | { readonly put: EntityState }
  | { readonly deleteNode: string }
  | { readonly deleteRelationship: string };

export interface TransactionSpec {
  readonly source: TransactionSource;
  readonly actor: string | null;
  readonly session: string | null;
  readonly operation: string | null;
  readonly seconds: number;
  readonly writes: readonly WriteSpec[];
}

const NODES = ['a', 'b', 'B', 'é', '😀'];
const RELATIONSHIPS = ['a', 'r', 's'];
export const OPERATIONS = ['6f1c1a52-0000-4000-8000-000000000001', '6f1c1a52-0000-4000-8000-000000000002'];

const arbNode = fc.record({
  kind: fc.constant('NODE' as const),
  key: fc.constantFrom(...NODES),
  labels: fc.subarray(['Draft', 'Person', 'Über "x"']).map((labels) => labels.sort()),
  properties: arbProperties,
});
const arbRelationship = fc.record({
  kind: fc.constant('RELATIONSHIP' as const),
  key: fc.constantFrom(...RELATIONSHIPS),
  type: fc.constantFrom('KNOWS', 'LIKES'),
  start: fc.constantFrom(...NODES),
  end: fc.constantFrom(...NODES),
  properties: arbProperties,
});
const arbWrite: fc.Arbitrary<WriteSpec> = fc.oneof(
  { weight: 4, arbitrary: arbNode.map((put) => ({ put })) },
  { weight: 3, arbitrary: arbRelationship.map((put) => ({ put })) },
  { weight: 1, arbitrary: fc.constantFrom(...NODES).map((deleteNode) => ({ deleteNode })) },
  { weight: 1, arbitrary: fc.constantFrom(...RELATIONSHIPS).map((deleteRelationship) => ({ deleteRelationship })) },
);
const arbOrigin = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ source: 'API' as const, operation: null }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('RECONCILE' as const, 'BASELINE' as const)
      .map((source) => ({ source, operation: null })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...OPERATIONS).map((operation) => ({ source: 'ROLLBACK' as const, operation })),
  },
);
const arbTransaction: fc.Arbitrary<TransactionSpec> = fc
  .record({
    origin: arbOrigin,
    actor: fc.constantFrom('ada', 'bob', null),
    session: fc.constantFrom('s1', 's2', null),
    seconds: fc.integer({ min: -3, max: 3 }),
    writes: fc.array(arbWrite, { maxLength: 6 }),
  })
  .map(({ origin, ...rest }) => ({ ...rest, ...origin }));

export const arbHistory = fc.array(arbTransaction, { minLength: 1, maxLength: 12 });

export interface ModelTransaction extends FullTransaction {
  readonly seq: bigint;
}

/** What a history should hold, kept in the plainest way: every state of the whole graph. Transactions that change nothing are left out. */
export class HistoryModel {
  readonly transactions: ModelTransaction[] = [];
  readonly #states: StateMap[] = [new Map()];

  constructor(specs: readonly TransactionSpec[]) {
    let time = Date.UTC(2024, 0, 1);
    for (const { writes, seconds, ...origin } of specs) {
      time += seconds * 1000;
      const before = this.at(this.head);
      const after = written(before, writes);
      const changes = diffStates(before, after).sort(byKindAndKey);
      if (changes.length === 0) continue;
      const seq = this.head + 1n;
      const whole = { first: true, last: true, cut: true };
      this.transactions.push({ seq, id: `t${seq}`, time: new Date(time), ...origin, changes, ...whole });
      this.#states.push(applyChanges(before, changes));
    }
  }

  get head(): bigint {
    return BigInt(this.transactions.length);
  }

  at(seq: bigint): StateMap {
    return this.#states[Number(seq)] ?? new Map();
  }

  stateAt(id: EntityId, seq: bigint): EntityState | null {
    return this.at(seq).get(id) ?? null;
  }

  /** Every entity there ever was. */
  refs(): readonly { kind: EntityState['kind']; key: string }[] {
    const changes = this.transactions.flatMap((transaction) => transaction.changes);
    return [...new Map(changes.map(({ kind, key }) => [entityId({ kind, key }), { kind, key }])).values()];
  }

  checksumAt(seq: bigint): Uint8Array {
    const sum = accumulator();
    for (const state of this.at(seq).values()) sum.add(stateHash(state));
    return sum.sum();
  }

  /** Net changes with the seq of the last one, in the order of a diff. */
  diff(from: bigint, to: bigint): (EntityChange & { seq: bigint })[] {
    const net = this.refs().flatMap(({ kind, key }) => {
      const id = entityId({ kind, key });
      const [before, after] = [this.stateAt(id, from), this.stateAt(id, to)];
      if (sameState(before, after)) return [];
      const last = this.transactions.findLast((t) => t.seq <= to && t.changes.some((c) => entityId(c) === id));
      return [{ kind, key, before, after, seq: last?.seq ?? 0n }];
    });
    return net.sort((a, b) => Number(a.seq - b.seq) || byKindAndKey(a, b));
  }

  isMember({ selector, from, until }: UndoSet, transaction: ModelTransaction): boolean {
    return transaction.seq > from && transaction.seq <= until && isSelected(selector, transaction);
  }
}

function isSelected(selector: UndoSelector, { seq, source, actor, session, operation }: ModelTransaction): boolean {
  const own = source === 'API' || source === 'BOLT' || source === 'SQL';
  switch (selector.by) {
    case 'restore':
      return source !== 'BASELINE';
    case 'everyone':
      return own || source === 'ROLLBACK';
    case 'session':
      return own && session === selector.sessionId;
    case 'actor':
      return own && actor === selector.actor;
    case 'operation':
      return operation === selector.operationId;
    case 'transactions':
      return source !== 'BASELINE' && selector.seqs.includes(seq);
  }
}

function written(before: StateMap, writes: readonly WriteSpec[]): StateMap {
  const states = new Map(before);
  for (const write of writes) {
    if ('deleteRelationship' in write) states.delete(`r:${write.deleteRelationship}`);
    else if ('deleteNode' in write) deleteNode(states, write.deleteNode);
    else if (write.put.kind === 'NODE') states.set(entityId(write.put), write.put);
    else if (states.has(`n:${write.put.start}`) && states.has(`n:${write.put.end}`))
      states.set(entityId(write.put), write.put);
  }
  return states;
}

function deleteNode(states: Map<EntityId, EntityState>, key: string): void {
  states.delete(`n:${key}`);
  for (const [id, state] of states) {
    if (state.kind === 'RELATIONSHIP' && (state.start === key || state.end === key)) states.delete(id);
  }
}

/** As history orders: nodes first, keys by their UTF-8 bytes. */
export function byKindAndKey(a: { kind: string; key: string }, b: { kind: string; key: string }): number {
  if (a.kind !== b.kind) return a.kind < b.kind ? -1 : 1;
  return Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
}
