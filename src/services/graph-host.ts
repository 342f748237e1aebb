import { setTimeout as sleep } from 'node:timers/promises';
import { CaptureError } from '../core/errors.ts';
import type { AttachmentStore } from '../ports/attachment-store.ts';
import type { AuditFact } from '../ports/audit-log.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { Attachment, KnowledgeGraph } from '../ports/knowledge-graph.ts';
import type { SchemaReadings } from '../ports/schema-readings.ts';
import { auditFact } from './audit-facts.ts';
import { reaching, textOf } from './graph-reach.ts';
import type { GraphRegistry, Recording } from './graph-registry.ts';
import { type InterruptionDependencies, noteInterruption } from './interruption.ts';
import { Leavings } from './leavings.ts';

/** How long a lost notice that a graph was attached or detached elsewhere can go unseen, in milliseconds. */
const LOOK_MS = 2_000;
/** Between two tries to attach a graph that cannot be attached, at most. */
const LONGEST_RETRY_MS = 30_000;

/** How long attaching and detaching are waited for, in milliseconds. */
const PATIENCE_MS = 15_000;
/** How long a step under way may keep the service from stopping, in milliseconds. */
const STOP_PATIENCE_MS = 3_000;
/** Failures of a recorder in a row before they are shown. */
const SHOWN_AFTER = 3;
/** How long the start waits for graphs elsewhere, in milliseconds. */
const START_PATIENCE_MS = 10_000;

/** A recorder that runs on this instance. */
export interface RunningRecorder extends Recording {
  start(): void;
  stop(): Promise<void>;
}

/** A graph that the settings name. */
export interface HostedGraph {
  readonly id: number;
  readonly name: string;
  readonly graph: KnowledgeGraph;
  /** Whether it is attached without being asked for, and again whenever that failed. */
  readonly attachAtStart: boolean;
  readonly recorder: () => RunningRecorder;
}

export interface GraphHostDependencies extends InterruptionDependencies {
  readonly attachments: AttachmentStore;
  readonly registry: GraphRegistry;
  readonly schemas: Pick<SchemaReadings, 'note'>;
  readonly bus: EventBus;
  readonly clock: Clock;
  /** Told what could not be done and is tried again. */
  readonly onError: (error: unknown, graph: string) => void;
}

interface Place {
  readonly hosted: HostedGraph;
  readonly leavings: Leavings;
  /** Until it was attached once: whoever detaches it then means it. */
  toAttach: boolean;
  recorder: RunningRecorder | null;
  failures: number;
  retryAt: number;
  /** Graphs are served, attached and detached one step after the other. */
  last: Promise<unknown>;
  looking: boolean;
}

