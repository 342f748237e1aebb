import { describe, expect, test } from '@jest/globals';
import {
  type Constraint,
  commonState,
  explainFailing,
  explainTaken,
  failingProperty,
  isSubject,
  takenTuple,
  tupleOf,
  tupleText,
  withProperty,
} from '../../src/core/constraints.ts';
import type { Value } from '../../src/core/values.ts';
import { node, relationship } from '../support/entity-history.ts';
import { NUMBER_PAIRS } from '../support/number-pairs.ts';

function constraint(
  kind: Constraint['kind'],
  properties: readonly string[],
  rest: Partial<Constraint> = {},
): Constraint {
  return { name: 'c', kind, entity: 'NODE', subject: 'Person', properties, types: [], ...rest };
}

const EMAIL = constraint('UNIQUE', ['email']);
const NAME = constraint('KEY', ['first', 'last']);

function person(properties: Record<string, Value>): ReturnType<typeof node> {
  return node(properties, ['Person']);
}

describe('a constraint speaks of', () => {
  test('nodes by label, relationships by type', () => {
    expect(isSubject(EMAIL, person({}))).toBe(true);
    expect(isSubject(EMAIL, node({}, ['Place']))).toBe(false);
    expect(isSubject(EMAIL, null)).toBe(false);
    const since = constraint('EXISTENCE', ['since'], { entity: 'RELATIONSHIP', subject: 'KNOWS' });
    expect(isSubject(since, relationship('a', 'b'))).toBe(true);
    expect(isSubject({ ...since, subject: 'LIKES' }, relationship('a', 'b'))).toBe(false);
    expect(failingProperty(since, relationship('a', 'b'))).toBe('since');
  });
});

describe('unique values', () => {
  test('are all of the constraint\u2019s properties, or none', () => {
    expect(tupleOf(EMAIL, person({ email: 'a' }))).toEqual(['a']);
    expect(tupleOf(EMAIL, person({}))).toBeNull();
    expect(tupleOf(NAME, person({ first: 'A' }))).toBeNull();
    expect(tupleOf(NAME, person({ last: 'B', first: 'A' }))).toEqual(['A', 'B']);
    expect(tupleOf(constraint('EXISTENCE', ['email']), person({ email: 'a' }))).toBeNull();
  });

  test('differ in type and in what belongs to which property', () => {
    expect(tupleText(EMAIL, [1])).not.toBe(tupleText(EMAIL, ['1']));
    expect(tupleText(NAME, ['a', 'b,c'])).not.toBe(tupleText(NAME, ['a,b', 'c']));
  });

  test('are taken by whoever did not hold them before', () => {
    const [old, same, fresh] = [person({ email: 'a', p: 1 }), person({ email: 'a', p: 2 }), person({ email: 'b' })];
    expect(takenTuple(EMAIL, { before: old, after: same })).toBeNull();
    expect(takenTuple(EMAIL, { before: old, after: fresh })).toEqual(['b']);
    expect(takenTuple(EMAIL, { before: null, after: fresh })).toEqual(['b']);
    expect(takenTuple(EMAIL, { before: node({ email: 'b' }), after: fresh })).toEqual(['b']);
    expect(takenTuple(EMAIL, { before: fresh, after: null })).toBeNull();
  });

  test('that change hands are in neither way what both states have in common', () => {
    const before = node({ email: 'a', first: 'A', p: 1 }, ['Person', 'Old']);
    const after = node({ email: 'b', first: 'A', q: 1 }, ['New', 'Person']);
    expect(commonState(before, after)).toEqual(node({ first: 'A' }, ['Person']));
    expect(commonState(relationship('a', 'b', { p: 1, q: 1 }), relationship('a', 'b', { p: 1, q: 2 }))).toEqual(
      relationship('a', 'b', { p: 1 }),
    );
  });
});

describe('a state is not allowed', () => {
  test.each<[string, Constraint, Record<string, Value>, string | null]>([
    ['without a property that must exist', constraint('EXISTENCE', ['email']), { p: 1 }, 'email'],
    ['with it it is', constraint('EXISTENCE', ['email']), { email: 1 }, null],
    ['without a part of its key', NAME, { first: 'A' }, 'last'],
    ['with a property of another type', constraint('TYPE', ['age'], { types: ['INTEGER'] }), { age: 1.5 }, 'age'],
    ['of one of several types it is', constraint('TYPE', ['age'], { types: ['INTEGER', 'FLOAT'] }), { age: 1.5 }, null],
    ['without the property it is', constraint('TYPE', ['age'], { types: ['INTEGER'] }), {}, null],
    [
      'with a list of other elements',
      constraint('TYPE', ['tags'], { types: ['LIST OF STRING'] }),
      { tags: { $list: { of: 'INTEGER', values: [1] } } },
      'tags',
    ],
    [
      'with an empty list it is',
      constraint('TYPE', ['tags'], { types: ['LIST OF STRING'] }),
      { tags: { $list: { of: null, values: [] } } },
      null,
    ],
    ['where values are not unique it may be, by itself', EMAIL, { email: 'a' }, null],
  ])('%s', (_, demand, properties, failing) => {
    expect(failingProperty(demand, person(properties))).toBe(failing);
    expect(failingProperty(demand, node(properties, ['Place']))).toBeNull();
  });
});

describe('explanations', () => {
  test('of what would fail', () => {
    const state = person({ name: 'Ada' });
    expect(explainFailing(constraint('EXISTENCE', ['email']), 'email', state)).toBe(
      'Person "Ada" (n) would be without email, while constraint c wants email of every Person to be there.',
    );
    const aged = person({ name: 'Ada', age: 'x' });
    expect(explainFailing(constraint('TYPE', ['age'], { types: ['INTEGER', 'FLOAT'] }), 'age', aged)).toBe(
      'Person "Ada" (n) would be with age as "x", while constraint c wants age of every Person to be INTEGER or FLOAT.',
    );
  });

  test('of what is taken', () => {
    const [ada, bob] = [person({ name: 'Ada', email: 'a@x' }), { ...person({ name: 'Bob', email: 'a@x' }), key: 'b' }];
    expect(explainTaken(EMAIL, ada, bob)).toBe(
      'Person "Ada" (n) cannot get email "a@x" back: Person "Bob" (b) has it, and constraint c allows it once. Say what Person "Bob" (b) gets instead.',
    );
  });
});

test('a property is given or removed', () => {
  expect(withProperty(person({ p: 1 }), 'p', 2)).toEqual(person({ p: 2 }));
  expect(withProperty(person({ p: 1 }), 'p', null)).toEqual(person({}));
  expect(withProperty(person({}), '__proto__', 1).properties).toEqual(Object.fromEntries([['__proto__', 1]]));
});

test.each(NUMBER_PAIRS)('%j and %j are the same to a graph that compares numbers: %s', (a, b, same) => {
  const comparing = { ...EMAIL, comparesNumbers: true };
  expect(tupleText(comparing, [a]) === tupleText(comparing, [b])).toBe(same);
  expect(tupleText(EMAIL, [a])).not.toBe(tupleText(EMAIL, [b]));
  const change = { before: person({ email: a }), after: person({ email: b }) };
  expect(takenTuple(comparing, change)).toEqual(same ? null : [b]);
});
