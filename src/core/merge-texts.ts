import { mergeSequences } from './diff3.ts';

const LINE_BREAK = /[\r\n]/;
const LINES = /[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g;
const WORDS = /\S+\s*|\s+/g;

export interface MergedText {
  readonly text: string;
  readonly clean: boolean;
}

/**
 * Texts merge by lines when any of the three has a line break, else by words. A line comes with its break and a word with the white space
 * after it, so every character is kept. Null when they are too long to be compared.
 */
export function mergeTexts(base: string, target: string, live: string): MergedText | null {
  const pattern = [base, target, live].some((text) => LINE_BREAK.test(text)) ? LINES : WORDS;
  const parts = (text: string): readonly string[] => text.match(pattern) ?? [];
  const merged = mergeSequences(parts(base), parts(target), parts(live));
  return merged === null ? null : { text: merged.items.join(''), clean: merged.clean };
}
