import { ConstraintError } from '../../core/errors.ts';
import { GuardFailure, takeMarker, writeBatch } from './batch.ts';
import { type OperationRun, OperationStop } from './operation-run.ts';
import { LAST_GROUP } from './preparation.ts';
import { replan } from './replanning.ts';
import { pinSafetyPoint } from './safety-point.ts';

/** How often one batch is planned again because others write what it is about to write. */
const MAX_ROUNDS = 5;
const FIRST_PROGRESS = 40;
const LAST_PROGRESS = 90;

/** Writes the plan, batch by batch, going on after the last batch that the graph's own marker knows of. */
export async function execute(run: OperationRun): Promise<void> {
  if (run.operation.status !== 'EXECUTING') {
    await run.advance({ status: run.after('EXECUTE'), progress: FIRST_PROGRESS, events: [{ type: 'PHASE' }] });
  }
  run.checkpoint();
  await pinSafetyPoint(run);
  const written = await takeMarker(run);
  const { batchEnds } = run.operation;
  if (written === 0n && run.operation.counts.applied > 0n) {
    throw new OperationStop('FAILED', 'the graph has lost the record of how far this operation came');
  }
  const pace = new Pace(run);
  for (const [at, toGroup] of batchEnds.entries()) {
    const fromGroup = at === 0 ? 0n : (batchEnds[at - 1] ?? 0n) + 1n;
    const batch = BigInt(at + 1);
    if (batch > written) {
      run.checkpoint();
      await runBatch(run, batch, fromGroup, toGroup);
    }
    await bookkeep(run, at, fromGroup, toGroup);
    if (toGroup !== LAST_GROUP) await pace.wait();
  }
}

async function runBatch(run: OperationRun, batch: bigint, fromGroup: bigint, toGroup: bigint): Promise<void> {
  for (let round = 1; ; round += 1) {
    const writes = await run.deps.plans.writes(run.operation.id, fromGroup, toGroup);
    try {
      await writeBatch(run, batch, writes);
      // Recorded while the plan is being marked: the proof waits for both.
      run.served.recorder.poke();
      return;
    } catch (error) {
      const guarded = error instanceof GuardFailure ? error.refs : error instanceof ConstraintError ? [] : null;
      if (guarded === null) throw error;
      const message = error instanceof Error ? error.message : '';
      if (round === MAX_ROUNDS) {
        throw new OperationStop('INTERRUPTED', `others keep changing what batch ${batch} is to write: ${message}`);
      }
      const changed = await replan(run, guarded);
      // The graph refuses although nothing that history knows of stands in the way: its own constraint does.
      if (!changed)
        throw new OperationStop('INTERRUPTED', `the graph refused the writes of batch ${batch}: ${message}`);
    }
  }
}

/** The graph has the batch: now the plan and the operation say so, too. */
async function bookkeep(run: OperationRun, at: number, fromGroup: bigint, toGroup: bigint): Promise<void> {
  const batches = run.operation.batchEnds.length;
  const progress = FIRST_PROGRESS + Math.floor(((LAST_PROGRESS - FIRST_PROGRESS) * (at + 1)) / batches);
  await run.advance({
    applied: { fromGroup, toGroup },
    progress,
    events: [{ type: 'PROGRESS', message: `batch ${at + 1} of ${batches} written` }],
  });
}

/** Holds the average rate of writes at the most that was asked for. */
class Pace {
  readonly #run: OperationRun;
  readonly #began = performance.now();
  readonly #before: bigint;

  constructor(run: OperationRun) {
    this.#run = run;
    this.#before = run.operation.counts.applied;
  }

  async wait(): Promise<void> {
    const { maxChangesPerSecond, counts } = this.#run.operation;
    if (maxChangesPerSecond === null) return;
    const due = this.#began + (Number(counts.applied - this.#before) / maxChangesPerSecond) * 1000;
    for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
      await new Promise((resolve) => {
        setTimeout(resolve, Math.min(left, 250));
      });
      this.#run.checkpoint();
    }
  }
}
