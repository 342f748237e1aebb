import { describe, expect, test } from '@jest/globals';
import { mergeLabels, mergeValues } from '../../src/core/merge.ts';
import type { ElementType, ListElement, Value } from '../../src/core/values.ts';

const CONFLICT = { value: null, clean: false };

function list(values: readonly ListElement[], of: ElementType = 'STRING'): Value {
  return { $list: { of: values.length === 0 ? null : of, values } };
}

function letters(text: string): Value {
  return list([...text]);
}

describe('labels', () => {
  test.each([
    ['what one side added and the other removed', ['A', 'B'], ['A', 'B', 'T'], ['A'], ['A', 'T']],
    ['what both added, once', ['A'], ['A', 'X', 'T'], ['A', 'X', 'L'], ['A', 'L', 'T', 'X']],
    ['what both removed', ['A', 'B'], ['T'], ['L'], ['L', 'T']],
  ])('merge one by one: %s', (_, base, target, live, merged) => {
    expect(mergeLabels(list(base), list(target), list(live))).toEqual({ value: list(merged), clean: true });
  });

  test('that are absent are none', () => {
    expect(mergeLabels(null, list(['T']), list(['L']))).toEqual({ value: list(['L', 'T']), clean: true });
    expect(mergeLabels(list(['A']), null, list(['A', 'B']))).toEqual({ value: list(['B']), clean: true });
    expect(mergeLabels(list(['A']), null, null)).toEqual({ value: list([]), clean: true });
  });
});

describe('lists of distinct elements that nobody has reordered', () => {
  test.each([
    ['added at both ends', 'abc', 'xabc', 'abcd', 'xabcd'],
    ['added at the same place', 'ab', 'axb', 'ayb', 'axyb'],
    ['the same added by both, at different places', 'ab', 'xab', 'abx', 'abx'],
    ['removed by one, added by the other', 'abc', 'ac', 'abcd', 'acd'],
    ['neighbours removed', 'abcd', 'acd', 'abd', 'ad'],
    ['all removed', 'ab', 'a', 'b', ''],
    ['an element added after one that the other removed', 'ab', 'abx', 'a', 'ax'],
  ])('merge as sets: %s', (_, base, target, live, merged) => {
    expect(mergeValues(letters(base), letters(target), letters(live))).toEqual({ value: letters(merged), clean: true });
  });

  test('an absent base is an empty list', () => {
    expect(mergeValues(null, letters('ab'), letters('bc'))).toEqual({ value: letters('abc'), clean: true });
  });
});

describe('other lists', () => {
  test('merge as sequences: changes apart from each other are both taken', () => {
    const merged = mergeValues(letters('aabaac'), letters('xaabaac'), letters('aabaacy'));
    expect(merged).toEqual({ value: letters('xaabaacy'), clean: true });
  });

  test('that one side has reordered merge as sequences', () => {
    const merged = mergeValues(letters('abcdef'), letters('bacdef'), letters('abcdex'));
    expect(merged).toEqual({ value: letters('bacdex'), clean: true });
  });

  test.each([
    ['target', 'hc', 'c', 'ch'],
    ['live', 'hc', 'ch', 'c'],
  ])('an element that %s removed and the other moved is for a person to decide', (_, base, target, live) => {
    expect(mergeValues(letters(base), letters(target), letters(live))).toMatchObject({ clean: false });
  });

  test('changed at one place differently show what merges, with that place as it is live', () => {
    const merged = mergeValues(letters('aabaacaa'), letters('aaTaacaaT'), letters('aaLaacaa'));
    expect(merged).toEqual({ value: letters('aaLaacaaT'), clean: false });
  });

  test('of which nothing merges have no merge to show', () => {
    expect(mergeValues(letters('aa'), letters('at'), letters('al'))).toEqual(CONFLICT);
  });

  test('of numbers keep their element type', () => {
    const numbers = (...values: number[]): Value => list(values, 'INTEGER');
    expect(mergeValues(numbers(1, 2), numbers(1, 2, 3), numbers(0, 1, 2))).toEqual({
      value: numbers(0, 1, 2, 3),
      clean: true,
    });
    expect(mergeValues(numbers(1), numbers(), list(['x']))).toEqual(CONFLICT);
    expect(mergeValues(numbers(1, 1), list([1, 1, 2], 'FLOAT'), numbers(1, 1, 3))).toEqual(CONFLICT);
  });
});

describe('text', () => {
  test.each([
    ['by words', 'the quick brown fox', 'the slow brown fox', 'the quick brown wolf', 'the slow brown wolf'],
    ['white space kept', ' a  b\tc   d ', ' x  b\tc   d ', ' a  b\tc   y', ' x  b\tc   y'],
    ['by lines', 'a b\nc d\ne f\n', 'a X\nc d\ne f\n', 'a b\nc d\ne Y\n', 'a X\nc d\ne Y\n'],
    ['line breaks of all kinds kept', 'a\r\nb\rc\nd', 'A\r\nb\rc\nd', 'a\r\nb\rc\nD\n', 'A\r\nb\rc\nD\n'],
    ['both the same', 'a b c d', 'x b c d', 'x b c y', 'x b c y'],
  ])('merges %s', (_, base, target, live, merged) => {
    expect(mergeValues(base, target, live)).toEqual({ value: merged, clean: true });
  });

  test('by lines: two words of one line conflict, and the rest is shown merged', () => {
    const merged = mergeValues('one two\nsame\nlast\n', 'ONE two\nsame\nLAST\n', 'one TWO\nsame\nlast\n');
    expect(merged).toEqual({ value: 'one TWO\nsame\nLAST\n', clean: false });
  });

  test('keeps what JSON text cannot carry', () => {
    const tagged = { $string: Buffer.from('a b \0', 'utf16le').swap16().toString('base64') };
    expect(mergeValues('a b c', tagged, 'x b c')).toEqual({
      value: { $string: Buffer.from('x b \0', 'utf16le').swap16().toString('base64') },
      clean: true,
    });
  });

  test('too long to be compared is not merged', () => {
    const base = 'same '.repeat(3000);
    expect(mergeValues(base, `x ${base.slice(10)}y `, `${base}z`)).toEqual(CONFLICT);
  });
});

describe('what does not merge', () => {
  test.each<[string, Value, Value, Value]>([
    ['integers', 1, 2, 3],
    ['floats', 1.5, { $float: '2.0' }, { $float: '3.0' }],
    ['booleans and others', true, false, 'x'],
    ['dates', { $date: '2024-01-01' }, { $date: '2024-01-02' }, { $date: '2024-01-03' }],
    ['bytes', { $bytes: '' }, { $bytes: 'AQ==' }, { $bytes: 'Ag==' }],
    ['text that was something else', 1, 'a b', 'a c'],
    ['a list and a text', letters('a'), letters('ab'), 'a'],
  ])('%s', (_, base, target, live) => {
    expect(mergeValues(base, target, live)).toEqual(CONFLICT);
  });

  test('a removal and a change', () => {
    expect(mergeValues(letters('a'), null, letters('ab'))).toEqual(CONFLICT);
    expect(mergeValues('a b', 'a c', null)).toEqual(CONFLICT);
  });
});
