import { describe, expect, test } from '@jest/globals';
import type { NodeState, RelationshipState } from '../../src/core/entities.ts';
import type { ConflictPolicy } from '../../src/core/policy.ts';
import { type ResolutionRule, ruleFor, subjectOf } from '../../src/core/resolution-rules.ts';
import { mayOverlap } from '../../src/core/scope-overlap.ts';
import { type Settleable, settle } from '../../src/core/settling.ts';

const labelled = (...labels: string[]): NodeState => ({ kind: 'NODE', key: 'a', labels, properties: {} });
const conflict: Settleable = {
  kind: 'NODE',
  type: 'VALUE',
  aspect: 'PROPERTY',
  property: 'p',
  base: 1,
  target: 0,
  live: 2,
  merged: null,
  mergesCleanly: false,
  overwritable: true,
  state: labelled('Doc', 'Draft'),
};
let made = 0;
const rule = (change: Partial<ResolutionRule> = {}): ResolutionRule => ({
  id: `rule${++made}`,
  kind: 'NODE',
  labels: ['Doc'],
  type: null,
  conflictType: 'VALUE',
  aspect: 'PROPERTY',
  property: 'p',
  side: 'TARGET',
  createdBy: 'ada',
  ...change,
});

describe('what decides a conflict without asking', () => {
  const by = (policy: ConflictPolicy, rules: readonly ResolutionRule[] = [], change: Partial<Settleable> = {}) => {
    const settled = settle(policy, rules, { ...conflict, ...change });
    return settled === null ? 'nobody' : `${settled.by}: ${JSON.stringify(settled.choice)}`;
  };
  const target = '{"side":"TARGET"}';

  test('the policy, where it says what is to be', () => {
    expect(by({ default: 'SKIP' })).toBe('policy: {"side":"LIVE"}');
    expect(by({ default: 'OVERWRITE' })).toBe(`policy: ${target}`);
    expect(by({ default: 'MERGE' }, [], { merged: 3, mergesCleanly: true })).toBe('policy: {"side":"MERGED"}');
    expect(by({ default: 'MANUAL' })).toBe('nobody');
    expect(by({ default: 'ABORT' }, [rule()])).toBe('nobody');
    expect(by({ default: 'SKIP' }, [rule()])).toBe('policy: {"side":"LIVE"}');
  });

  test('a remembered decision, where the policy would ask', () => {
    expect(by({ default: 'MANUAL' }, [rule()])).toBe(`ada: ${target}`);
    expect(by({ default: 'MERGE' }, [rule()], { merged: 3, mergesCleanly: false })).toBe(`ada: ${target}`);
    expect(by({ default: 'SKIP', value: 'MANUAL' }, [rule()])).toBe(`ada: ${target}`);
  });

  test('nobody, where the decision cannot be carried out', () => {
    expect(by({ default: 'MANUAL' }, [rule({ side: 'MERGED' })])).toBe('nobody');
    expect(by({ default: 'OVERWRITE' }, [], { overwritable: false })).toBe('nobody');
    expect(by({ default: 'OVERWRITE' }, [], { type: 'DEPENDENCY', aspect: 'CONSTRAINT' })).toBe('nobody');
  });
});

describe('the rule for a conflict', () => {
  const sideOf = (rules: readonly ResolutionRule[], state: NodeState | RelationshipState | null = conflict.state) => {
    const ruling = ruleFor(rules, conflict, state);
    return ruling.kind === 'APPLY' ? ruling.rule.side : ruling.kind;
  };

  test('speaks of the same property, aspect, type of conflict and labels', () => {
    expect(sideOf([rule()])).toBe('TARGET');
    for (const other of [
      rule({ property: 'q' }),
      rule({ conflictType: 'TYPE' }),
      rule({ aspect: 'LABEL', property: null }),
      rule({ labels: ['Doc', 'Final'] }),
      rule({ labels: [] }),
      rule({ kind: 'RELATIONSHIP', labels: [], type: 'KNOWS' }),
    ])
      expect(sideOf([other])).toBe('NONE');
    expect(sideOf([rule({ labels: [] })], labelled())).toBe('TARGET');
  });

  test('is the one that names the most labels', () => {
    expect(sideOf([rule({ side: 'LIVE' }), rule({ labels: ['Doc', 'Draft'] })])).toBe('TARGET');
    expect(sideOf([rule({ labels: ['Doc', 'Draft'] }), rule({ side: 'LIVE' })])).toBe('TARGET');
  });

  test('is none where equally particular ones disagree', () => {
    expect(sideOf([rule({ side: 'LIVE' }), rule({ labels: ['Draft'] })])).toBe('DISAGREE');
    expect(sideOf([rule(), rule({ labels: ['Draft'] })])).toBe('TARGET');
  });

  test('made of a conflict speaks of it', () => {
    const link: RelationshipState = {
      kind: 'RELATIONSHIP',
      key: 'r',
      type: 'KNOWS',
      start: 'a',
      end: 'b',
      properties: {},
    };
    const about = { ...conflict, kind: 'RELATIONSHIP' as const };
    expect(ruleFor([rule({ ...subjectOf(about, link) })], about, link).kind).toBe('APPLY');
    expect(ruleFor([rule({ ...subjectOf(about, link) })], about, { ...link, type: 'LIKES' }).kind).toBe('NONE');
    expect(sideOf([rule({ ...subjectOf(conflict, conflict.state) })])).toBe('TARGET');
  });
});

test('scopes are known to be apart only by their keys', () => {
  expect(mayOverlap(null, { keys: ['a'] })).toBe(true);
  expect(mayOverlap({ keys: ['a'] }, { keys: ['b'], labels: ['L'] })).toBe(false);
  expect(mayOverlap({ keys: ['a', 'b'] }, { keys: ['b'] })).toBe(true);
  expect(mayOverlap({ labels: ['A'] }, { labels: ['B'] })).toBe(true);
});
