import { MAX_NAME_LENGTH } from '../core/names.ts';
import { sessionIdIn } from '../core/session-text.ts';
import type { Clock } from '../ports/clock.ts';
import type { Keys } from '../ports/keys.ts';
import { SessionOpenError, type SessionRecord, type SessionStore } from '../ports/session-store.ts';

/** A session that has not written for so long is over: its name, used again, opens a new one. */
export const IDLE_MS = 30 * 60_000;
/** How old a remembered session may be: another instance may have closed it since. */
const REMEMBERED_MS = 250;
const MAX_REMEMBERED = 10_000;
const TOUCH_DELAY_MS = 1000;
const MAX_TOUCHES = 500;
/** Whose writes name a session but no actor. */
const UNKNOWN_ACTOR = 'unknown';

export interface SessionResolverDependencies {
  readonly sessions: SessionStore;
  readonly keys: Keys;
  readonly clock: Clock;
}

interface Remembered {
  readonly session: SessionRecord;
  readonly until: number;
}

/** Finds the session that a captured transaction belongs to, by what its writer put into it. */
export class SessionResolver {
  readonly #deps: SessionResolverDependencies;
  readonly #known = new Map<string, Remembered>();
  #touches = new Map<string, Date>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: SessionResolverDependencies) {
    this.#deps = deps;
  }

  /**
   * The session id: the one that `text` is an id of, as the API or as history has it, if that is a session of this graph; else the session of that name and actor that was open
   * at `time` and not idle, else that of a new one. Whatever the writer put there, there is an answer.
   */
  async resolve(graphId: number, text: string, actor: string | null, time: Date): Promise<string> {
    const name = storable(text);
    const who = storable(actor ?? UNKNOWN_ACTOR);
    const id = JSON.stringify([graphId, name, who]);
    const known = this.#known.get(id);
    const now = this.#deps.clock.now().getTime();
    const session =
      known !== undefined && known.until > now && this.#holds(known.session, time)
        ? known.session
        : await this.#find(graphId, name, who, time);
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear();
    this.#known.set(id, { session, until: now + REMEMBERED_MS });
    this.#touch(session.id, time);
    return session.id;
  }

  /** Forgets what is remembered about a session that has just been closed. */
  forget(sessionId: string): void {
    for (const [id, { session }] of this.#known) if (session.id === sessionId) this.#known.delete(id);
  }

  /** Stores the times of the last writes that are still in memory. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const touches = this.#touches;
    this.#touches = new Map();
    await this.#deps.sessions.touch(touches);
  }

  async #find(graphId: number, text: string, actor: string, time: Date): Promise<SessionRecord> {
    const { sessions, keys } = this.#deps;
    const byId = await sessions.get(sessionIdIn(text));
    if (byId !== null && byId.graphId === graphId) return byId;
    const newest = await sessions.newest(graphId, text, actor);
    if (newest !== null && this.#holds(newest, time)) return newest;
    if (newest !== null && newest.closedAt === null) await sessions.close(newest.id, this.#lastSign(newest), null);
    const session = { id: keys.next(), graphId, name: text, actor, label: null, openedAt: time };
    try {
      await sessions.open(session, null);
    } catch (error) {
      const other = error instanceof SessionOpenError ? await sessions.newest(graphId, text, actor) : null;
      if (other === null) throw error;
      return other;
    }
    return { ...session, closedAt: null, lastWriteAt: null, pointId: null, rollbackId: null };
  }

  /** Whether a write at `time` belongs to the session. */
  #holds(session: SessionRecord, time: Date): boolean {
    if (session.closedAt !== null) return session.closedAt >= time;
    return time.getTime() - this.#lastSign(session).getTime() <= IDLE_MS;
  }

  #lastSign({ id, openedAt, lastWriteAt }: SessionRecord): Date {
    return [openedAt, lastWriteAt, this.#touches.get(id)].reduce<Date>(
      (latest, at) => (at !== null && at !== undefined && at > latest ? at : latest),
      openedAt,
    );
  }

  #touch(id: string, time: Date): void {
    const earlier = this.#touches.get(id);
    if (earlier === undefined || earlier < time) this.#touches.set(id, time);
    // A touch that cannot be stored costs only the idea of how idle a session is.
    const flush = () => void this.flush().catch(() => {});
    if (this.#touches.size >= MAX_TOUCHES) flush();
    this.#timer ??= setTimeout(flush, TOUCH_DELAY_MS).unref();
  }
}

/** Text that PostgreSQL takes, of bounded length. */
function storable(text: string): string {
  return text.slice(0, MAX_NAME_LENGTH).toWellFormed().replaceAll('\0', '\u2400');
}
