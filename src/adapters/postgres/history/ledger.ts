import { accumulator } from '../../../core/checksum.ts';
import { addSummaries, NO_CHANGES, summarize } from '../../../core/diff.ts';
import type { EntityState } from '../../../core/entities.ts';
import type { ChangeSummary } from '../../../core/moments.ts';
import type { HistoryEntry, RecordedTransaction, VersionEntry } from '../../../ports/history.ts';
import { StaleTokenError } from '../../../ports/knowledge-graph.ts';
import type { Head, Partial } from './head.ts';

/** A completed transaction with the id that capture gave it. */
export interface CompletedTransaction {
  readonly feedId: string;
  readonly recorded: RecordedTransaction;
}

/** Keeps the running totals of a graph while entries are added to its history. */
export class Ledger {
  readonly completed: CompletedTransaction[] = [];
  /** By how much the counts of labels and types change through completed transactions. */
  readonly names = new Map<string, number>();
  reconciled = 0n;
  earliest: bigint | null = null;
  readonly #head: Head;
  readonly #checksum;
  #seq: bigint;
  #time: Date;
  #nodeCount: bigint;
  #relationshipCount: bigint;
  #open: { feedId: string; summary: ChangeSummary; names: Map<string, number> } | null = null;

  constructor(head: Head) {
    const { partial } = head;
    this.#head = head;
    this.#seq = head.seq;
    this.#time = head.time;
    const totals = partial ?? head;
    this.#nodeCount = totals.nodeCount;
    this.#relationshipCount = totals.relationshipCount;
    this.#checksum = accumulator(totals.checksum);
    if (partial !== null) {
      const names = new Map(partial.names.map(([kind, name, by]) => [kind + name, by]));
      this.#open = { feedId: partial.feedId, summary: partial.summary, names };
    }
  }

  /** Counts an entry. @throws StaleTokenError when it does not follow what is stored */
  add(entry: HistoryEntry): void {
    if (entry.seq !== this.#seq + 1n || (entry.first ? this.#open !== null : this.#open?.feedId !== entry.feedId)) {
      throw new StaleTokenError(`transaction ${entry.feedId} at ${entry.seq} does not follow ${this.#seq}`);
    }
    this.#open ??= { feedId: entry.feedId, summary: NO_CHANGES, names: new Map() };
    this.#open.summary = addSummaries(this.#open.summary, summarize(entry.versions.map((version) => version.change)));
    for (const version of entry.versions) this.#count(version, this.#open.names);
    if (entry.source === 'RECONCILE') this.reconciled += BigInt(entry.versions.length);
    if (entry.last) this.#complete(entry, this.#open.summary, this.#open.names);
  }

  /** What is stored of an unfinished transaction after all entries. */
  partial(): Partial | null {
    if (this.#open === null) return null;
    const { feedId, summary } = this.#open;
    const names = [...this.#open.names].map(([id, by]) => [id.charAt(0), id.slice(1), by] as const);
    return { feedId, summary, names, ...this.#totals() };
  }

  #count({ change, beforeHash, afterHash }: VersionEntry, names: Map<string, number>): void {
    const by = BigInt(change.after === null ? 0 : 1) - BigInt(change.before === null ? 0 : 1);
    if (change.kind === 'NODE') this.#nodeCount += by;
    else this.#relationshipCount += by;
    if (beforeHash !== null) this.#checksum.subtract(beforeHash);
    if (afterHash !== null) this.#checksum.add(afterHash);
    for (const name of namesOf(change.before)) names.set(name, (names.get(name) ?? 0) - 1);
    for (const name of namesOf(change.after)) names.set(name, (names.get(name) ?? 0) + 1);
  }

  #complete(entry: HistoryEntry, summary: ChangeSummary, names: ReadonlyMap<string, number>): void {
    this.#open = null;
    this.#seq = entry.seq;
    if (entry.time > this.#time) this.#time = entry.time;
    for (const [name, by] of names) this.names.set(name, (this.names.get(name) ?? 0) + by);
    if (entry.source === 'BASELINE') this.earliest = entry.seq;
    const recorded = {
      graphId: this.#head.graphId,
      seq: entry.seq,
      time: this.#time,
      actor: entry.actor,
      sessionId: entry.sessionId,
      source: entry.source,
      operationId: entry.operationId,
      epoch: this.#head.epoch,
      cut: entry.cut,
      changeCount: Object.values(summary).reduce((sum, count) => sum + count, 0n),
      summary,
      ...this.#totals(),
    };
    this.completed.push({ feedId: entry.feedId, recorded });
  }

  #totals(): Pick<Partial, 'nodeCount' | 'relationshipCount' | 'checksum'> {
    return {
      nodeCount: this.#nodeCount,
      relationshipCount: this.#relationshipCount,
      checksum: this.#checksum.sum(),
    };
  }
}

/** What is counted of a state: `L` and each label, or `T` and the type. */
function namesOf(state: EntityState | null): readonly string[] {
  if (state === null) return [];
  return state.kind === 'NODE' ? state.labels.map((label) => `L${label}`) : [`T${state.type}`];
}
