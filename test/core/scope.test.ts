import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Aspect } from '../../src/core/aspects.ts';
import { type EntityState, entityId } from '../../src/core/entities.ts';
import { InvalidInputError } from '../../src/core/errors.ts';
import {
  entityInScope,
  matchScope,
  neighbourhoodId,
  parseScope,
  type Scope,
  type ScopeSubject,
  scopeNeighbourhoods,
  scopeToJson,
  scopeUsesLabels,
} from '../../src/core/scope.ts';
import { node, relationship } from '../support/graph-writes.ts';

function problems(input: unknown): string[] {
  try {
    parseScope(input);
  } catch (error) {
    if (error instanceof InvalidInputError) return error.fields.map((f) => `${f.path.join('.')}: ${f.message}`);
    throw error;
  }
  return [];
}

function subject(states: readonly EntityState[], endLabels: readonly string[] = []): ScopeSubject {
  const [first] = states;
  if (first === undefined) throw new Error('a subject has a state');
  return { ref: first, states, endLabels };
}

const ada = subject([node('ada', { name: 'Ada', born: 1815 }, ['Person']), node('ada', {}, ['Agent'])]);
const knows = subject([relationship('r', 'ada', 'bob', { since: 1833 })], ['Person']);
const type = knows.states[0]?.kind === 'RELATIONSHIP' ? knows.states[0].type : '';

function aspectsIn(scope: unknown, of: ScopeSubject): Aspect[] {
  const aspects: Aspect[] = ['existence', 'labels', 'p:name', 'p:born', 'p:since'];
  return aspects.filter((aspect) => matchScope(parseScope(scope), of, aspect));
}

const ALL: Aspect[] = ['existence', 'labels', 'p:name', 'p:born', 'p:since'];

describe('matching', () => {
  test('no scope is everything', () => {
    expect(matchScope(null, ada, 'existence')).toBe(true);
    expect(entityInScope(null, knows)).toBe(true);
  });

  test('a label is what the entity had at any of the moments, or what an end had', () => {
    expect(aspectsIn({ labels: ['Person'] }, ada)).toEqual(ALL);
    expect(aspectsIn({ labels: ['Agent', 'Other'] }, ada)).toEqual(ALL);
    expect(aspectsIn({ labels: ['Other'] }, ada)).toEqual([]);
    expect(aspectsIn({ labels: ['Person'] }, knows)).toEqual(ALL);
    expect(aspectsIn({ labels: ['Agent'] }, knows)).toEqual([]);
  });

  test('a relationship type matches no node', () => {
    expect(aspectsIn({ relationshipTypes: [type] }, knows)).toEqual(ALL);
    expect(aspectsIn({ relationshipTypes: ['OTHER'] }, knows)).toEqual([]);
    expect(aspectsIn({ relationshipTypes: [type] }, ada)).toEqual([]);
  });

  test('properties leave existence and labels out', () => {
    expect(aspectsIn({ properties: ['name', 'other'] }, ada)).toEqual(['p:name']);
    expect(entityInScope(parseScope({ properties: ['name'] }), ada)).toBe(true);
    expect(entityInScope(parseScope({ properties: ['since'] }), ada)).toBe(false);
  });

  test('fields of one object are all required', () => {
    expect(aspectsIn({ labels: ['Person'], keys: ['ada'], properties: ['born'] }, ada)).toEqual(['p:born']);
    expect(aspectsIn({ labels: ['Person'], keys: ['bob'] }, ada)).toEqual([]);
  });

  test('all, any and not combine aspect by aspect', () => {
    expect(aspectsIn({ not: { properties: ['name'] } }, ada)).toEqual(['existence', 'labels', 'p:born', 'p:since']);
    expect(aspectsIn({ any: [{ properties: ['name'] }, { properties: ['born'] }] }, ada)).toEqual(['p:name', 'p:born']);
    expect(aspectsIn({ all: [{ properties: ['name'] }, { properties: ['born'] }] }, ada)).toEqual([]);
    expect(aspectsIn({ all: [{ labels: ['Person'] }, { not: { keys: ['ada'] } }] }, ada)).toEqual([]);
    expect(aspectsIn({ any: [{ relationshipTypes: [type] }, { properties: ['name'] }] }, knows)).toEqual(ALL);
  });

  test('not is the opposite, for any scope', () => {
    fc.assert(
      fc.property(arbScope, fc.constantFrom(ada, knows), fc.constantFrom(...ALL), (scope, of, aspect) => {
        const near = resolve(scope);
        expect(matchScope({ not: scope }, of, aspect, near)).toBe(!matchScope(scope, of, aspect, near));
      }),
    );
  });

  test('a neighbourhood is what the caller resolved it to', () => {
    const scope = parseScope({ neighbourhood: { keys: ['bob'] } });
    const [query, ...more] = scopeNeighbourhoods({ any: [scope, { not: scope }] });
    if (query === undefined) throw new Error('no neighbourhood');
    expect(more).toEqual([]);
    expect(query).toEqual({ keys: ['bob'], hops: 1, direction: 'BOTH' });
    const near = new Map([[neighbourhoodId(query), { nodes: new Set(['ada']), relationships: new Set<string>() }]]);
    expect(matchScope(scope, ada, 'existence', near)).toBe(true);
    expect(matchScope(scope, knows, 'existence', near)).toBe(false);
    expect(() => matchScope(scope, ada, 'existence')).toThrow(RangeError);
  });

  test('labels anywhere inside are noticed', () => {
    expect(scopeUsesLabels(parseScope({ any: [{ keys: ['a'] }, { not: { labels: ['L'] } }] }))).toBe(true);
    expect(scopeUsesLabels(parseScope({ any: [{ keys: ['a'] }] }))).toBe(false);
  });
});

