import { createHash } from 'node:crypto';
import type { EntityKind } from '../../../core/entities.ts';
import type { CapturedTransaction } from '../../../core/recording-types.ts';
import { FeedChangedError } from '../../../ports/knowledge-graph.ts';
import { type Decoded, type DecodedEntity, type DraftOptions, OutboxDraft } from './draft.ts';
import { type Outbox, type OutboxHeader, type PartHeader, type Payload, timeOf } from './outbox.ts';

/** Characters of payloads that are fetched at a time, and outbox nodes. */
const CHARACTERS_AT_ONCE = 8_000_000;
const PARTS_AT_ONCE = 200;
/** Rows of a transaction that are put together in memory; a larger one is read in several turns, each for a part of its entities. */
const ROWS_PER_TURN = 200_000;

export interface DecoderOptions extends Omit<DraftOptions, 'prefix' | 'wanted'> {
  readonly maxChanges: number;
}

/** What was left out of what was decoded, and why. */
export type Notice = Pick<Decoded, 'keyless' | 'rekeyed' | 'doubled'>;

/** Who wrote, as the trigger noted it. */
interface Whose {
  readonly source: CapturedTransaction['source'];
  readonly actor: string | null;
  readonly session: string | null;
  readonly operation: string | null;
  readonly prefix: string;
}

/** An outbox entry that is not what the trigger writes. */
export class DamagedEntryError extends Error {
  override readonly name = 'DamagedEntryError';
}

/** Makes transactions of outbox entries. */
export class OutboxDecoder {
  readonly #outbox: Outbox;
  readonly #options: DecoderOptions;
  readonly #notice: (notice: Notice) => void;

  constructor(outbox: Outbox, options: DecoderOptions, notice: (notice: Notice) => void) {
    this.#outbox = outbox;
    this.#options = options;
    this.#notice = notice;
  }

  /** Fetches the payloads of several small transactions at once. */
  async prefetch(headers: readonly OutboxHeader[]): Promise<Map<string, Payload>> {
    const payloads = new Map<string, Payload>();
    for (const batch of batchesOf(headers.flatMap(({ parts }) => parts))) {
      for (const [id, payload] of await this.#outbox.payloads(batch)) payloads.set(id, payload);
    }
    return payloads;
  }

  /**
   * The slices of one transaction: one, unless it is larger than `maxChanges`. None when it changed nothing of the user's.
   * @throws DamagedEntryError, FeedChangedError
   */
  async *slices(header: OutboxHeader, payloads: ReadonlyMap<string, Payload>): AsyncGenerator<CapturedTransaction> {
    const whose = whoseOf(header);
    let held: CapturedTransaction | null = null;
    let first = true;
    for await (const entities of this.#turns(header, whose, payloads)) {
      for (let at = 0; at < entities.length; at += this.#options.maxChanges) {
        if (held !== null) yield held;
        held = sliceOf(header, whose, entities.slice(at, at + this.#options.maxChanges), first);
        first = false;
      }
    }
    if (held !== null) yield { ...held, last: true };
  }

  async *#turns(
    header: OutboxHeader,
    { prefix }: Whose,
    payloads: ReadonlyMap<string, Payload>,
  ): AsyncGenerator<readonly DecodedEntity[]> {
    const { maxChanges: _, ...options } = this.#options;
    const turns = Math.ceil(header.rows / ROWS_PER_TURN);
    if (turns <= 1) {
      yield this.#decoded(await this.#read(header, new OutboxDraft({ ...options, prefix }), payloads));
      return;
    }
    // Nodes come first, since relationships begin and end at them.
    for (const turnKind of ['NODE', 'RELATIONSHIP'] satisfies EntityKind[]) {
      for (let turn = 0; turn < turns; turn += 1) {
        const wanted = (kind: EntityKind, name: number | string) => kind === turnKind && turnOf(name, turns) === turn;
        const draft = new OutboxDraft({ ...options, prefix, wanted });
        yield this.#decoded(await this.#read(header, draft, payloads));
      }
    }
  }

  #decoded({ entities, ...notice }: Decoded): readonly DecodedEntity[] {
    if (notice.keyless > 0 || notice.rekeyed.length > 0 || notice.doubled.length > 0) this.#notice(notice);
    return entities;
  }

  async #read(header: OutboxHeader, draft: OutboxDraft, fetched: ReadonlyMap<string, Payload>): Promise<Decoded> {
    for (const batch of batchesOf(header.parts)) {
      const payloads = fetched.has(batch[0]?.elementId ?? '') ? fetched : await this.#outbox.payloads(batch);
      for (const { elementId, part } of batch) {
        const payload = payloads.get(elementId);
        if (payload?.tx !== header.tx || payload.part !== part)
          // Deleted by a user, and written again by the trigger; or recorded by another instance.
          throw new FeedChangedError(`an entry of transaction ${header.tx} is not where it was`);
        try {
          if (payload.text === null) throw new TypeError('nothing is in it');
          draft.add(payload.text);
        } catch (error) {
          throw new DamagedEntryError(`an entry of transaction ${header.tx} cannot be read`, { cause: error });
        }
      }
    }
    return draft.result();
  }
}

function sliceOf(
  { tx, at }: OutboxHeader,
  { prefix: _, ...whose }: Whose,
  entities: readonly DecodedEntity[],
  first: boolean,
): CapturedTransaction {
  const bindings = entities.flatMap(({ binding }) => (binding === null ? [] : [binding]));
  const changes = entities.map(({ change }) => change);
  return { id: tx, time: timeOf(at), ...whose, cut: false, first, last: false, changes, bindings };
}

/** Only the service's own transactions have an id of their own, and only they may say that they are its. */
function whoseOf({ tx, whose }: OutboxHeader): Whose {
  try {
    const parsed: unknown = JSON.parse(whose);
    const [source, actor, session, operation, prefix] = Array.isArray(parsed) ? parsed.map(textOrNull) : [];
    if (prefix === null || prefix === undefined) throw new TypeError('no prefix');
    const isOwn = prefix !== tx && (source === 'API' || source === 'ROLLBACK');
    const writer = { actor: actor ?? null, session: session ?? null, prefix };
    if (!isOwn) return { source: 'BOLT', operation: null, ...writer };
    return { source, operation: operation ?? null, ...writer };
  } catch (error) {
    throw new DamagedEntryError(`nobody knows whose transaction ${tx} is`, { cause: error });
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function turnOf(name: number | string, turns: number): number {
  return typeof name === 'number' ? name % turns : createHash('sha1').update(name).digest().readUInt32BE() % turns;
}

function* batchesOf(parts: readonly PartHeader[]): Generator<readonly PartHeader[]> {
  let batch: PartHeader[] = [];
  let size = 0;
  for (const part of parts) {
    if (batch.length > 0 && (batch.length === PARTS_AT_ONCE || size + part.size > CHARACTERS_AT_ONCE)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(part);
    size += part.size;
  }
  if (batch.length > 0) yield batch;
}
