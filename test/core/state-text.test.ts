import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalState } from '../../src/core/canonical.ts';
import { parseState } from '../../src/core/state-text.ts';
import { arbNodeState, arbRelationshipState } from '../support/arbitraries.ts';

test('every state comes back from its canonical text, to the last character', () => {
  fc.assert(
    fc.property(fc.oneof(arbNodeState, arbRelationshipState), (state) => {
      const text = canonicalState(state);
      const parsed = parseState(text);
      expect(parsed === null ? null : canonicalState(parsed)).toBe(text);
      expect(parsed).toMatchObject({ kind: state.kind, key: state.key });
    }),
  );
});

test.each([
  [''],
  ['null'],
  ['{}'],
  ['["NODE"]'],
  ['["NODE","a",[],{}'],
  ['["NODE","a",[],{}] '],
  ['["NODE","a",[],{},{}]'],
  ['["NODE",1,[],{}]'],
  ['["NODE","a",["B","A"],{}]'],
  ['["NODE","a",["A","A"],{}]'],
  ['["NODE","a",[],{"q":1,"p":1}]'],
  ['["NODE","a",[],{"p":null}]'],
  ['["NODE","a",[],{"p":[1]}]'],
  ['["NODE","a",[],{"p":1.0}]'],
  ['["NODE","a",[],{"p":1,"p":1}]'],
  ['["RELATIONSHIP","r","T","a",{}]'],
  ['["RELATIONSHIP","r","T","a",null,{}]'],
  ['["EDGE","r","T","a","b",{}]'],
])('%s is no canonical text of a state', (text) => {
  expect(parseState(text)).toBeNull();
});
