import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ActionFacts, availableActions, type EndFacts, endingOf } from '../../src/core/endings.ts';
import { strategyFor } from '../../src/core/policy.ts';
import {
  isFinalOperation,
  isFinalPoint,
  nextOperationStatus,
  nextProgress,
  OPERATION_STATUSES,
  OPERATION_TRANSITIONS,
  type OperationStatus,
  POINT_STATUSES,
  POINT_TRANSITIONS,
} from '../../src/core/states.ts';

function edges(table: Readonly<Record<string, Readonly<Record<string, string | null>>>>): string[] {
  const all = Object.entries(table).flatMap(([from, events]) =>
    Object.values(events).flatMap((to) => (to === null ? [] : [`${from} -> ${to}`])),
  );
  return [...new Set(all)].sort();
}

describe('states', () => {
  test('a point moves as designed', () => {
    expect(edges(POINT_TRANSITIONS)).toEqual([
      'CAPTURING -> FAILED',
      'CAPTURING -> STORED',
      'CREATED -> CAPTURING',
      'INVALID -> EXPIRED',
      'INVALID -> VALIDATING',
      'STORED -> EXPIRED',
      'STORED -> VALIDATING',
      'VALID -> EXPIRED',
      'VALID -> VALIDATING',
      'VALIDATING -> INVALID',
      'VALIDATING -> VALID',
    ]);
    expect(POINT_STATUSES.filter(isFinalPoint)).toEqual(['EXPIRED', 'FAILED']);
  });

  test('an operation moves as designed', () => {
    expect(edges(OPERATION_TRANSITIONS)).toEqual([
      'ANALYZING -> ABORTED',
      'ANALYZING -> COMPLETED',
      'ANALYZING -> CONFLICT_DETECTION',
      'ANALYZING -> FAILED',
      'CONFLICT_DETECTION -> ABORTED',
      'CONFLICT_DETECTION -> COMPLETED',
      'CONFLICT_DETECTION -> CONFLICT_RESOLUTION',
      'CONFLICT_DETECTION -> EXECUTING',
      'CONFLICT_DETECTION -> FAILED',
      'CONFLICT_RESOLUTION -> ABORTED',
      'CONFLICT_RESOLUTION -> EXECUTING',
      'CONFLICT_RESOLUTION -> FAILED',
      'CONFLICT_RESOLUTION -> PARTIALLY_COMPLETED',
      'EXECUTING -> ABORTED',
      'EXECUTING -> COMPLETED',
      'EXECUTING -> CONFLICT_RESOLUTION',
      'EXECUTING -> FAILED',
      'EXECUTING -> PARTIALLY_COMPLETED',
      'ROLLBACK_INITIATED -> ABORTED',
      'ROLLBACK_INITIATED -> ANALYZING',
      'ROLLBACK_INITIATED -> FAILED',
    ]);
    expect(OPERATION_STATUSES.filter(isFinalOperation)).toEqual([
      'COMPLETED',
      'PARTIALLY_COMPLETED',
      'FAILED',
      'ABORTED',
    ]);
  });

  test('every state can be reached, and from every state an end', () => {
    const reachable = (from: OperationStatus): Set<OperationStatus> => {
      const seen = new Set([from]);
      for (const status of seen) {
        for (const next of Object.values(OPERATION_TRANSITIONS[status])) if (next !== null) seen.add(next);
      }
      return seen;
    };
    expect([...reachable('ROLLBACK_INITIATED')].sort()).toEqual([...OPERATION_STATUSES].sort());
    for (const status of OPERATION_STATUSES) expect([...reachable(status)].some(isFinalOperation)).toBe(true);
  });

  test('progress never goes back and stays within bounds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.float({ noNaN: true }), (shown, computed) => {
        const next = nextProgress(shown, computed);
        expect(next).toBeGreaterThanOrEqual(shown);
        expect(next).toBeLessThanOrEqual(100);
        expect(Number.isInteger(next)).toBe(true);
      }),
    );
  });
});

