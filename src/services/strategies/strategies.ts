import type { RollbackRequest } from '../contract.ts';
import { dryRun } from './dry-run.ts';
import { gradual } from './gradual.ts';
import { immediate } from './immediate.ts';
import { partial } from './partial.ts';
import type { RollbackStrategy, StrategyLimits, WritingStrategy, WritingStrategyName } from './strategy.ts';
import { timeBased } from './time-based.ts';

const WRITING: Readonly<Record<WritingStrategyName, WritingStrategy>> = { IMMEDIATE: immediate, GRADUAL: gradual };
const STRATEGIES: readonly RollbackStrategy[] = [timeBased, partial, dryRun, immediate, gradual];

/** The strategies that a request combines. */
export function strategiesOf(request: RollbackRequest): RollbackStrategy[] {
  return STRATEGIES.filter((strategy) => strategy.isAskedFor(request));
}

/** Asks each strategy, since a field of one that does not apply must make sense too. @throws InvalidInputError naming the field */
export function checkStrategies(request: RollbackRequest, limits: StrategyLimits): void {
  timeBased.check(request, limits);
  gradual.check(request, limits);
  for (const strategy of strategiesOf(request)) strategy.check(request, limits);
}

/** How an operation's writes are divided. */
export function writingStrategy({ strategy }: { readonly strategy: WritingStrategyName }): WritingStrategy {
  return WRITING[strategy];
}

/** For who does not ask for one: a single transaction wherever one can hold so many changes. */
export function writingStrategyFor(changes: bigint, { immediateLimit }: StrategyLimits): WritingStrategyName {
  return changes > BigInt(immediateLimit) ? 'GRADUAL' : 'IMMEDIATE';
}
