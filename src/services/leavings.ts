import type { AttachmentStore } from '../ports/attachment-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { KnowledgeGraph } from '../ports/knowledge-graph.ts';
import { textOf } from './graph-reach.ts';

/** Between two looks, in milliseconds. */
const LOOK_AGAIN_MS = 30_000;
/** Beyond that nobody goes on who has not heard that the graph was detached, and no commit that ran its trigger. In milliseconds. */
const QUIET_AFTER_MS = 30_000;

export interface LeavingsDependencies {
  readonly attachments: Pick<AttachmentStore, 'ended' | 'forgetKeys' | 'noteKeysRemoved' | 'forgetEnded'>;
  readonly clock: Clock;
  readonly onError: (error: unknown, graph: string) => void;
}

interface Place {
  readonly id: number;
  readonly name: string;
  readonly graph: KnowledgeGraph;
}

/**
 * What the detaching of a graph has left there: all of it, when whoever detached it was killed or did not reach the graph; what others wrote who
 * had not heard of it; the trigger, while APOC is away. It is looked for until nothing can come any more and nothing is left.
 */
export class Leavings {
  readonly #deps: LeavingsDependencies;
  readonly #place: Place;
  #nextAt = 0;
  /** Told once, not at every look. */
  #trouble: string | null = null;

  constructor(deps: LeavingsDependencies, place: Place) {
    this.#deps = deps;
    this.#place = place;
  }

  /** Removes what there is, now and then. Never rejects for what the graph says. */
  async look(isCapturedAgain: boolean): Promise<void> {
    const { attachments, clock, onError } = this.#deps;
    const { id, name, graph } = this.#place;
    const now = clock.now().getTime();
    if (graph.removeLeft === undefined || now < this.#nextAt) return;
    this.#nextAt = now + LOOK_AGAIN_MS;
    const ended = await attachments.ended(id);
    if (ended === null) return;
    const { secretHash, stamps, token, ageMs } = ended;
    const removeKeys = ended.removeKeys && !isCapturedAgain;
    try {
      if (removeKeys) await attachments.forgetKeys(id);
      const isGone = await graph.removeLeft({ secretHash, stamps, isCapturedAgain, removeKeys });
      if (isGone && removeKeys) await attachments.noteKeysRemoved(id);
      if (isGone && ageMs > QUIET_AFTER_MS) await attachments.forgetEnded(id, token);
      this.#trouble = null;
    } catch (error) {
      if (textOf(error) === this.#trouble) return;
      this.#trouble = textOf(error);
      onError(error, name);
    }
  }
}
