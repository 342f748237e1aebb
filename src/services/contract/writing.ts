import type { At } from '../../core/moments.ts';
import type { ConflictPolicy } from '../../core/policy.ts';
import type { Scope } from '../../core/scope.ts';
import type { GraphWrite } from '../../core/writes.ts';
import type { Caller, Idempotent } from './caller.ts';

export interface GraphWriter {
  /** One graph transaction, all or nothing. `transaction` null when nothing changed. keys[i] belongs to changes[i]. */
  write(
    caller: Caller,
    input: Idempotent & {
      graph: string;
      session?: string | null;
      actor?: string | null;
      changes: readonly GraphWrite[];
    },
  ): Promise<{
    changed: boolean;
    transaction: { graphId: number; seq: bigint } | null;
    keys: readonly string[];
  }>;
}

export interface SessionManager {
  /** Returns the session's id. With a point of origin SESSION unless `point` is false. */
  open(
    caller: Caller,
    input: Idempotent & {
      graph: string;
      name?: string | null;
      actor?: string | null;
      label?: string | null;
      point: boolean;
    },
  ): Promise<string>;
  /** With `rollback`, also starts the undo of the session; see Session.rollback. */
  close(caller: Caller, input: Idempotent & { id: string; rollback: boolean; policy: ConflictPolicy }): Promise<string>;
  /** Sessions that wrote within the last minutes and are open. */
  isPresent(session: { closedAt: Date | null; lastWriteAt: Date | null; openedAt: Date }): boolean;
}

export interface SnapshotManager {
  create(
    caller: Caller,
    input: Idempotent & {
      graph: string;
      name: string;
      description?: string | null;
      at?: At | null;
      expiresAt?: Date | null;
      held?: boolean | null;
      session?: string | null;
      metadata?: unknown;
      archive: boolean;
    },
  ): Promise<string>;
  update(
    caller: Caller,
    input: { id: string; name?: string; description?: string | null; expiresAt?: Date | null; held?: boolean },
  ): Promise<string>;
  /** Tombstones the point. @throws StateError when it is held or an operation in flight targets it. */
  delete(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
  /** Recomputes the checksum from history and reads every archive back; the point ends VALID, or INVALID with what is damaged named. */
  validate(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
}

export type ArchiveInput = Idempotent & { id: string; scope?: Scope | null };

export interface Archiver {
  /**
   * Begins to write the state at a point, or what a scope covers of it, into the blob store; returns the point's id. Asked again for what is being
   * written, or is there undamaged, it does nothing.
   * @throws NotFoundError; StateError for a point that cannot be archived now; InvalidInputError when the scope matches nothing; LimitError
   */
  begin(caller: Caller, input: ArchiveInput): Promise<string>;
}
