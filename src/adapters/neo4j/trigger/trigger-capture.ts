import { hash } from 'node:crypto';
import type { EntityKind } from '../../../core/entities.ts';
import { CaptureError } from '../../../core/errors.ts';
import type {
  Attachment,
  BaselinePage,
  CapturedTransaction,
  CaptureFinding,
  EndedCapture,
  Pending,
} from '../../../ports/knowledge-graph.ts';
import { readBaseline } from '../baseline.ts';
import type { Capture } from '../capture.ts';
import type { Statements } from '../connection.ts';
import { checkOwnKeys } from '../entities/key-check.ts';
import { removeEverything, removeLeavings } from '../leavings.ts';
import { DEFAULT_KEY_PROPERTY, OUTBOX_LABEL } from '../names.ts';
import type { CaptureParts } from '../neo4j-graph.ts';
import { type Notice, OutboxDecoder } from '../outbox/decoder.ts';
import { withoutDoubles } from '../outbox/doubles.ts';
import { OutboxFeed } from '../outbox/feed.ts';
import { Outbox, type OutboxHeader, type PartHeader } from '../outbox/outbox.ts';
import { readStoreId } from '../store-id.ts';
import { TriggerInstallation } from './installation.ts';
import { type TriggerOptions, triggerStatement } from './statement.ts';

export type TriggerCaptureOptions = Partial<Pick<TriggerOptions, 'rowsPerPart' | 'charactersPerPart' | 'mostWaiting'>>;

export const CAPTURE_DEFAULTS = { rowsPerPart: 5_000, charactersPerPart: 4_000_000, mostWaiting: 200_000 };
/** Notes of writes that were not captured which are settled at a time. */
const MOST_SETTLED = 10_000;
/** Sets of such notes that are remembered: a comparison settles the one that it found when it began. */
const REMEMBERED_SETS = 20;
const UUID_LENGTH = 36;

/** Of a graph in which an APOC trigger writes down every transaction as it commits. */
export function triggerCapture(options: TriggerCaptureOptions = {}): (parts: CaptureParts) => Capture {
  return (parts) => new TriggerCapture(parts, options);
}

class TriggerCapture implements Capture {
  readonly #parts: CaptureParts;
  readonly #installation: TriggerInstallation;
  readonly #outbox: Outbox;
  readonly #feed: OutboxFeed;
  /** Notes of writes that were not captured, by the incident that they were shown as. */
  readonly #notes = new Map<string, readonly string[]>();
  /** Where the transactions of the last scan are. */
  #scanned = new Map<string, readonly PartHeader[]>();