/** Serves on this instance the graphs that are attached, whoever attached them, and stops serving those that are not any more. */
export class GraphHost {
  readonly #deps: GraphHostDependencies;
  readonly #places = new Map<number, Place>();
  readonly #unsubscribe: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(deps: GraphHostDependencies, graphs: readonly HostedGraph[]) {
    this.#deps = deps;
    for (const hosted of graphs) {
      deps.registry.declare(hosted.id, hosted.name);
      const state = { recorder: null, failures: 0, retryAt: 0, last: Promise.resolve(), looking: false };
      const leavings = new Leavings(deps, hosted);
      this.#places.set(hosted.id, { hosted, leavings, toAttach: hosted.attachAtStart, ...state });
    }
  }

  /**
   * Serves what is attached and attaches what is to be. A graph elsewhere that cannot be reached shows its error and is tried again; how
   * long it is waited for is bounded. @throws what an embedded graph throws
   */
  async start(): Promise<void> {
    const first = [...this.#places.values()].map((place) =>
      place.hosted.graph.kind === 'EMBEDDED'
        ? this.#serial(place, () => this.#follow(place))
        : Promise.race([this.#look(place), sleep(START_PATIENCE_MS, undefined, { ref: false })]),
    );
    await Promise.all(first);
    for (const [id, place] of this.#places) {
      this.#unsubscribe.push(this.#deps.bus.subscribe(`capture:${id}`, () => void this.#look(place)));
    }
    this.#timer = setInterval(() => {
      for (const place of this.#places.values()) void this.#look(place);
    }, LOOK_MS).unref();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    for (const end of this.#unsubscribe) end();
    await Promise.all([...this.#places.values()].map((place) => this.#close(place)));
  }

  /** What is being attached or detached is not waited for: closing the graph ends it, and the next start sees what came of it. */
  async #close(place: Place): Promise<void> {
    const left = this.#serial(place, () => this.#leave(place));
    await Promise.race([left, sleep(STOP_PATIENCE_MS, undefined, { ref: false })]);
    await place.hosted.graph.close();
  }

  /**
   * Begins to capture a graph, unless it is captured. Returns when capture is on, or after a while; the baseline goes on.
   * @throws CaptureError that says what to do
   */
  async attach(graphId: number, audit: AuditFact): Promise<void> {
    const place = this.#place(graphId);
    let isOn = false;
    const attaching = this.#serial(place, async () => {
      const attachment = await this.#attach(place, audit);
      isOn = true;
      this.#show(place, null);
      await this.#serve(place, attachment);
    });
    const meanwhile = 'the graph is being attached: its trigger does not run yet';
    await this.#patiently(place, attaching, () => (isOn ? null : meanwhile));
    this.#deps.bus.publish(`capture:${graphId}`);
  }

  /** Ends capture and removes from the graph what is ours. History stays. @throws CaptureError */
  async detach(graphId: number, removeKeys: boolean, audit: AuditFact): Promise<void> {
    const place = this.#place(graphId);
    const { graph, name } = place.hosted;
    if (graph.kind === 'EMBEDDED')
      throw new CaptureError(`graph ${name} is embedded, it is always attached`, 'CONTINUOUS');
    place.toAttach = false;
    const detaching = this.#serial(place, async () => {
      // What was captured is recorded, unless the graph cannot be reached any more.
      await place.recorder?.fence().catch(() => {});
      await this.#deps.attachments.end(graphId, audit, removeKeys);
      await this.#leave(place);
      this.#deps.bus.publish(`capture:${graphId}`);
      if (removeKeys) await this.#deps.attachments.forgetKeys(graphId);
      await reaching(name, () => graph.detach({ removeKeys }));
      if (removeKeys) await this.#deps.attachments.noteKeysRemoved(graphId);
    });
    await this.#patiently(place, detaching, () => 'the graph is being detached: what is ours is not removed yet');
  }

  /** APOC may take a minute to heed a trigger: beyond a bound whoever asked is answered, and what comes of it is shown with the graph. */
  async #patiently(place: Place, work: Promise<void>, meanwhile: () => string | null): Promise<void> {
    const ended = await Promise.race([work.then(() => true), sleep(PATIENCE_MS, false, { ref: false })]);
    if (ended) return this.#show(place, null);
    this.#show(place, meanwhile());
    work.then(
      () => this.#show(place, null),
      (error: unknown) => {
        this.#show(place, textOf(error));
        this.#deps.onError(error, place.hosted.name);
      },
    );
  }

  /** The recorder of a graph failed; it tries again by itself. What lasts is shown. */
  troubled(graphId: number, error: unknown): void {
    const place = this.#places.get(graphId);
    if (place === undefined || place.hosted.graph.kind === 'EMBEDDED') return;
    place.failures += 1;
    if (place.failures < SHOWN_AFTER) return;
    this.#show(place, `the graph cannot be recorded: ${textOf(error)}`);
  }

  /** The recorder of a graph goes on. */
  recovered(graphId: number): void {
    const place = this.#places.get(graphId);
    if (place === undefined || place.failures === 0) return;
    place.failures = 0;
    this.#show(place, null);
  }

  #place(graphId: number): Place {
    const place = this.#places.get(graphId);
    if (place !== undefined) return place;
    throw new CaptureError('the graph is not among those that this service is configured for', 'OFF');
  }

  /** Brings this instance in line with what is stored of the graph. Never rejects. */
  async #look(place: Place): Promise<void> {
    if (place.looking || this.#stopping) return;
    place.looking = true;
    try {
      await this.#serial(place, () => this.#follow(place));
    } catch (error) {
      this.#deps.onError(error, place.hosted.name);
    } finally {
      place.looking = false;
    }
  }

  async #follow(place: Place): Promise<void> {
    const { id, name, graph } = place.hosted;
    if (this.#stopping) return;
    const record = await this.#deps.history.graph(id);
    if (record === null) return;
    const isOff = record.captureMode === 'OFF';
    if (isOff) await this.#leave(place);
    else place.toAttach = false;
    await place.leavings.look(!isOff);
    if (place.recorder !== null || (isOff && !place.toAttach) || this.#deps.clock.now().getTime() < place.retryAt)
      return;
    try {
      const fact = auditFact(null, 'GRAPH_ATTACHED', {}, { graph: name, atStart: true });
      await this.#serve(place, isOff ? await this.#attach(place, fact) : null);
      place.failures = 0;
      this.#show(place, null);
    } catch (error) {
      if (graph.kind === 'EMBEDDED') throw error;
      place.failures += 1;
      place.retryAt =
        this.#deps.clock.now().getTime() + Math.min(LONGEST_RETRY_MS, LOOK_MS * 2 ** (place.failures - 1));
      this.#show(place, error instanceof CaptureError ? error.message : `it cannot be attached: ${textOf(error)}`);
      throw error;
    }
  }

  /** @returns what attaching found, once it is stored */
  async #attach(place: Place, audit: AuditFact): Promise<Attachment> {
    const { id, name, graph } = place.hosted;
    const attachment = await this.#install(place);
    const { nodes, relationships } = await reaching(name, () => graph.count());
    const begin = { storeId: attachment.storeId, total: nodes + relationships };
    await this.#deps.attachments.begin(id, begin, audit);
    place.toAttach = false;
    return attachment;
  }

  #install({ hosted: { id, name, graph } }: Place): Promise<Attachment> {
    return reaching(name, () => graph.attach((found) => noteInterruption(this.#deps, id, found)));
  }

  /** Serves a graph that is attached. Attaching is idempotent, so every instance does it for itself. */
  async #serve(place: Place, attached: Attachment | null): Promise<void> {
    const { id, name, graph } = place.hosted;
    if (place.recorder !== null) return;
    if (attached === null) await this.#install(place);
    const record = await this.#deps.history.graph(id);
    // It may have been detached while this instance attached it, which has installed capture anew then.
    if (record?.captureMode === 'OFF') return reaching(name, () => graph.detach({ removeKeys: false }));
    place.recorder = place.hosted.recorder();
    place.recorder.start();
    this.#deps.registry.add(id, { graph, recorder: place.recorder });
    await this.#noteSchema(place, attached === null ? 'CHANGED' : 'ALWAYS');
  }

  /** What cannot be read now is read at the next point: capture does not depend on it. */
  async #noteSchema({ hosted: { id, name, graph } }: Place, when: 'ALWAYS' | 'CHANGED'): Promise<void> {
    const { schemas, clock, onError } = this.#deps;
    try {
      await schemas.note(id, await graph.readSchema(), clock.now(), when);
    } catch (error) {
      onError(error, name);
    }
  }

  async #leave(place: Place): Promise<void> {
    const { recorder } = place;
    if (recorder === null) return;
    this.#deps.registry.remove(place.hosted.id);
    place.recorder = null;
    await recorder.stop();
  }

  /** Shown with the graph by this instance: it says nothing of what is recorded, and others may do better. */
  #show(place: Place, trouble: string | null): void {
    const { bus, registry } = this.#deps;
    const { id } = place.hosted;
    if (registry.trouble(id) === trouble) return;
    registry.note(id, trouble);
    bus.publish(`capture:${id}`);
  }

  #serial<T>(place: Place, work: () => Promise<T>): Promise<T> {
    const mine = place.last.then(work);
    place.last = mine.catch(() => {});
    return mine;
  }
}
