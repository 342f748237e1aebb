import { type EntityChange, type EntityKind, type EntityRef, type EntityState, entityId } from '../core/entities.ts';
import { CaptureError } from '../core/errors.ts';
import { stateHash } from '../core/hash.ts';
import { compareKeys } from '../core/key-order.ts';
import { withMissed } from '../core/missed.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { CurrentVersion, History, RecordedTransaction } from '../ports/history.ts';
import type { SchemaReadings } from '../ports/schema-readings.ts';
import type { VerificationRecord, VerificationStore } from '../ports/verification-store.ts';
import { auditFact } from './audit-facts.ts';
import type { ServedGraph } from './graph-registry.ts';
import { type InterruptionDependencies, noteInterruption } from './interruption.ts';

const PAGE = 2000;
/** Entities that writers keep changing are looked at again at most this often; what they write is recorded anyway. */
const ROUNDS = 10;

export interface VerificationDependencies {
  readonly history: History;
  readonly attachments: InterruptionDependencies['attachments'];
  readonly verifications: VerificationStore;
  readonly schemas: Pick<SchemaReadings, 'note'>;
  readonly bus: EventBus;
  readonly clock: Clock;
  /** Names this process. */
  readonly holder: string;
}

/** Another instance has taken the verification over. */
class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

class AnotherGap extends Error {
  override readonly name = 'AnotherGap';

  constructor() {
    super('capture had another gap while the graph was compared: verify it again');
  }
}

/** One full comparison of a live graph with its history, in key order, in pages. */
export class VerificationRun {
  static readonly leaseMs = 30_000;
  readonly #history: History;
  readonly #attachments: VerificationDependencies['attachments'];
  readonly #store: VerificationStore;
  readonly #schemas: VerificationDependencies['schemas'];
  readonly #clock: Clock;
  readonly #served: ServedGraph;
  readonly #verification: VerificationRecord;
  readonly #holder: string;
  readonly #signal: AbortSignal;
  readonly #publish: () => void;
  #checked = 0n;
  #found = 0n;

  constructor(
    deps: VerificationDependencies,
    served: ServedGraph,
    verification: VerificationRecord,
    signal: AbortSignal,
  ) {
    this.#history = deps.history;
    this.#attachments = deps.attachments;
    this.#store = deps.verifications;
    this.#schemas = deps.schemas;
    this.#clock = deps.clock;
    this.#served = served;
    this.#verification = verification;
    this.#holder = deps.holder;
    this.#signal = signal;
    this.#publish = () => deps.bus.publish(`capture:${verification.graphId}`);
  }

  /** Compares everything, records what differs as one RECONCILE transaction, and lifts the capture error: history is right again. */
  async complete(): Promise<void> {
    const { graph, recorder } = this.#served;
    const { id, graphId } = this.#verification;
    // Capture that somebody dropped would miss the next write as it missed the last.
    if ((await graph.inspectCapture()).length > 0) await this.#attach();
    // Damage that has been repaired stays on record until the graph has been compared; what comes during the comparison is not settled by it.
    const settled = (await graph.inspectCapture()).flatMap(({ incident }) => incident ?? []);
    await recorder.fence();
    await this.#schemas.note(graphId, await graph.readSchema(), this.#clock.now(), 'ALWAYS');
    const record = await this.#history.graph(graphId);
    if (record === null) throw new Error('the graph is gone');
    const { gaps } = record;
    const total = Number(record.nodeCount + record.relationshipCount);
    for (const kind of ['NODE', 'RELATIONSHIP'] as const) {
      if (graph.scanOrder === 'KEY') await this.#compare(kind, record.head.seq, total);
      else await this.#compareUnordered(kind, record.head.seq, total);
    }
    const transaction =
      this.#found === 0n ? await this.#earlier() : await recorder.reconcile(id, this.#differences(total));
    await graph.settleIncidents(settled);
    // What was there when the comparison began is settled. A gap that began since may be one of what was compared by then.
    if ((await graph.inspectCapture()).some(({ gap }) => gap)) throw new AnotherGap();
    if (!(await this.#history.endGap(graphId, gaps))) throw new AnotherGap();
    this.#publish();
    await this.#finish({
      status: 'DONE',
      matches: this.#found === 0n && transaction === null,
      transactionSeq: transaction?.seq ?? null,
      errorMessage: null,
    });
  }

  /** What an attempt that was cut off has recorded. */
  async #earlier(): Promise<RecordedTransaction | null> {
    const { id, graphId } = this.#verification;
    return (await this.#history.transactionsByFeedId(graphId, [id])).get(id) ?? null;
  }

  /** A graph that was detached meanwhile stays so: what attaching has installed goes again. */
  async #attach(): Promise<void> {
    const { graph } = this.#served;
    const { graphId } = this.#verification;
    const deps = { history: this.#history, attachments: this.#attachments };
    await graph.attach((found) => noteInterruption(deps, graphId, found));
    const record = await this.#history.graph(graphId);
    if (record?.captureMode !== 'OFF') return;
    await graph.detach({ removeKeys: false });
    throw new CaptureError('the graph was detached while it was compared', 'OFF');
  }

  async fail(error: unknown): Promise<void> {
    if (error instanceof LeaseLost) return;
    const message = error instanceof Error ? error.message : 'the verification failed';
    await this.#finish({ status: 'FAILED', matches: null, transactionSeq: null, errorMessage: message });
  }

