import type { EntityKind } from '../../core/entities.ts';
import type { Attachment, BaselinePage, CapturedTransaction, EndedCapture } from '../../ports/knowledge-graph.ts';
import type { Capture } from './capture.ts';
import type { Statements } from './connection.ts';
import type { CaptureParts } from './neo4j-graph.ts';
import { scanCapture } from './scan-capture.ts';
import { triggerCapture } from './trigger/trigger-capture.ts';

/** By a trigger where the database has APOC's, else by scans. Where it has them and they cannot be used, attaching says what to set. */
export function anyCapture(parts: CaptureParts): Capture {
  return new AnyCapture(parts);
}

class AnyCapture implements Capture {
  readonly #parts: CaptureParts;
  readonly #byTrigger: Capture;
  readonly #byScans: Capture;
  /** Until the graph was attached here, what it would be with a trigger: looking for what is left of one does no harm. */
  #chosen: Capture;

  constructor(parts: CaptureParts) {
    this.#parts = parts;
    this.#byTrigger = triggerCapture()(parts);
    this.#byScans = scanCapture(parts);
    this.#chosen = this.#byTrigger;
  }

  async attach(before: (found: Attachment) => Promise<void>): Promise<Attachment> {
    await this.#choose();
    return this.#chosen.attach(before);
  }

  async detach(options: { readonly removeKeys: boolean }): Promise<void> {
    await this.#choose();
    await this.#chosen.detach(options);
  }

  /** What is installed now decides, not how the graph is captured: the trigger may be of before APOC went. */
  async removeLeft(ended: EndedCapture): Promise<boolean> {
    return (await this.#found()).removeLeft(ended);
  }

  baseline(after: string | null, pageSize: number): AsyncIterable<BaselinePage> {
    return this.#chosen.baseline(after, pageSize);
  }

  pending() {
    return this.#chosen.pending();
  }

  feed(maxChanges: number): AsyncIterable<readonly CapturedTransaction[]> {
    return this.#chosen.feed(maxChanges);
  }

  acknowledge(ids: readonly string[]): Promise<void> {
    return this.#chosen.acknowledge(ids);
  }

  inspect() {
    return this.#chosen.inspect();
  }

  settleIncidents(incidents: readonly string[]): Promise<void> {
    return this.#chosen.settleIncidents(incidents);
  }

  assertBelieved(on: Statements, secretHash: string | null): Promise<void> {
    return this.#chosen.assertBelieved(on, secretHash);
  }

  unseen(on: Statements, kind: EntityKind, keys: readonly string[]): Promise<readonly string[]> {
    return this.#chosen.unseen(on, kind, keys);
  }

  async #choose(): Promise<void> {
    this.#chosen = await this.#found();
  }

  async #found(): Promise<Capture> {
    const [row] = await this.#parts.connection.read(
      `SHOW PROCEDURES YIELD name WHERE name STARTS WITH 'apoc.trigger.' RETURN count(*) AS found`,
    );
    return row?.found === 0n ? this.#byScans : this.#byTrigger;
  }
}
