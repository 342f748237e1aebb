import { type EntityId, type EntityState, entityId } from '../../core/entities.ts';
import { CaptureError } from '../../core/errors.ts';
import type { VersionEntry } from '../../core/recording-types.ts';
import type { AttachmentRecord, AttachmentStore, BaselinePhase } from '../../ports/attachment-store.ts';
import type { RecorderLease } from '../../ports/history.ts';
import type { BaselinePage } from '../../ports/knowledge-graph.ts';
import type { LenientRecorder } from './lenient-recorder.ts';
import type { RecorderDeps } from './recorder-types.ts';
import type { Seat } from './seat.ts';
import type { SliceRecorder } from './slice-recorder.ts';
import { STORE_RESTORED, StoreStamp } from './store-stamp.ts';
import { refOf, versionOf } from './versions.ts';

/** Entities in one page, which becomes one transaction. */
const PAGE = 5_000;
/** Entities that writers touch while one page is fetched; beyond it the page is fetched anew. */
const MOST_TOUCHED = 100_000;
/** What the pages are of the way; the rest is what history has and the graph has not, and the writes that came meanwhile. */
const PAGES_SHARE = 95;

/** Pages that are asked for before they are recorded: one is read while another waits, so that the graph never does. */
const ASKED = 2;

interface Asked {
  readonly result: Promise<IteratorResult<BaselinePage>>;
  /** What writers touched since the page was asked for. */
  readonly touched: Set<EntityId>;
}

/**
 * Records what a graph held when it was attached, a page at a time between the scans of the feed, each page as one transaction. The next
 * pages are fetched while one is stored. Everything is repeatable: a page that was stored and not noted is looked at again.
 */
export class Baseline {
  readonly #deps: RecorderDeps;
  readonly #attachments: AttachmentStore;
  readonly #seat: Seat;
  readonly #slices: SliceRecorder;
  readonly #lenient: LenientRecorder;
  readonly #stamp: StoreStamp;
  #at: AttachmentRecord | null = null;
  #pages: AsyncIterator<BaselinePage> | null = null;
  readonly #asked: Asked[] = [];
  /** What writers touched since the page before the next one was asked for, which is when the next one may have been read. */
  #since: Set<EntityId> | null = null;
  /** Whether an entity of a page may be recorded already. */
  #mayBeRecorded = true;

  constructor(
    deps: RecorderDeps,
    attachments: AttachmentStore,
    seat: Seat,
    slices: SliceRecorder,
    lenient: LenientRecorder,
  ) {
    this.#deps = deps;
    this.#attachments = attachments;
    this.#seat = seat;
    this.#slices = slices;
    this.#lenient = lenient;
    this.#stamp = new StoreStamp(deps);
  }

