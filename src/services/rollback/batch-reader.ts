import type { PlannedWrite } from '../../ports/plan-store.ts';
import type { OperationRun } from './operation-run.ts';

/** The entities of one graph transaction: those of some groups, both ends included. */
export interface Batch {
  /** As the marker has it, from 1. */
  readonly number: number;
  readonly fromGroup: bigint;
  readonly toGroup: bigint;
}

/** Reads what batches write; that of the next one while one is being written. */
export class BatchReader {
  readonly #run: Pick<OperationRun, 'deps' | 'operation'>;
  #ahead: { readonly number: number; readonly writes: Promise<readonly PlannedWrite[]> } | null = null;

  constructor(run: Pick<OperationRun, 'deps' | 'operation'>) {
    this.#run = run;
  }

  read(batch: Batch): Promise<readonly PlannedWrite[]> {
    const ahead = this.#ahead;
    if (ahead === null || ahead.number !== batch.number) return this.#read(batch);
    this.#ahead = null;
    return ahead.writes;
  }

  readAhead(batch: Batch): void {
    const writes = this.#read(batch);
    // Whoever takes them is told; an operation that stops before that has its own reasons.
    writes.catch(() => {});
    this.#ahead = { number: batch.number, writes };
  }

  /** The plan has changed: what was read ahead may be another's turn by now. */
  forget(): void {
    this.#ahead = null;
  }

  #read({ fromGroup, toGroup }: Batch): Promise<readonly PlannedWrite[]> {
    const { deps, operation } = this.#run;
    return deps.plans.writes(operation.id, fromGroup, toGroup);
  }
}