  constructor(parts: CaptureParts, options: TriggerCaptureOptions) {
    this.#parts = parts;
    const { connection, name, keyProperty, derivedProperties } = parts;
    const givesKeys = keyProperty === DEFAULT_KEY_PROPERTY;
    const own = { keyProperty, givesKeys, derivedProperties, ...CAPTURE_DEFAULTS, ...options };
    this.#installation = new TriggerInstallation(connection, name, parts.own, (secretHash) =>
      triggerStatement({ ...own, secretHash }),
    );
    this.#outbox = new Outbox(connection, parts.own, () => this.#installation.assertRemovable());
    this.#feed = new OutboxFeed(this.#outbox);
  }

  async attach(before: (found: Attachment) => Promise<void>): Promise<Attachment> {
    const { connection, name, keyProperty, derivedProperties } = this.#parts;
    await this.#installation.check();
    await this.#checkOthers(derivedProperties);
    const storeId = await readStoreId(connection);
    if (!(await this.#installation.isInstalled())) await checkOwnKeys(connection, name, keyProperty);
    // The check may have taken long enough for another instance to install it.
    const isNew = !(await this.#installation.isInstalled());
    const found: Attachment = { mode: 'CONTINUOUS', storeId, isNew };
    await before(found);
    if (isNew) await this.#installation.install();
    return found;
  }

  async detach(options: { readonly removeKeys: boolean }): Promise<void> {
    await this.#installation.remove();
    await removeEverything(this.#parts, options);
  }

  async removeLeft(ended: EndedCapture): Promise<boolean> {
    const left = await this.#installation.removeThatOf(ended.secretHash);
    if (left === 'ANOTHERS') return true;
    if (left === 'UNMANAGED') return false;
    await removeLeavings(this.#parts, ended);
    return left === 'NONE' || ended.secretHash === null;
  }

  async *baseline(after: string | null, pageSize: number): AsyncGenerator<BaselinePage> {
    const { connection, entities, keyProperty } = this.#parts;
    yield* readBaseline(connection, await entities(), keyProperty, after, pageSize, true);
  }

  pending(): Promise<Pending> {
    return this.#outbox.pending();
  }

  async *feed(maxChanges: number): AsyncGenerator<readonly CapturedTransaction[]> {
    const { keyProperty } = this.#parts;
    const options = {
      keyProperty,
      givesKeys: keyProperty === DEFAULT_KEY_PROPERTY,
      maxChanges: Math.max(1, maxChanges),
    };
    const scan = { hasGap: false, isWhole: false };
    const decoder = new OutboxDecoder(this.#outbox, options, (notice) => {
      this.#note(notice, scan);
      scan.hasGap ||= notice.rekeyed.length > 0;
    });
    const onScan = (headers: readonly OutboxHeader[]): void => {
      this.#scanned = new Map(headers.map(({ tx, parts }) => [tx, parts]));
    };
    try {
      const slices = this.#feed.slices(decoder, options.maxChanges, onScan, () => scan.hasGap);
      yield* options.givesKeys ? slices : this.#withoutDoubles(slices);
      scan.isWhole = true;
    } finally {
      if (!scan.isWhole) this.#parts.notices.abandon(scan);
    }
  }

  async *#withoutDoubles(
    slices: AsyncIterable<readonly CapturedTransaction[]>,
  ): AsyncGenerator<readonly CapturedTransaction[]> {
    const { keyProperty, notices } = this.#parts;
    const { keys: pageKeys } = await this.#parts.entities();
    for await (const slice of slices) {
      const { kept, keys } = await withoutDoubles(slice, (kind, found) => pageKeys.elsewhere(kind, found));
      notices.addDoubled(keyProperty, keys);
      yield kept;
    }
  }

  async acknowledge(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#outbox.remove(new Map(ids.map((id) => [id, this.#scanned.get(id) ?? null])));
    for (const id of ids) this.#scanned.delete(id);
  }

  async inspect(): Promise<readonly CaptureFinding[]> {
    const [found, gaps] = await Promise.all([this.#installation.inspect(), this.#outbox.gaps()]);
    if (gaps === 0n) return found;
    const incident = await this.#incidentOfNotes();
    return [...found, { kind: 'OUTBOX_FULL', message: LOST, key: null, gap: true, incident }];
  }

  async settleIncidents(incidents: readonly string[]): Promise<void> {
    for (const incident of incidents) await this.#outbox.removeGaps(this.#notes.get(incident) ?? []);
  }

  /** Of the notes that there are now: whoever settles it leaves those that came later. */
  async #incidentOfNotes(): Promise<string> {
    const ids = await this.#outbox.gapIds(MOST_SETTLED);
    const incident = `outbox-gaps:${hash('sha256', ids.join())}`;
    this.#notes.delete(incident);
    this.#notes.set(incident, ids);
    const [oldest = ''] = this.#notes.keys();
    if (this.#notes.size > REMEMBERED_SETS) this.#notes.delete(oldest);
    return incident;
  }

  assertBelieved(on: Statements, secretHash: string | null): Promise<void> {
    return this.#installation.assertBelieved(on, secretHash);
  }

  async unseen(on: Statements, _kind: EntityKind, keys: readonly string[]): Promise<readonly string[]> {
    // A key that the trigger gave begins with what its transaction noted; those that our own transactions bring are bound before they commit.
    // A user's own key is any text.
    const isWritten =
      this.#parts.keyProperty === DEFAULT_KEY_PROPERTY
        ? 'x.key STARTS WITH o._palinode_tx OR o._palinode_whose CONTAINS x.prefix'
        : 'o._palinode_payload CONTAINS x.text';
    const rows = await on.run(
      `MATCH (o:${OUTBOX_LABEL}) WITH collect(o) AS waiting WHERE size(waiting) > 0
       UNWIND $keys AS x WITH x WHERE any(o IN waiting WHERE ${isWritten}) RETURN x.key AS key`,
      { keys: keys.map((key) => ({ key, prefix: key.slice(0, UUID_LENGTH), text: JSON.stringify(key) })) },
    );
    return rows.map(({ key }) => String(key));
  }

  async #checkOthers(derivedProperties: readonly string[]): Promise<void> {
    if (derivedProperties.length > 0) return;
    const others = await this.#installation.others();
    if (others.length === 0) return;
    throw new CaptureError(
      `graph ${this.#parts.name} has other triggers that write before a commit (${others.join(', ')}), and nothing tells what they write: name the properties that they set in derivedProperties, or remove them`,
      'OFF',
    );
  }

  #note({ keyless, rekeyed, doubled }: Notice, scan: object): void {
    const { keyProperty, notices } = this.#parts;
    notices.addDoubled(keyProperty, doubled);
    if (keyless > 0 && keyProperty !== DEFAULT_KEY_PROPERTY) {
      const message = `entities without a text in ${keyProperty} are left out`;
      notices.add({ kind: 'KEY_MISSING', message, key: null, gap: false });
    }
    for (const key of rekeyed) {
      const message = `the key property ${keyProperty} was changed`;
      notices.add({ kind: 'KEY_CHANGED', message, key, gap: true }, scan);
    }
  }
}

const LOST = 'transactions were not captured, because too many waited to be recorded or an entry was damaged';
