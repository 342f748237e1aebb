import { type ConflictChoice, choiceKind, choiceProblem, strategyOf } from '../../core/conflict-choice.ts';
import { type FieldProblem, InvalidInputError, LimitError, NotFoundError, StateError } from '../../core/errors.ts';
import { subjectOf } from '../../core/resolution-rules.ts';
import { isFinalOperation } from '../../core/states.ts';
import type { Value } from '../../core/values.ts';
import {
  CONFLICTS_RESOLVED,
  type ConflictStore,
  type Decision,
  type DecisionRefusal,
  type NewRule,
  type StoredConflict,
} from '../../ports/conflict-store.ts';
import type { Keys } from '../../ports/keys.ts';
import type { OperationRecord } from '../../ports/operation-store.ts';
import { auditFact } from '../audit-facts.ts';
import type { BulkResolution, Caller, ResolutionInput, ResolveInput } from '../contract.ts';
import type { Attempt } from '../idempotency.ts';

/** Conflicts that one request may decide one by one. */
export const MAX_RESOLUTIONS = 1000;
/** Conflicts that one request may decide at once. */
export const MAX_BULK = 100_000;
/** Remembered decisions of one graph. */
export const MAX_RULES = 1000;
const PAGE = 5000;

export interface ResolvingDependencies {
  readonly conflicts: ConflictStore;
  readonly keys: Keys;
}

/**
 * Decides conflicts of an operation that waits for it, or of a finished preview. All decisions of a request hold, or none.
 * @returns how many were decided
 * @throws InvalidInputError naming the decision that does not fit, StateError, LimitError
 */
export async function resolve(
  deps: ResolvingDependencies,
  caller: Caller,
  operation: OperationRecord,
  input: ResolveInput,
  attempt: Attempt,
): Promise<number> {
  const { resolutions, all } = input;
  const bulk = all ?? null;
  if (resolutions.length > 0 === (bulk !== null)) {
    const path = bulk === null ? ['resolutions'] : ['all'];
    throw InvalidInputError.field(path, 'give exactly one of resolutions and all');
  }
  if (attempt.retried && (await deps.conflicts.wasDecided(operation.id, attempt.id))) return 0;
  assertDecidable(operation);
  const { decisions, rules } =
    bulk === null ? await decideListed(deps, operation, resolutions) : await decideAll(deps, operation, bulk);
  const data = { decided: decisions.length, remembered: rules.length, attempt: attempt.id };
  const fact = auditFact(caller, CONFLICTS_RESOLVED, { operationId: operation.id }, data);
  const refusal = await deps.conflicts.decide(operation.id, decisions, caller.actor, rules, fact);
  if (refusal !== null) throw refused(operation.id, refusal, resolutions);
  return decisions.length;
}

/** @throws StateError */
function assertDecidable({ id, status, dryRun }: OperationRecord): void {
  if (status === 'CONFLICT_RESOLUTION' || (dryRun && status === 'COMPLETED')) return;
  const why = isFinalOperation(status) ? 'has ended' : 'does not wait for decisions yet';
  throw new StateError(`operation ${id} ${why}`, status);
}

interface Decisions {
  readonly decisions: readonly Decision[];
  readonly rules: readonly NewRule[];
}

async function decideListed(
  deps: ResolvingDependencies,
  operation: OperationRecord,
  resolutions: readonly ResolutionInput[],
): Promise<Decisions> {
  if (resolutions.length > MAX_RESOLUTIONS) {
    throw new LimitError(`at most ${MAX_RESOLUTIONS} conflicts can be decided one by one`, BigInt(MAX_RESOLUTIONS));
  }
  const ids = resolutions.map(({ conflict }) => conflict);
  const found = new Map((await deps.conflicts.byId(operation.id, ids)).map((conflict) => [conflict.id, conflict]));
  const problems: FieldProblem[] = [];
  const seen = new Set<string>();
  for (const [at, resolution] of resolutions.entries()) {
    const problem = problemOf(found.get(resolution.conflict), resolution, seen.has(resolution.conflict));
    if (problem !== null) problems.push({ path: ['resolutions', `${at}`, ...problem.path], message: problem.message });
    seen.add(resolution.conflict);
  }
  if (problems.length > 0) throw new InvalidInputError(problems);
  const decisions = resolutions.flatMap((resolution) => {
    const conflict = found.get(resolution.conflict);
    return conflict === undefined
      ? []
      : [decisionOn(conflict, resolution.choice, resolution.expectVersion, resolution)];
  });
  return { decisions, rules: await rulesFrom(deps, operation, resolutions, found) };
}

function problemOf(
  conflict: StoredConflict | undefined,
  { choice, expectVersion, expectLive, remember }: ResolutionInput,
  isRepeated: boolean,
): FieldProblem | null {
  if (conflict === undefined) return { path: ['conflict'], message: 'is not a conflict of this operation' };
  if (isRepeated) return { path: ['conflict'], message: 'is listed twice' };
  const problem = choiceProblem(conflict, choice);
  if (problem !== null) return { path: ['choose', ...('value' in choice ? ['value'] : [])], message: problem };
  const stale = staleness(conflict.version, conflict.liveHash, expectVersion, expectLive ?? null);
  if (stale !== null) return stale;
  if (remember && !('side' in choice)) {
    return { path: ['remember'], message: 'only the choice of a side can be remembered: a value is for one conflict' };
  }
  return null;
}

function staleness(
  version: number,
  liveHash: string,
  expectVersion: number,
  expectLive: string | null,
): FieldProblem | null {
  if (version !== expectVersion) {
    const message = `is at version ${version} by now: it was decided, or changed with the graph`;
    return { path: ['expectVersion'], message };
  }
  if (expectLive === null || expectLive === liveHash) return null;
  return { path: ['expectLive'], message: `live is ${liveHash === '' ? 'absent' : liveHash} by now` };
}