  async #finish(end: {
    status: 'DONE' | 'FAILED';
    matches: boolean | null;
    transactionSeq: bigint | null;
    errorMessage: string | null;
  }): Promise<void> {
    const data = { verification: this.#verification.id, matches: end.matches, differences: `${this.#found}` };
    const fact = auditFact(null, end.status === 'DONE' ? 'VERIFICATION_DONE' : 'VERIFICATION_FAILED', {}, data);
    await this.#store.finish(this.#verification.id, this.#holder, { ...end, entitiesChecked: this.#checked }, fact);
  }

  /** Merges the graph's entities with those of history at `seq`; whatever is not the same in both is looked at again. */
  async #compare(kind: EntityKind, seq: bigint, total: number): Promise<void> {
    const recorded = this.#recorded(kind, seq);
    let theirs = await recorded.next();
    let suspects: EntityRef[] = [];
    for await (const page of this.#served.graph.scan(kind, PAGE)) {
      for (const live of page) {
        for (; theirs.done !== true && compareKeys(theirs.value.key, live.key) < 0; theirs = await recorded.next())
          suspects.push(refOf(theirs.value));
        if (theirs.done === true || theirs.value.key !== live.key) suspects.push(refOf(live));
        else {
          if (!sameContent(theirs.value, live)) suspects.push(refOf(live));
          theirs = await recorded.next();
        }
      }
      this.#checked += BigInt(page.length);
      await this.#report(total);
      suspects = await this.#settleFull(suspects);
    }
    for (; theirs.done !== true; theirs = await recorded.next()) {
      suspects.push(refOf(theirs.value));
      suspects = await this.#settleFull(suspects);
    }
    await this.#settle(suspects);
  }

  /** Looks up in history what the graph has, then in the graph what history has: neither is in an order that the other could follow. */
  async #compareUnordered(kind: EntityKind, seq: bigint, total: number): Promise<void> {
    let suspects: EntityRef[] = [];
    for await (const page of this.#served.graph.scan(kind, PAGE)) {
      const recorded = await this.#history.current(this.#verification.graphId, page.map(refOf));
      const differs = (live: EntityState): boolean => !sameContent(recorded.get(entityId(live))?.state ?? null, live);
      suspects.push(...page.filter(differs).map(refOf));
      this.#checked += BigInt(page.length);
      await this.#report(total);
      suspects = await this.#settleFull(suspects);
    }
    await this.#settle(suspects);
    for (let after: string | undefined, more = true; more; ) {
      const page = await this.#history.scanAt(this.#verification.graphId, seq, { kind }, { limit: PAGE, after });
      const live = await this.#served.graph.read(page.items.map(refOf));
      await this.#settle(page.items.map(refOf).filter((ref) => !live.has(entityId(ref))));
      await this.#report(total);
      after = page.items.at(-1)?.key;
      more = page.hasMore;
    }
  }

  async *#recorded(kind: EntityKind, seq: bigint): AsyncGenerator<EntityState> {
    for (let after: string | undefined; ; ) {
      const { items, hasMore } = await this.#history.scanAt(
        this.#verification.graphId,
        seq,
        { kind },
        { limit: PAGE, after },
      );
      yield* items;
      after = items.at(-1)?.key;
      if (!hasMore) return;
    }
  }

  async #settleFull(suspects: EntityRef[]): Promise<EntityRef[]> {
    if (suspects.length < PAGE) return suspects;
    await this.#settle(suspects);
    return [];
  }

  /**
   * Tells differences from writes that came during the scan: an entity differs when the graph is read between two fences and is not what
   * history has, while history recorded nothing about it between them. What is written all the time differs when in every round it has
   * otherwise what nobody was recorded to write.
   */
  async #settle(suspects: readonly EntityRef[]): Promise<void> {
    let open = suspects;
    for (let round = 0; round < ROUNDS && open.length > 0; round += 1) {
      const before = await this.#current(open);
      const live = await this.#served.graph.read(open);
      const after = await this.#current(open);
      const differing: EntityChange[] = [];
      const again: EntityRef[] = [];
      for (const ref of open) {
        const [from, to] = [before.get(entityId(ref)), after.get(entityId(ref))];
        const [was, is, has] = [from?.state ?? null, to?.state ?? null, live.get(entityId(ref)) ?? null];
        const isStill = from?.seq === to?.seq;
        const change = { ...ref, before: is, after: isStill ? has : withMissed(was, has, is) };
        const differs = !sameContent(change.before, change.after);
        const isTold = isStill || (was !== null && has !== null && is !== null && !differs);
        if (!isTold && round < ROUNDS - 1) again.push(ref);
        else if (differs) differing.push(change);
      }
      if (differing.length > 0) await this.#store.addDifferences(this.#verification.id, this.#found, differing);
      this.#found += BigInt(differing.length);
      open = again;
    }
  }

  async #current(refs: readonly EntityRef[]): Promise<Map<string, CurrentVersion>> {
    await this.#served.recorder.fence();
    return this.#history.current(this.#verification.graphId, refs);
  }

  /** Those who take the verification over delete what was found: what is read without the lease may be a part of it. */
  async *#differences(total: number): AsyncGenerator<readonly EntityChange[]> {
    for (let after: EntityRef | null = null; ; ) {
      const page: readonly EntityChange[] = await this.#store.differences(this.#verification.id, after, PAGE);
      await this.#report(total);
      if (page.length === 0) return;
      yield page;
      after = page.at(-1) ?? null;
    }
  }

  async #report(total: number): Promise<void> {
    this.#signal.throwIfAborted();
    const progress = Math.min(99, Math.floor((Number(this.#checked) * 100) / Math.max(1, total)));
    const { id } = this.#verification;
    if (!(await this.#store.advance(id, this.#holder, VerificationRun.leaseMs, progress, this.#checked)))
      throw new LeaseLost();
  }
}

function refOf({ kind, key }: EntityState): EntityRef {
  return { kind, key };
}

function sameContent(a: EntityState | null, b: EntityState | null): boolean {
  if (a === null || b === null) return a === b;
  return Buffer.compare(stateHash(a), stateHash(b)) === 0;
}
