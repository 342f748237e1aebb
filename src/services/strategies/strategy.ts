import type { OperationRecord } from '../../ports/operation-store.ts';
import type { RollbackRequest } from '../contract.ts';
import type { OperationRun } from '../rollback/operation-run.ts';

/** What a request may be checked against before anything is planned. */
export interface StrategyLimits {
  /** The most changes that one graph transaction may hold. */
  readonly immediateLimit: number;
}

/**
 * One way in which a rollback can be asked for. Several may apply to one request: a gradual undo of one actor's last hour among the
 * documents of one label is GRADUAL, TIME_BASED and PARTIAL.
 */
export interface RollbackStrategy {
  readonly name: 'PARTIAL' | 'TIME_BASED' | 'DRY_RUN' | 'IMMEDIATE' | 'GRADUAL';
  isAskedFor(request: RollbackRequest): boolean;
  /** Refuses what makes no sense whatever is stored. @throws InvalidInputError naming the field */
  check(request: RollbackRequest, limits: StrategyLimits): void;
}

/** What GRADUAL may be asked for besides. */
export type Rhythm = Pick<RollbackRequest, 'batchSize' | 'maxChangesPerSecond'>;

/** What decides how a plan may be written, be it asked for with the rollback or when its preview is executed. */
export type Execution = Rhythm & Pick<RollbackRequest, 'includeSchema'>;

/** Beyond every group's number. */
export const LAST_GROUP = 2n ** 63n - 1n;

/** How the writes are divided among graph transactions. Exactly one applies to an operation. */
export interface WritingStrategy extends RollbackStrategy {
  check(execution: Execution, limits: StrategyLimits): void;
  /** Whether an operation can stop between its writes and go on later. */
  readonly canPause: boolean;
  /** @throws LimitError with the number when a plan of this size can be seen not to fit */
  checkSize(planned: bigint, limits: StrategyLimits): void;
  /**
   * The last group of each batch. `written`: those of the batches that the graph has already.
   * @throws OperationStop when what belongs together is more than a graph transaction may hold
   */
  cut(run: OperationRun, written: readonly bigint[]): Promise<bigint[]>;
  /** Waits as long as the writes so far are ahead of what was asked for. One for each run. */
  pace(run: OperationRun): { wait(): Promise<void> };
}

export type WritingStrategyName = OperationRecord['strategy'];
