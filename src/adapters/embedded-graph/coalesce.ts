import { canonicalState, sameState } from '../../core/canonical.ts';
import type { EntityChange, EntityState } from '../../core/entities.ts';
import { type OutboxRow, outboxState } from './states.ts';

/**
 * Folds the rows of one transaction, ordered by entity, into one net change per entity. An entity whose
 * rows may go on in the next page is kept back until `finish`.
 *
 * The rows of an entity are the steps of one path from its state before the transaction to its state after
 * it, but not always in the order of that path: a statement inside another's row trigger is captured first,
 * and MERGE reports its inserts before its deletes. Every state on the path is left as often as it is
 * entered, except the first and the last; so those two are found without any order.
 */
export class Coalescer {
  #path: Path | null = null;

  /** The changes that are complete after these rows. */
  add(rows: readonly OutboxRow[]): EntityChange[] {
    const changes: EntityChange[] = [];
    for (const row of rows) {
      if (this.#path === null || !this.#path.isOf(row)) {
        changes.push(...this.finish());
        this.#path = new Path(row);
      } else this.#path.step(row);
    }
    return changes;
  }

  /** The change of the last entity, if there is one. */
  finish(): EntityChange[] {
    const change = this.#path?.net() ?? null;
    this.#path = null;
    return change === null ? [] : [change];
  }
}

/** How often a state was left, less how often it was entered. */
interface Balance {
  readonly state: EntityState | null;
  readonly count: number;
}

class Path {
  readonly #first: OutboxRow;
  /** Made when a second row comes: most entities have one. */
  #balances: Map<string, Balance> | null = null;

  constructor(row: OutboxRow) {
    this.#first = row;
  }

  isOf(row: OutboxRow): boolean {
    return row.kind === this.#first.kind && row.key === this.#first.key;
  }

  step(row: OutboxRow): void {
    if (this.#balances === null) {
      this.#balances = new Map();
      this.#count(this.#balances, this.#first);
    }
    this.#count(this.#balances, row);
  }

  /** Null when the transaction left the entity as it was. */
  net(): EntityChange | null {
    const [before, after] = this.#ends();
    const state = before ?? after;
    return state === null || sameState(before, after) ? null : { kind: state.kind, key: state.key, before, after };
  }

  #ends(): [EntityState | null, EntityState | null] {
    if (this.#balances === null) return [outboxState(this.#first, 'before'), outboxState(this.#first, 'after')];
    const open = [...this.#balances.values()];
    return [open.find(({ count }) => count > 0)?.state ?? null, open.find(({ count }) => count < 0)?.state ?? null];
  }

  #count(balances: Map<string, Balance>, row: OutboxRow): void {
    this.#move(balances, outboxState(row, 'before'), 1);
    this.#move(balances, outboxState(row, 'after'), -1);
  }

  #move(balances: Map<string, Balance>, state: EntityState | null, by: 1 | -1): void {
    const name = state === null ? '' : canonicalState(state);
    const count = (balances.get(name)?.count ?? 0) + by;
    if (count === 0) balances.delete(name);
    else balances.set(name, { state, count });
  }
}
