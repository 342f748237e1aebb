import type { ConflictChoice } from '../../core/conflict-choice.ts';
import type { At } from '../../core/moments.ts';
import type { ConflictPolicy } from '../../core/policy.ts';
import type { Scope } from '../../core/scope.ts';
import type { ConflictSelection } from '../../ports/conflict-store.ts';
import type { Caller, Idempotent } from './caller.ts';
import type { Subgraph } from './reading.ts';

/** What to take back. Exactly one of `to` (restore) and `undo`. */
export interface RollbackRequest extends Idempotent {
  readonly graph: string;
  readonly to?: At | null;
  readonly undo?: UndoRequest | null;
  readonly scope?: Scope | null;
  readonly dryRun: boolean;
  readonly strategy: 'IMMEDIATE' | 'GRADUAL';
  readonly policy: ConflictPolicy;
  readonly batchSize?: number | null;
  readonly maxChangesPerSecond?: number | null;
  readonly includeSchema: boolean;
  readonly reason?: string | null;
}

/** `from` is required with actor and everyone; it is exclusive, `until` inclusive. `session` and `operation` are ids; `sessionName` a name. */
export interface UndoRequest {
  readonly by:
    | { readonly session: string }
    | { readonly actor: string }
    | { readonly operation: string }
    | { readonly transactions: readonly bigint[] }
    | { readonly everyone: true };
  readonly from?: At | null;
  readonly until?: At | null;
}

export interface ResolutionInput {
  readonly conflict: string;
  readonly choice: ConflictChoice;
  /** The version that was seen: another one means that somebody decided, or that the graph moved on. */
  readonly expectVersion: number;
  readonly expectLive?: string | null | undefined;
  /** Later operations decide the same way. Only for the choice of a side. */
  readonly remember: boolean;
}

export interface BulkResolution {
  readonly where: ConflictSelection;
  readonly choice: ConflictChoice;
  readonly expectCount: bigint;
}

/** Exactly one of a list that is not empty and `all`. */
export interface ResolveInput extends Idempotent {
  readonly operation: string;
  readonly resolutions: readonly ResolutionInput[];
  readonly all?: BulkResolution | null | undefined;
}

export interface RollbackManager {
  /** Returns the operation's id at once; the work is a job. */
  request(caller: Caller, input: RollbackRequest): Promise<string>;
  /** A new operation that runs by a completed dry run's plan. */
  execute(
    caller: Caller,
    input: Idempotent & {
      id: string;
      expectPlan: string;
      strategy: 'IMMEDIATE' | 'GRADUAL';
      batchSize?: number | null;
      maxChangesPerSecond?: number | null;
    },
  ): Promise<string>;
  abort(caller: Caller, input: Idempotent & { id: string; reason?: string | null }): Promise<string>;
  /**
   * Decides conflicts of an operation that waits, or of a finished preview, whose plan is brought in line. When none is open any more, the
   * operation goes on. Returns the operation's id.
   */
  resolve(caller: Caller, input: ResolveInput): Promise<string>;
  /** Stops a gradual operation after the batch in hand, until it is continued. */
  pause(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
  continue(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
  /** A new operation that does what one left which was interrupted or failed part way. */
  resume(caller: Caller, input: Idempotent & { id: string; policy: ConflictPolicy | null }): Promise<string>;
  /** Removes a remembered decision. Returns its id. */
  forgetRule(caller: Caller, input: Idempotent & { id: string }): Promise<string>;
  /** Undoes a rollback that wrote something: an ordinary undo of its transactions. */
  undo(caller: Caller, input: Idempotent & { id: string; policy: ConflictPolicy }): Promise<string>;
  /** Draws the plan: planned changes and what ties them together. */
  planSubgraph(operationId: string, limit: number): Promise<Subgraph>;
}

export type AttachInput = Idempotent & { graph: string };
export type DetachInput = Idempotent & { graph: string; removeKeys: boolean };

export interface GraphAttacher {
  /** Begins to capture a configured graph; returns its name at once, the baseline goes on. @throws CaptureError that says what to set, and how */
  attach(caller: Caller, input: AttachInput): Promise<string>;
  /** Ends capture and removes what is ours from the graph; history stays. @throws CaptureError */
  detach(caller: Caller, input: DetachInput): Promise<string>;
}

export type VerifyInput = Idempotent & { graph: string };

export interface Verifier {
  /** Begins a full comparison of the live graph with history; returns the verification's id. */
  begin(caller: Caller, input: VerifyInput): Promise<string>;
}

export type RehearseInput = Idempotent & { id: string };

export interface Rehearser {
  /** Begins to run the plan of a completed dry run on a scratch copy of what it touches; returns the rehearsal's id. */
  begin(caller: Caller, input: RehearseInput): Promise<string>;
}