async function decideAll(
  deps: ResolvingDependencies,
  operation: OperationRecord,
  { where, choice, expectCount }: BulkResolution,
): Promise<Decisions> {
  const decisions: Decision[] = [];
  const fits = new Map<string, number>();
  for (let after = 0n; ; ) {
    const page = await deps.conflicts.select(operation.id, where, after, PAGE);
    for (const conflict of page) {
      const problem = choiceProblem(conflict, choice);
      if (problem !== null) fits.set(problem, (fits.get(problem) ?? 0) + 1);
      decisions.push(decisionOn(conflict, choice, conflict.version, {}));
    }
    if (decisions.length > MAX_BULK) {
      throw new LimitError(`at most ${MAX_BULK} conflicts can be decided at once: narrow where`, BigInt(MAX_BULK));
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    after = last.no;
  }
  if (BigInt(decisions.length) !== expectCount) {
    throw InvalidInputError.field(['all', 'expectCount'], `is ${expectCount}, but ${decisions.length} conflicts match`);
  }
  const [first] = fits;
  if (first !== undefined) {
    const [problem, count] = first;
    throw InvalidInputError.field(['all', 'choose'], `does not fit ${count} of the conflicts: ${problem}`);
  }
  return { decisions, rules: [] };
}

function decisionOn(
  conflict: StoredConflict,
  choice: ConflictChoice,
  expectVersion: number,
  { expectLive }: { readonly expectLive?: string | null | undefined },
): Decision {
  const choiceName = choiceKind(choice);
  return {
    conflictId: conflict.id,
    expectVersion,
    expectLive: expectLive ?? null,
    choice: choiceName,
    resolution: strategyOf(choice),
    value: chosenValue(conflict, choice),
  };
}

/** Null where existence or ends are decided, and where the value is to be absent. */
function chosenValue({ base, target, live, merged }: StoredConflict, choice: ConflictChoice): Value | null {
  if ('absent' in choice) return null;
  if ('value' in choice) return choice.value;
  return { BASE: base, TARGET: target, LIVE: live, MERGED: merged }[choice.side];
}

async function rulesFrom(
  deps: ResolvingDependencies,
  { graphId }: OperationRecord,
  resolutions: readonly ResolutionInput[],
  found: ReadonlyMap<string, StoredConflict>,
): Promise<NewRule[]> {
  const remembered = resolutions.flatMap((resolution, at) => (resolution.remember ? [{ ...resolution, at }] : []));
  if (remembered.length === 0) return [];
  const states = await deps.conflicts.states(remembered.map(({ conflict }) => conflict));
  const rules = new Map<string, NewRule>();
  for (const { conflict: id, choice, at } of remembered) {
    const conflict = found.get(id);
    const sides = states.get(id);
    if (conflict === undefined || !('side' in choice)) continue;
    const subject = subjectOf(conflict, sides?.liveState ?? sides?.baseState ?? sides?.targetState ?? null);
    const rule = rules.get(JSON.stringify(subject));
    if (rule !== undefined && rule.side !== choice.side) {
      const message = `contradicts another decision of this request, which chooses ${rule.side} for the same things`;
      throw InvalidInputError.field(['resolutions', `${at}`, 'remember'], message);
    }
    rules.set(JSON.stringify(subject), { ...subject, id: deps.keys.next(), side: choice.side });
  }
  const there = await deps.conflicts.rules(graphId);
  if (there.length + rules.size > MAX_RULES) {
    throw new LimitError(`a graph remembers at most ${MAX_RULES} decisions: forget some`, BigInt(MAX_RULES));
  }
  return [...rules.values()];
}

/** What another one did between the check and the decision. */
function refused(
  operationId: string,
  refusal: DecisionRefusal,
  resolutions: readonly ResolutionInput[],
): InvalidInputError | StateError {
  if (refusal.kind === 'STATE') {
    return new StateError(`operation ${operationId} does not wait for decisions any more`, refusal.status);
  }
  const { conflictId } = refusal;
  const at = resolutions.findIndex(({ conflict }) => conflict === conflictId);
  if (refusal.kind === 'WRITTEN') {
    const message = 'was decided before the operation began to write by that: undo the operation when it has ended';
    return at < 0
      ? new StateError(`conflict ${conflictId} ${message}`, 'WRITTEN')
      : InvalidInputError.field(['resolutions', `${at}`, 'conflict'], message);
  }
  const { version, liveHash } = refusal;
  const resolution = resolutions[at];
  if (resolution === undefined) {
    return new StateError(`conflict ${conflictId} was decided or changed meanwhile: nothing was decided`, 'CHANGED');
  }
  const stale = staleness(version, liveHash, resolution.expectVersion, resolution.expectLive ?? null);
  const { path, message } = stale ?? { path: ['conflict'], message: 'was changed meanwhile' };
  return InvalidInputError.field(['resolutions', `${at}`, ...path], message);
}

/** @throws NotFoundError */
export async function forgetRule(
  deps: Pick<ResolvingDependencies, 'conflicts'>,
  caller: Caller,
  id: string,
): Promise<void> {
  const rule = await deps.conflicts.rule(id);
  const { kind, labels, type, conflictType, aspect, property, side } = rule ?? {};
  const data = { rule: id, kind, labels, type, conflictType, aspect, property, side };
  if (rule !== null && (await deps.conflicts.forgetRule(id, auditFact(caller, 'RULE_FORGOTTEN', {}, data)))) return;
  throw new NotFoundError(`there is no remembered decision ${id}`);
}
