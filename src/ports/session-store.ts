import type { AuditFact } from './audit-log.ts';

export interface SessionRecord {
  readonly id: string;
  readonly graphId: number;
  readonly name: string;
  readonly actor: string;
  readonly label: string | null;
  readonly openedAt: Date;
  readonly closedAt: Date | null;
  readonly lastWriteAt: Date | null;
  readonly pointId: string | null;
  readonly rollbackId: string | null;
}

export interface NewSession {
  readonly id: string;
  readonly graphId: number;
  readonly name: string;
  readonly actor: string;
  readonly label: string | null;
  readonly openedAt: Date;
}

/** A session of that name and actor is open in the graph. */
export class SessionOpenError extends Error {
  override readonly name = 'SessionOpenError';
}

export interface SessionStore {
  get(id: string): Promise<SessionRecord | null>;
  /** The newest session of a name and actor, open or closed. */
  newest(graphId: number, name: string, actor: string): Promise<SessionRecord | null>;
  /** At most `limit` sessions of a name, newest first, whoever opened them. */
  named(graphId: number, name: string, limit: number): Promise<readonly SessionRecord[]>;
  /** Opens a session without a point; with one it is the point store that opens it. @throws SessionOpenError */
  open(session: NewSession, audit: AuditFact | null): Promise<void>;
  /** @returns false when it is unknown or closed already */
  close(id: string, at: Date, audit: AuditFact | null): Promise<boolean>;
  setRollback(id: string, operationId: string): Promise<void>;
  /** Moves each session's last write forward, never back. */
  touch(writes: ReadonlyMap<string, Date>): Promise<void>;
}
