import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { listTexts, textList } from '../../src/core/aspects.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { decodeValue } from '../../src/core/decode.ts';
import { mergeLabels, mergeValues } from '../../src/core/merge.ts';
import type { Value } from '../../src/core/values.ts';
import { arbName, arbValue } from '../support/arbitraries.ts';

const RUNS = { numRuns: 500 };
const arbSide = fc.option(arbValue, { nil: null });

const arbWord = fc.constantFrom('a', 'b', 'c', 'd', ' ', '  ', '\n', '\r\n');
const arbText = fc.array(arbWord, { maxLength: 12 }).map((words) => words.join(''));
const arbLetters = fc.array(fc.constantFrom(...'abcdefgh'), { maxLength: 8 });
const arbDistinct = fc.uniqueArray(fc.constantFrom(...'abcdefgh')).map((letters) => letters.toSorted());
const arbLabels = fc.uniqueArray(fc.oneof(fc.constantFrom('A', 'B', 'C', 'D'), arbName), { maxLength: 5 });

function three<T>(side: fc.Arbitrary<T>): [fc.Arbitrary<T>, fc.Arbitrary<T>, fc.Arbitrary<T>] {
  return [side, side, side];
}

/** Sides that mostly are what base became by a few edits. */
const arbMergeable = fc.oneof(
  fc.tuple(...three(arbText)),
  fc.tuple(...three(arbLetters.map(textList))),
  fc.tuple(...three(arbDistinct.map(textList))),
  fc.tuple(...three(arbSide)),
);

describe('a merge of any values', () => {
  test('with one side unchanged is the other, and of a change that both made is that change', () => {
    fc.assert(
      fc.property(arbSide, arbSide, (base, side) => {
        const clean = { value: side, clean: true };
        expect(mergeValues(base, base, side)).toEqual(clean);
        expect(mergeValues(base, side, base)).toEqual(clean);
        expect(mergeValues(base, side, side)).toEqual(clean);
      }),
      RUNS,
    );
  });

  test('is a canonical value, and does not depend on which side is which when clean', () => {
    fc.assert(
      fc.property(arbMergeable, ([base, target, live]) => {
        const merge = mergeValues(base, target, live);
        const swapped = mergeValues(base, live, target);
        expect(swapped.clean).toBe(merge.clean);
        if (merge.value !== null) expect(decodeValue(merge.value)).toEqual({ ok: true, value: merge.value });
        if (!merge.clean) return;
        expect(itemsOf(swapped.value).toSorted()).toEqual(itemsOf(merge.value).toSorted());
        if (typeof merge.value === 'string') expect(swapped.value).toBe(merge.value);
      }),
      RUNS,
    );
  });

  test('that is clean loses nothing that a side added, and brings back nothing that a side removed', () => {
    fc.assert(
      fc.property(arbMergeable, ([base, target, live]) => {
        const merge = mergeValues(base, target, live);
        if (!merge.clean) return;
        const [b, t, l, m] = [base, target, live, merge.value].map(counts);
        for (const item of new Set([b, t, l, m].flatMap((side) => [...(side ?? new Map()).keys()]))) {
          const [inBase, inTarget, inLive, merged] = [b, t, l, m].map((side) => side?.get(item) ?? 0);
          expect(merged).toBeGreaterThanOrEqual(Math.min(inTarget ?? 0, inLive ?? 0, inBase ?? 0));
          if (inTarget === inBase) expect(merged).toBe(inLive);
          if (inLive === inBase) expect(merged).toBe(inTarget);
          if ((inTarget ?? 0) > (inBase ?? 0) && (inLive ?? 0) >= (inBase ?? 0)) {
            expect(merged).toBeGreaterThanOrEqual(Math.max(inTarget ?? 0, inLive ?? 0));
          }
        }
      }),
      RUNS,
    );
  });
});

describe('label sets', () => {
  test('merge to what no side removed and either side added, whichever side is which', () => {
    fc.assert(
      fc.property(arbLabels, arbLabels, arbLabels, (base, target, live) => {
        const merge = mergeLabels(textList(base), textList(target), textList(live));
        const has = (label: string): boolean =>
          base.includes(label) ? target.includes(label) && live.includes(label) : [...target, ...live].includes(label);
        const expected = [...new Set([...base, ...target, ...live])].filter(has).sort();
        expect(listTexts(merge.value ?? true)).toEqual(expected);
        expect(mergeLabels(textList(base), textList(live), textList(target))).toEqual(merge);
      }),
      RUNS,
    );
  });
});

/** The parts of a value that merge apart from each other: lines or words of a text, elements of a list. */
function itemsOf(value: Value | null): string[] {
  if (value === null) return [];
  if (typeof value === 'string') return value.match(/\S+/g) ?? [];
  if (typeof value === 'object' && '$list' in value)
    return value.$list.values.map((element) => JSON.stringify(element));
  return [canonicalJson(value)];
}

function counts(value: Value | null): Map<string, number> {
  const result = new Map<string, number>();
  for (const item of itemsOf(value)) result.set(item, (result.get(item) ?? 0) + 1);
  return result;
}