describe('reading', () => {
  test('null counts as absent', () => {
    expect(parseScope({ keys: ['a'], labels: null, not: undefined })).toEqual({ keys: ['a'] });
  });

  test('what could mean everything or nothing is refused', () => {
    expect(problems({})).toEqual(['scope: must have at least one field']);
    expect(problems({ labels: [] })).toEqual(['scope.labels: must not be empty']);
    expect(problems({ any: [{ keys: ['a'] }, {}] })).toEqual(['scope.any.1: must have at least one field']);
    expect(problems({ neighbourhood: { keys: [] } })).toEqual(['scope.neighbourhood.keys: must not be empty']);
  });

  test('every problem is named with its place', () => {
    expect(
      problems({ keys: ['a', ''], lables: ['L'], neighbourhood: { keys: ['a'], hops: 1.5, direction: 'UP' } }),
    ).toEqual([
      'scope.keys.1: must not be empty',
      'scope.lables: is not a field of a scope',
      'scope.neighbourhood.hops: must be a whole number from 0 to 10',
      'scope.neighbourhood.direction: must be IN, OUT or BOTH',
    ]);
    expect(problems('ada')).toEqual(['scope: must be an object']);
    expect(problems({ not: [1] })).toEqual(['scope.not: must be an object']);
    expect(problems({ properties: [3] })).toEqual(['scope.properties.0: must be a string']);
  });

  test('depth and number of parts are bounded', () => {
    const nested = (depth: number): unknown => (depth === 1 ? { keys: ['a'] } : { not: nested(depth - 1) });
    expect(problems(nested(5))).toEqual([]);
    expect(problems(nested(6))).toEqual(['scope.not.not.not.not.not: must not be nested deeper than 5']);
    const wide = (parts: number): unknown => ({ any: Array.from({ length: parts - 1 }, () => ({ keys: ['a'] })) });
    expect(problems(wide(100))).toEqual([]);
    expect(problems(wide(150))).toEqual(['scope.any.99: must not have more than 100 parts']);
  });

  test('what is written out can be read in again', () => {
    fc.assert(
      fc.property(arbScope, (scope) => {
        const json: unknown = JSON.parse(JSON.stringify(scopeToJson(scope)));
        expect(parseScope(json)).toEqual(scope);
      }),
    );
  });
});

const arbNames = fc.array(fc.constantFrom('ada', 'Person', 'name', type), { minLength: 1, maxLength: 2 });
const arbLeaf: fc.Arbitrary<Scope> = fc.oneof(
  fc.record({ keys: arbNames }),
  fc.record({ labels: arbNames, properties: arbNames }),
  fc.record({ relationshipTypes: arbNames }),
  fc.record({
    neighbourhood: fc.record({ keys: arbNames, hops: fc.nat(10), direction: fc.constantFrom('IN', 'OUT', 'BOTH') }),
  }),
);
const arbScope: fc.Arbitrary<Scope> = fc.letrec<{ scope: Scope }>((tie) => ({
  scope: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'scope' },
    arbLeaf,
    fc.record({ not: tie('scope') }),
    fc.record({ all: fc.array(tie('scope'), { minLength: 1, maxLength: 3, depthIdentifier: 'scope' }) }),
    fc.record({ any: fc.array(tie('scope'), { minLength: 1, maxLength: 3, depthIdentifier: 'scope' }) }),
  ),
})).scope;

function resolve(scope: Scope): Map<string, { nodes: Set<string>; relationships: Set<string> }> {
  const near = { nodes: new Set([ada.ref.key]), relationships: new Set<string>([entityId(knows.ref)]) };
  return new Map(scopeNeighbourhoods(scope).map((query) => [neighbourhoodId(query), near]));
}
