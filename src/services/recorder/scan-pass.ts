import {
  type EntityKind,
  type EntityRef,
  type EntityState,
  entityId,
  type RelationshipState,
} from '../../core/entities.ts';
import type { VersionEntry } from '../../core/recording-types.ts';
import type { RecordedTransaction } from '../../ports/history.ts';
import type { RecorderDeps } from './recorder-types.ts';
import type { Seat } from './seat.ts';
import type { SliceRecorder } from './slice-recorder.ts';
import { refOf, versionOf } from './versions.ts';

const PAGE = 5_000;
/** Relationships recorded at a node that is gone. */
const MOST_LEFT = 50_000;

/**
 * A graph that is captured by scans: everything that it holds is compared by hash with what is recorded, and what differs becomes one
 * RECONCILE transaction, which opens an epoch. Nobody knows who wrote it, or what was there in between.
 */
export class ScanPass {
  readonly #deps: RecorderDeps;
  readonly #seat: Seat;
  readonly #slices: SliceRecorder;
  readonly #id: string;
  #held: readonly VersionEntry[] | null = null;
  #first = true;

  constructor(deps: RecorderDeps, seat: Seat, slices: SliceRecorder) {
    this.#deps = deps;
    this.#seat = seat;
    this.#slices = slices;
    this.#id = deps.keys.next();
  }

  /** @returns null when nothing differs. @throws StaleTokenError when another instance takes over */
  async run(): Promise<RecordedTransaction | null> {
    for await (const { entities } of this.#deps.graph.baseline(null, PAGE)) {
      await this.#add(await this.#differing(await this.#whole(entities)));
    }
    await this.#gone('RELATIONSHIP');
    await this.#gone('NODE');
    if (this.#held === null && this.#first) return null;
    return this.#store(this.#held ?? [], true);
  }

  /** A page with the nodes that its relationships begin and end at, should they have come into being after the nodes were read. */
  async #whole(entities: readonly EntityState[]): Promise<readonly EntityState[]> {
    const ends = [
      ...new Set(entities.flatMap((state) => (state.kind === 'RELATIONSHIP' ? [state.start, state.end] : []))),
    ];
    if (ends.length === 0) return entities;
    // What is held back is of this very scan, and not stored yet.
    await this.#flush();
    const present = await this.#deps.history.presentNodes(this.#deps.graphId, ends);
    const missing = ends.filter((key) => !present.has(key));
    if (missing.length === 0) return entities;
    const read = await this.#deps.graph.read(missing.map((key) => ({ kind: 'NODE', key })));
    const found = new Set([...read.values()].map(({ key }) => key));
    const has = (key: string): boolean => present.has(key) || found.has(key);
    const whole = entities.filter((state) => state.kind === 'NODE' || (has(state.start) && has(state.end)));
    return [...read.values(), ...whole];
  }

  async #differing(entities: readonly EntityState[]): Promise<readonly VersionEntry[]> {
    const { history, graphId } = this.#deps;
    const current = await history.current(graphId, entities.map(refOf));
    return entities.flatMap((state) => versionOf(state, state, current.get(entityId(state))) ?? []);
  }

  /** What is recorded and not in the graph any more. */
  async #gone(kind: EntityKind): Promise<void> {
    const { history, graph, graphId } = this.#deps;
    const { seq } = this.#seat.head;
    for (let after: string | undefined; ; ) {
      const page = await history.scanAt(graphId, seq, { kind }, { limit: PAGE, after });
      if (page.items.length === 0) return;
      const live = await graph.read(page.items.map(refOf));
      const missing = page.items.map(refOf).filter((ref) => !live.has(entityId(ref)));
      if (kind === 'NODE') await this.#add(await this.#vanished(await this.#leftBehind(missing)));
      await this.#add(await this.#vanished(missing));
      after = page.items.at(-1)?.key;
      if (!page.hasMore) return;
    }
  }

  async #vanished(refs: readonly EntityRef[]): Promise<readonly VersionEntry[]> {
    const current = await this.#deps.history.current(this.#deps.graphId, refs);
    return refs.flatMap((ref) => versionOf(ref, null, current.get(entityId(ref))) ?? []);
  }

  /** A node may have gone, with its relationships, after those were compared. */
  async #leftBehind(nodes: readonly EntityRef[]): Promise<readonly RelationshipState[]> {
    if (nodes.length === 0) return [];
    await this.#flush();
    const { history, graphId } = this.#deps;
    return history.leftBehind(
      graphId,
      nodes.map(({ key }) => key),
      [],
      MOST_LEFT,
    );
  }

  async #add(versions: readonly VersionEntry[]): Promise<void> {
    if (versions.length === 0) return;
    await this.#flush();
    this.#held = versions;
  }

  async #flush(): Promise<void> {
    if (this.#held !== null) await this.#store(this.#held, false);
    this.#held = null;
  }

  async #store(versions: readonly VersionEntry[], last: boolean): Promise<RecordedTransaction | null> {
    const { clock, history, graphId } = this.#deps;
    const lease = await this.#seat.keep();
    if (this.#first) await history.beginEpoch(graphId);
    const nobody = { actor: null, sessionId: null, operationId: null };
    const entry = { seq: this.#seat.head.seq + 1n, feedId: this.#id, first: this.#first, last, ...nobody };
    this.#first = false;
    const entries = [{ ...entry, time: clock.now(), source: 'RECONCILE', cut: last, versions }] as const;
    return (await this.#slices.store(lease, entries)).at(-1) ?? null;
  }
}