  /** One step, with no scan of the feed beside it. @returns whether all that is left is a scan and `finish` */
  async step(): Promise<boolean> {
    try {
      const lease = await this.#seat.keep();
      this.#at ??= await this.#begin();
      if (this.#at.phase === 'PAGES') await this.#page(lease, this.#at);
      else if (this.#at.phase === 'GONE') await this.#gone(lease, this.#at);
      return this.#at.phase === 'LAST' || this.#at.phase === 'DONE';
    } catch (error) {
      await this.reset();
      throw error;
    }
  }

  /**
   * After a scan of the feed that began when all pages were stored: what is recorded is what the graph holds, unless the graph was put back
   * meanwhile. Then the pages were of what is no more, and the baseline begins again.
   */
  async finish(): Promise<void> {
    const { graph } = this.#deps;
    const lease = await this.#seat.keep();
    if (await this.#stamp.isOlder(await this.#attachments.get(this.#deps.graphId))) return this.#beginAgain(lease);
    const mode = graph.capture();
    if (mode === 'OFF') throw new CaptureError('the graph was detached while its baseline was recorded', 'OFF');
    await this.#store(lease, this.#at?.source ?? 'RECONCILE', [], true);
    await this.#attachments.finish(lease, mode);
    this.#seat.mode = mode;
    this.#at = null;
    this.#deps.bus.publish(`capture:${this.#deps.graphId}`);
  }

  /** Forgets what is under way: the next step goes on from what is stored. */
  async reset(): Promise<void> {
    const pages = this.#pages;
    for (const { touched } of this.#asked.splice(0)) this.#lenient.unwatch(touched);
    if (this.#since !== null) this.#lenient.unwatch(this.#since);
    this.#at = null;
    this.#since = null;
    this.#pages = null;
    await pages?.return?.().catch(() => {});
  }

  async #beginAgain(lease: RecorderLease): Promise<void> {
    const { history, graph, graphId } = this.#deps;
    const message =
      'the graph was put back to an earlier state, or our marker was deleted, while its baseline was recorded: it is read again';
    await history.addCaptureProblems(graphId, [{ kind: STORE_RESTORED, message, key: null }]);
    const store = await graph.storeId?.();
    if (store !== undefined) await this.#attachments.noteStore(graphId, store);
    // In a later epoch what is recorded and not in the graph any more is looked for.
    await history.beginEpoch(graphId);
    await this.#attachments.advance(lease, { phase: 'PAGES', cursor: null, seen: 0n, progress: 0 });
    await this.reset();
    this.#seat.doubt();
  }

  async #begin(): Promise<AttachmentRecord> {
    const { history, graphId } = this.#deps;
    const at = await this.#attachments.get(graphId);
    const graph = await history.graph(graphId);
    if (at === null || graph === null) throw new Error(`graph ${graphId} has no attachment`);
    this.#mayBeRecorded = graph.head.seq > 0n;
    // Those of an earlier attachment would be looked for one by one.
    if (at.phase === 'PAGES' && at.cursor === null) {
      await this.#deps.bindings?.clear();
      if (this.#deps.graph.capture() === 'CONTINUOUS') await this.#stamp.renew();
    }
    return at;
  }

  async #page(lease: RecorderLease, at: AttachmentRecord): Promise<void> {
    while (this.#asked.length < ASKED) this.#asked.push(this.#ask(at.cursor));
    const [asked] = this.#asked;
    if (asked === undefined) throw new Error('no page was asked for');
    const next = await asked.result;
    if (next.done === true) {
      await this.reset();
      return this.#note(lease, { ...at, phase: 'GONE', cursor: null });
    }
    const touched = this.#since ?? asked.touched;
    if (touched.size > MOST_TOUCHED) return this.reset();
    this.#asked.shift();
    this.#asked.push(this.#ask(at.cursor));
    // No scan runs beside a step: what is touched from here on is touched after this page.
    if (this.#since !== null) this.#lenient.unwatch(this.#since);
    this.#since = asked.touched;
    const { entities, cursor } = next.value;
    await this.#recordPage(lease, at, entities, touched);
    await this.#note(lease, { ...at, cursor, seen: at.seen + BigInt(entities.length) });
  }

  #ask(cursor: string | null): Asked {
    this.#pages ??= this.#deps.graph.baseline(cursor, PAGE)[Symbol.asyncIterator]();
    const touched = this.#lenient.watch();
    const result = this.#pages.next();
    // It is awaited a step later; until then a failure is nobody's yet.
    result.catch(() => {});
    return { result, touched };
  }

  /** What was touched after its page may have been read is read again, now that no scan runs beside it. */
  async #asOfNow(entities: readonly EntityState[], touched: ReadonlySet<EntityId>): Promise<readonly EntityState[]> {
    if (touched.size > 0) this.#mayBeRecorded = true;
    const stale = entities.filter((state) => touched.has(entityId(state)));
    if (stale.length === 0) return entities;
    const read = await this.#deps.graph.read(stale.map(refOf));
    return entities.flatMap((state) => (touched.has(entityId(state)) ? (read.get(entityId(state)) ?? []) : state));
  }

  async #recordPage(
    lease: RecorderLease,
    at: AttachmentRecord,
    entities: readonly EntityState[],
    touched: ReadonlySet<EntityId>,
  ): Promise<void> {
    const states = await this.#asOfNow(entities, touched);
    const { history, graphId } = this.#deps;
    const current = await history.current(graphId, this.#mayBeRecorded ? states.map(refOf) : []);
    const versions = states.flatMap((state) => versionOf(state, state, current.get(entityId(state))) ?? []);
    if (versions.length > 0) await this.#store(lease, at.source, versions);
  }

  /** History may have entities, from an earlier attachment, that the graph has no more: relationships first. */
  async #gone(lease: RecorderLease, at: AttachmentRecord): Promise<void> {
    const { history, graph, graphId } = this.#deps;
    const record = await history.graph(graphId);
    if (record === null || record.epoch === 1) return this.#note(lease, { ...at, phase: 'LAST', cursor: null });
    const kind = at.cursor?.startsWith('N') === true ? 'NODE' : 'RELATIONSHIP';
    const after = at.cursor === null ? undefined : at.cursor.slice(1);
    const page = await history.scanAt(
      graphId,
      record.head.seq,
      { kind },
      { limit: PAGE, after: after === '' ? undefined : after },
    );
    const live = await graph.read(page.items.map(refOf));
    const missing = page.items.map(refOf).filter((ref) => !live.has(entityId(ref)));
    const current = await history.current(graphId, missing);
    const versions = missing.flatMap((ref) => versionOf(ref, null, current.get(entityId(ref))) ?? []);
    if (versions.length > 0) await this.#store(lease, at.source, versions);
    const last = page.items.at(-1)?.key;
    if (page.hasMore && last !== undefined) return this.#note(lease, { ...at, cursor: `${kind.charAt(0)}${last}` });
    if (kind === 'RELATIONSHIP') return this.#note(lease, { ...at, cursor: 'N' });
    return this.#note(lease, { ...at, phase: 'LAST', cursor: null });
  }

  async #store(
    lease: RecorderLease,
    source: AttachmentRecord['source'],
    versions: readonly VersionEntry[],
    cut = false,
  ): Promise<void> {
    const { clock, keys } = this.#deps;
    const entry = { seq: this.#seat.head.seq + 1n, feedId: keys.next(), time: clock.now(), first: true, last: true };
    const nobody = { actor: null, sessionId: null, operationId: null };
    await this.#slices.store(lease, [{ ...entry, ...nobody, source, cut, versions }]);
  }

  async #note(lease: RecorderLease, at: AttachmentRecord): Promise<void> {
    await this.#attachments.advance(lease, { ...at, progress: progressOf(at.phase, at) });
    this.#at = at;
    this.#deps.bus.publish(`capture:${this.#deps.graphId}`);
  }
}

function progressOf(phase: BaselinePhase, { seen, total }: Pick<AttachmentRecord, 'seen' | 'total'>): number {
  if (phase !== 'PAGES') return phase === 'GONE' ? PAGES_SHARE : 99;
  return Math.floor(Math.min(1, Number(seen) / Math.max(1, Number(total))) * PAGES_SHARE);
}