describe('endings', () => {
  const facts: EndFacts = { cause: 'DONE', dryRun: false, planned: 3n, conflicted: 0n, applied: 3n, skipped: 0n };
  const ending = (change: Partial<EndFacts>): string => {
    const { status, outcome } = endingOf({ ...facts, ...change });
    return `${status}/${outcome}`;
  };

  test('say what came of it', () => {
    expect(ending({})).toBe('COMPLETED/APPLIED');
    expect(ending({ planned: 0n, applied: 0n })).toBe('COMPLETED/NOTHING_TO_DO');
    expect(ending({ dryRun: true, applied: 0n })).toBe('COMPLETED/PREVIEWED');
    expect(ending({ dryRun: true, applied: 0n, planned: 0n, conflicted: 1n })).toBe('COMPLETED/PREVIEWED');
    expect(ending({ dryRun: true, applied: 0n, planned: 0n })).toBe('COMPLETED/NOTHING_TO_DO');
    expect(ending({ skipped: 1n })).toBe('PARTIALLY_COMPLETED/SKIPPED');
    expect(ending({ skipped: 3n, applied: 0n })).toBe('PARTIALLY_COMPLETED/SKIPPED');
    expect(ending({ cause: 'INTERRUPTED' })).toBe('PARTIALLY_COMPLETED/INTERRUPTED');
    expect(ending({ cause: 'INTERRUPTED', applied: 0n })).toBe('FAILED/FAILED');
    expect(ending({ cause: 'ABORTED' })).toBe('PARTIALLY_COMPLETED/ABORTED');
    expect(ending({ cause: 'ABORTED', applied: 0n })).toBe('ABORTED/ABORTED');
    expect(ending({ cause: 'FAILED' })).toBe('FAILED/FAILED');
  });

  test('are reached by their event from EXECUTING', () => {
    for (const cause of ['DONE', 'INTERRUPTED', 'ABORTED', 'FAILED'] as const) {
      for (const applied of [0n, 2n]) {
        const { event, status } = endingOf({ ...facts, cause, applied });
        expect(nextOperationStatus('EXECUTING', event)).toBe(status);
      }
    }
  });
});

describe('available actions', () => {
  const facts: ActionFacts = {
    status: 'COMPLETED',
    outcome: 'APPLIED',
    dryRun: false,
    gradual: false,
    paused: false,
    expired: false,
    planned: 2n,
    applied: 2n,
    openConflicts: 0n,
    undone: false,
    tellsWriters: true,
    resumed: false,
  };
  const actions = (change: Partial<ActionFacts>): string => availableActions({ ...facts, ...change }).join(' ');
  const preview = { dryRun: true, outcome: 'PREVIEWED', applied: 0n } as const;

  test('of a preview', () => {
    expect(actions(preview)).toBe('EXECUTE REHEARSE');
    expect(actions({ ...preview, openConflicts: 1n })).toBe('EXECUTE RESOLVE');
    expect(actions({ ...preview, planned: 0n })).toBe('');
    expect(actions({ ...preview, expired: true, openConflicts: 1n })).toBe('');
  });

  test('while it runs or waits', () => {
    const running = { outcome: null, applied: 0n } as const;
    expect(actions({ ...running, status: 'ROLLBACK_INITIATED' })).toBe('ABORT');
    expect(actions({ ...running, status: 'EXECUTING', applied: 1n })).toBe('ABORT');
    expect(actions({ ...running, status: 'CONFLICT_RESOLUTION', openConflicts: 2n })).toBe('RESOLVE ABORT');
    expect(actions({ ...running, status: 'CONFLICT_RESOLUTION' })).toBe('ABORT');
  });

  test('of what is written in batches', () => {
    const gradual = { outcome: null, gradual: true, status: 'EXECUTING' } as const;
    expect(actions(gradual)).toBe('PAUSE ABORT');
    expect(actions({ ...gradual, paused: true })).toBe('CONTINUE ABORT');
    expect(actions({ ...gradual, status: 'COMPLETED', outcome: 'APPLIED' })).toBe('UNDO');
  });

  test('after it ended', () => {
    expect(actions({})).toBe('UNDO');
    expect(actions({ undone: true })).toBe('');
    expect(actions({ tellsWriters: false })).toBe('');
    expect(actions({ applied: 0n, outcome: 'NOTHING_TO_DO' })).toBe('');
    expect(actions({ status: 'PARTIALLY_COMPLETED', outcome: 'INTERRUPTED' })).toBe('RESUME UNDO');
    expect(actions({ status: 'PARTIALLY_COMPLETED', outcome: 'INTERRUPTED', resumed: true })).toBe('UNDO');
    expect(actions({ status: 'PARTIALLY_COMPLETED', outcome: 'ABORTED' })).toBe('UNDO');
    expect(actions({ status: 'FAILED', outcome: 'FAILED' })).toBe('RESUME UNDO');
    expect(actions({ status: 'ABORTED', outcome: 'ABORTED', applied: 0n })).toBe('');
  });
});

describe('a policy', () => {
  test('has one strategy per type, or its default', () => {
    const policy = { default: 'MANUAL', value: 'OVERWRITE', dependency: null } as const;
    expect(strategyFor(policy, 'VALUE')).toBe('OVERWRITE');
    expect(strategyFor(policy, 'TYPE')).toBe('MANUAL');
    expect(strategyFor(policy, 'DEPENDENCY')).toBe('MANUAL');
  });
});
