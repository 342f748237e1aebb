import type { CapturedTransaction } from '../../../core/recording-types.ts';
import { DamagedEntryError, type OutboxDecoder } from './decoder.ts';
import type { Outbox, OutboxHeader, PartHeader, Payload } from './outbox.ts';

/** Scans that are made for one view: each looks for what committed while the one before it ran. */
const MOST_SCANS = 5;
/** Small transactions whose payloads are fetched together: characters and number. */
const CHARACTERS_TOGETHER = 4_000_000;
const TRANSACTIONS_TOGETHER = 500;
/** How long a transaction whose parts are not all there is waited for. The graph commits them together. */
const INCOMPLETE_MS = 30_000;

/** Transactions of a scan of which nothing is fed: `nothing` that is a user's was changed, or what was changed is `lost`. */
interface Aside {
  readonly nothing: string[];
  readonly lost: Set<string>;
}

/** One scan of the outbox, as the port wants it. */
export class OutboxFeed {
  readonly #outbox: Outbox;
  /** Since when, in milliseconds, transactions are seen without all their parts. */
  readonly #incomplete = new Map<string, number>();
  /** Transactions with nothing to record, of a scan that showed what has to be noted before they go. */
  #left: ReadonlyMap<string, readonly PartHeader[]> = new Map();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /**
   * Slices of whole transactions in the order of their stamps, at most about `maxChanges` changes in each; a larger transaction is cut into
   * slices of its own. The last transaction is a cut.
   *
   * @param onScan told of the transactions of the scan before the first slice
   * @param hasNoticed whether the scan has come across something that is to be noted: then what has nothing to be recorded stays until the next one
   */
  async *slices(
    decoder: OutboxDecoder,
    maxChanges: number,
    onScan: (headers: readonly OutboxHeader[]) => void,
    hasNoticed: () => boolean,
  ): AsyncGenerator<readonly CapturedTransaction[]> {
    await this.#removeLeft();
    const { headers, isWhole } = await this.#view();
    onScan(headers);
    const nothing: string[] = [];
    const lost = new Set<string>();
    let held: readonly CapturedTransaction[] = [];
    for await (const slice of this.#grouped(decoder, headers, maxChanges, { nothing, lost })) {
      if (held.length > 0) yield held;
      held = slice;
    }
    const last = held.at(-1);
    if (last !== undefined) yield [...held.slice(0, -1), { ...last, cut: isWhole && lost.size === 0 }];
    // What changed nothing of the user's has nothing to be recorded before it goes.
    this.#left = new Map(headers.filter(({ tx }) => nothing.includes(tx)).map(({ tx, parts }) => [tx, parts]));
    if (!hasNoticed()) await this.#removeLeft();
  }

  async #removeLeft(): Promise<void> {
    const left = this.#left;
    if (left.size === 0) return;
    await this.#outbox.remove(left);
    this.#left = new Map();
  }

  /**
   * What had committed at one moment, as far as stamps tell. Neo4j reads what is committed when it comes by, so one scan may miss a
   * transaction that another one follows which it sees: what has an earlier stamp than anything seen is looked for until nothing more turns up.
   */
  async #view(): Promise<{ headers: readonly OutboxHeader[]; isWhole: boolean }> {
    let headers = await this.#outbox.headers();
    const newest = headers.at(-1)?.at ?? 0n;
    for (let scan = 1; scan < MOST_SCANS && headers.length > 0; scan += 1) {
      const again = (await this.#outbox.headers()).filter(({ at }) => at <= newest);
      const isStable = again.length <= headers.length && again.every(({ isComplete }) => isComplete);
      headers = again;
      if (isStable) break;
    }
    const incomplete = headers.filter(({ isComplete }) => !isComplete);
    await this.#giveUpOn(incomplete);
    return { headers: headers.filter(({ isComplete }) => isComplete), isWhole: incomplete.length === 0 };
  }

  async #giveUpOn(incomplete: readonly OutboxHeader[]): Promise<void> {
    const now = Date.now();
    const still = new Set(incomplete.map(({ tx }) => tx));
    for (const tx of this.#incomplete.keys()) if (!still.has(tx)) this.#incomplete.delete(tx);
    for (const header of incomplete) {
      const since = this.#incomplete.get(header.tx) ?? now;
      this.#incomplete.set(header.tx, since);
      if (now - since > INCOMPLETE_MS) await this.#outbox.giveUp(header);
    }
  }

  async *#grouped(
    decoder: OutboxDecoder,
    headers: readonly OutboxHeader[],
    maxChanges: number,
    { nothing, lost }: Aside,
  ): AsyncGenerator<readonly CapturedTransaction[]> {
    let slice: CapturedTransaction[] = [];
    let changes = 0;
    for (const together of togetherOf(headers, maxChanges)) {
      const payloads = await decoder.prefetch(together.length > 1 ? together : []);
      for (const header of together) {
        let found = false;
        for await (const part of this.#decoded(decoder, header, payloads, lost)) {
          found = true;
          const isSmall = part.first && part.last;
          if (slice.length > 0 && (!isSmall || changes + part.changes.length > maxChanges)) {
            yield slice;
            slice = [];
            changes = 0;
          }
          slice.push(part);
          changes += part.changes.length;
          if (isSmall) continue;
          yield slice;
          slice = [];
          changes = 0;
        }
        if (!found && !lost.has(header.tx)) nothing.push(header.tx);
      }
    }
    if (slice.length > 0) yield slice;
  }

  /** Leaves a note in place of what cannot be read, and goes on. */
  async *#decoded(
    decoder: OutboxDecoder,
    header: OutboxHeader,
    payloads: ReadonlyMap<string, Payload>,
    lost: Set<string>,
  ): AsyncGenerator<CapturedTransaction> {
    try {
      yield* decoder.slices(header, payloads);
    } catch (error) {
      if (!(error instanceof DamagedEntryError)) throw error;
      await this.#outbox.giveUp(header);
      lost.add(header.tx);
    }
  }
}

function* togetherOf(headers: readonly OutboxHeader[], maxChanges: number): Generator<readonly OutboxHeader[]> {
  let group: OutboxHeader[] = [];
  let [changes, size] = [0, 0];
  for (const header of headers) {
    const own = header.parts.reduce((sum, part) => sum + part.size, 0);
    const isFull = changes + header.changes > maxChanges || size + own > CHARACTERS_TOGETHER;
    if (group.length > 0 && (isFull || group.length === TRANSACTIONS_TOGETHER)) {
      yield group;
      group = [];
      [changes, size] = [0, 0];
    }
    group.push(header);
    changes += header.changes;
    size += own;
  }
  if (group.length > 0) yield group;
}
