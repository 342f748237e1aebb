import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidInputError } from '../../core/errors.ts';
import { constraintsOf } from '../rollback/constraint-closure.ts';
import { type OperationRun, OperationStop } from '../rollback/operation-run.ts';
import { LAST_GROUP, type Rhythm, type StrategyLimits, type WritingStrategy } from './strategy.ts';

const DEFAULT_BATCH = 1000;
const MAX_RATE = 1_000_000;
/** How often a wait for the rate looks whether it should stop. */
const LOOK_MS = 500;

/** Batches, each one graph transaction, at no more than a given rate, with pauses where a person wants them. */
export const gradual: WritingStrategy & { check(rhythm: Rhythm, limits: StrategyLimits): void } = {
  name: 'GRADUAL',
  canPause: true,
  isAskedFor: ({ strategy }) => strategy === 'GRADUAL',
  check({ batchSize, maxChangesPerSecond }, { immediateLimit }) {
    checkRange(['batchSize'], batchSize, immediateLimit);
    checkRange(['maxChangesPerSecond'], maxChangesPerSecond, MAX_RATE);
  },
  checkSize() {},
  cut: cutBatches,
  pace: (run) => new Pace(run),
};

function checkRange(path: readonly string[], value: number | null | undefined, most: number): void {
  if (value === null || value === undefined) return;
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw InvalidInputError.field(path, `must be a whole number from 1 to ${most}`);
}

async function cutBatches(run: OperationRun, written: readonly bigint[]): Promise<bigint[]> {
  const { operation, served, deps } = run;
  const { immediateLimit } = served.graph;
  if (operation.counts.planned === operation.counts.applied) return [...written];
  await deps.plans.group(run.lease, await constraintsOf(run));
  const target = operation.batchSize ?? Math.min(DEFAULT_BATCH, immediateLimit);
  const limit = operation.batchSize ?? immediateLimit;
  const ends: bigint[] = [...written];
  let size = 0;
  let last = 0n;
  for await (const page of deps.plans.groups(operation.id)) {
    for (const group of page) {
      if (group.size > limit) refuse(run, group.size, limit);
      if (size > 0 && size + group.size > target) {
        ends.push(last);
        size = 0;
      }
      size += group.size;
      last = group.group;
    }
  }
  return [...ends, LAST_GROUP];
}

/** A preview may be executed otherwise, so only what is in earnest fails. */
function refuse({ operation }: OperationRun, size: number, limit: number): void {
  if (operation.dryRun) return;
  const advice = 'raise batchSize or use IMMEDIATE';
  const message = `${size} changes belong together, more than a batch may hold (${limit}): ${advice}`;
  throw new OperationStop('FAILED', message);
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
    if (due > performance.now()) this.#run.rest();
    for (let left = due - performance.now(); left > 0; left = due - performance.now()) {
      await sleep(Math.min(left, LOOK_MS));
      // A long wait must not keep anybody waiting who wants it to stop.
      await this.#run.refresh();
      this.#run.checkpoint();
    }
  }
}
