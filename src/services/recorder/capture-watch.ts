import { CaptureError } from '../../core/errors.ts';
import type { CaptureFinding } from '../../ports/knowledge-graph.ts';
import { STORE_REPLACED } from '../interruption.ts';
import { Continuity } from './continuity.ts';
import type { RecorderDeps } from './recorder-types.ts';
import { STORE_RESTORED } from './store-stamp.ts';

/** Findings after which it is the graph as it is now that is known. */
const ACCEPTED: ReadonlySet<string> = new Set([STORE_RESTORED, STORE_REPLACED]);

type Problem = Pick<CaptureFinding, 'kind' | 'message' | 'key'>;

/** Problems of one kind noted at a time; a missed bulk load would otherwise fill the list. */
const MOST_NOTED = 50;

/** Of what the feed showed, so much is remembered as noted: further ones may be listed twice. */
const MOST_HEARD = 1_000;

/** Sees to it that a gap in capture is shown: it ends the epoch, is the graph's capture error and is listed as a problem. */
export class CaptureWatch {
  readonly #deps: RecorderDeps;
  readonly #everyMs: number;
  readonly #continuity: Continuity;
  #nextLook = 0;
  #nextMark = 0;
  #noted = new Set<string>();
  /** What reading the graph showed and is noted, which no look finds. */
  readonly #heard = new Set<string>();
  /** Never rejects. */
  #hearing: Promise<void> = Promise.resolve();
  /** What the last look found. */
  #standing: ReadonlySet<string> = new Set();
  /** The look under way, or the one after it. Never rejects. */
  #looking: Promise<void> = Promise.resolve();
  /** A look that has not begun yet, which serves everybody who asks before it does. */
  #due: Promise<void> | null = null;

  constructor(deps: RecorderDeps, everyMs: number) {
    this.#deps = deps;
    this.#everyMs = everyMs;
    this.#continuity = new Continuity(deps);
  }

  /**
   * Looks whether capture is installed as it should be, unless it did a moment ago and need not look `anyway`. One look at a time: what an
   * earlier one finds is found when a later one is over, and no comparison takes it for a gap that came since.
   */
  async look(anyway = false): Promise<void> {
    const now = this.#deps.clock.now().getTime();
    if (now < this.#nextLook && !anyway) return this.#looking;
    this.#nextLook = now + this.#everyMs;
    this.#due ??= this.#after(this.#looking);
    const due = this.#due;
    this.#looking = due.catch(() => {});
    await due;
  }

  async #after(earlier: Promise<void>): Promise<void> {
    await earlier;
    this.#due = null;
    await this.#lookNow();
  }

  /**
   * Stores what reading the graph has shown. From then on it is known to every instance, and over with a comparison that any of them makes.
   */
  hear(): Promise<void> {
    const turn = this.#hearing.then(() => this.#hearNow());
    this.#hearing = turn.catch(() => {});
    return turn;
  }

  async #hearNow(): Promise<void> {
    const { notices } = this.#deps.graph;
    const found = notices?.all() ?? [];
    if (found.length === 0) return;
    const gaps = found.filter(({ gap }) => gap);
    if (gaps.length > 0) await this.gap(gaps);
    const fresh = found.filter((finding) => !finding.gap && !this.#heard.has(idOf(finding)));
    await this.#list(fresh);
    for (const finding of fresh) this.#heard.add(idOf(finding));
    for (const id of this.#heard) if (this.#heard.size > MOST_HEARD) this.#heard.delete(id);
    notices?.forget(found);
  }

  async #lookNow(): Promise<void> {
    await this.hear();
    // At the same time, since every point waits for both.
    const [inspected, continuity] = await Promise.all([this.#deps.graph.inspectCapture(), this.#continuity.findings()]);
    const findings = [...inspected, ...continuity];
    const still = new Set(findings.map(idOf));
    this.#noted = new Set([...this.#noted].filter((id) => still.has(id)));
    const gaps = findings.filter((finding) => finding.gap);
    // While capture is out of order, every look may have missed more. What else lasts until a comparison settles it is one gap, however
    // often it is looked at.
    const isOut = inspected.some(({ gap, incident }) => gap && incident === undefined);
    const isNew = isOut || gaps.some((finding) => !this.#standing.has(idOf(finding)));
    // What is accepted once it is shown does not last: found again it is another one.
    this.#standing = new Set(findings.filter(({ kind }) => !ACCEPTED.has(kind)).map(idOf));
    await this.#note(findings.filter((finding) => !finding.gap && !this.#noted.has(idOf(finding))));
    if (gaps.length > 0) await this.gap(gaps, isNew);
    // Shown once: from now on it is this state of the graph that is known.
    if (gaps.some(({ kind }) => kind === STORE_RESTORED)) await this.#continuity.stamp(0n, true);
    if (gaps.some(({ kind }) => kind === STORE_REPLACED)) await this.#continuity.acceptStore();
  }

  /** To be called by the instance that records, now and then: marks in the graph that it has come as far as `seq`. */
  async mark(seq: bigint): Promise<void> {
    const now = this.#deps.clock.now().getTime();
    if (now < this.#nextMark) return;
    this.#nextMark = now + this.#everyMs;
    await this.#continuity.stamp(seq);
  }

  /** @throws CaptureError while there is a gap that nobody has compared with the graph */
  async assertWhole(): Promise<void> {
    const graph = await this.#deps.history.graph(this.#deps.graphId);
    if (graph === null || graph.captureError === null) return;
    const message = `capture of graph ${graph.name} has a gap, verify the graph first: ${graph.captureError}`;
    throw new CaptureError(message, graph.captureMode);
  }

  /** Recording met writes that were missed. A look at the same time comes first: it may know why they were. */
  async missed(problems: readonly Problem[]): Promise<void> {
    await this.#looking;
    await this.gap(problems);
  }

  /** Writes were or may have been missed. The first gap of an epoch ends it; later ones are only listed. */
  async gap(problems: readonly Problem[], isNew = true): Promise<void> {
    const { history, graphId, bus } = this.#deps;
    const messages = [...new Set(problems.map(({ message }) => message))];
    const [first = 'writes were missed'] = messages;
    const text = messages.length > 1 ? `${first} (and ${messages.length - 1} more)` : first;
    if (await history.beginGap(graphId, text, isNew, shownOf(problems))) {
      this.#remember(problems);
      bus.publish(`capture:${graphId}`);
    } else {
      const error = (await history.graph(graphId))?.captureError ?? '';
      await this.#note(
        problems.filter((problem) => !this.#noted.has(idOf(problem)) && !error.includes(problem.message)),
      );
    }
  }

  async #note(problems: readonly Problem[]): Promise<void> {
    await this.#list(problems);
    this.#remember(problems);
  }

  async #list(problems: readonly Problem[]): Promise<void> {
    if (problems.length === 0) return;
    await this.#deps.history.addCaptureProblems(this.#deps.graphId, shownOf(problems));
  }

  #remember(noted: readonly Problem[]): void {
    for (const problem of noted) this.#noted.add(idOf(problem));
  }
}

function shownOf(problems: readonly Problem[]): readonly Problem[] {
  const shown = problems.slice(0, MOST_NOTED);
  const [first] = problems.slice(MOST_NOTED);
  if (first === undefined) return shown;
  return [...shown, { kind: first.kind, message: `${problems.length - MOST_NOTED} more`, key: null }];
}

function idOf({ kind, message, key }: Problem): string {
  return JSON.stringify([kind, message, key]);
}
