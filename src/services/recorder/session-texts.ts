import type { CapturedTransaction } from '../../core/recording-types.ts';
import type { RecorderDeps } from './recorder-types.ts';

/** A name may mean another session later; within this span it is asked once per slice. */
const SPAN_MS = 10_000;

/** Puts session ids where writers gave ids or names of their own. */
export class SessionTexts {
  readonly #deps: Pick<RecorderDeps, 'sessions' | 'graphId'>;

  constructor(deps: Pick<RecorderDeps, 'sessions' | 'graphId'>) {
    this.#deps = deps;
  }

  async resolve(slice: readonly CapturedTransaction[]): Promise<CapturedTransaction[]> {
    const { sessions, graphId } = this.#deps;
    const ids = new Map<string, string | null>();
    const resolved: CapturedTransaction[] = [];
    for (const transaction of slice) {
      const { session, actor, time } = transaction;
      if (session === null) {
        resolved.push(transaction);
        continue;
      }
      const asked = JSON.stringify([session, actor, Math.floor(time.getTime() / SPAN_MS)]);
      let id = ids.get(asked);
      if (id === undefined) {
        id = await sessions.resolve(graphId, session, actor, time);
        ids.set(asked, id);
      }
      resolved.push({ ...transaction, session: id });
    }
    return resolved;
  }
}
