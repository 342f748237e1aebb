import type { EntityKind } from '../../core/entities.ts';
import type {
  Attachment,
  BaselinePage,
  CapturedTransaction,
  CaptureFinding,
  EndedCapture,
  Pending,
} from '../../ports/knowledge-graph.ts';
import type { Statements } from './connection.ts';

/** How writes to a Neo4j graph are noticed: the part of `KnowledgeGraph` that the trigger, or its absence, decides. See the port for each. */
export interface Capture {
  attach(before: (found: Attachment) => Promise<void>): Promise<Attachment>;
  detach(options: { readonly removeKeys: boolean }): Promise<void>;
  removeLeft(ended: EndedCapture): Promise<boolean>;
  baseline(after: string | null, pageSize: number): AsyncIterable<BaselinePage>;
  pending(): Promise<Pending>;
  feed(maxChanges: number): AsyncIterable<readonly CapturedTransaction[]>;
  acknowledge(ids: readonly string[]): Promise<void>;
  inspect(): Promise<readonly CaptureFinding[]>;
  settleIncidents(incidents: readonly string[]): Promise<void>;
  /**
   * To be asked in each transaction of the service's that is to be captured, before it commits.
   * @param secretHash of the secret in the transaction's metadata
   * @throws CaptureError when it would be taken for somebody else's
   */
  assertBelieved(on: Statements, secretHash: string | null): Promise<void>;
  /** Which of these keys, that have no binding, entities may have that are not recorded yet. */
  unseen(on: Statements, kind: EntityKind, keys: readonly string[]): Promise<readonly string[]>;
}
