import fc from 'fast-check';
import type { Value } from '../../src/core/values.ts';
import { type ApiGraph, type Facts, idOf, stable } from './api-graph.ts';
import { arbName, arbValue } from './arbitraries.ts';
import type { Answer } from './graphql-client.ts';

/** One thing that a writer does; what makes no sense at its time is left out. Nodes are numbered. */
export type ApiEdit =
  | {
      readonly act: 'put';
      readonly at: number;
      readonly labels: readonly string[] | null;
      readonly set: readonly (readonly [string, Value])[];
      readonly remove: readonly string[];
      readonly replace: boolean;
    }
  | { readonly act: 'delete'; readonly at: number }
  | {
      readonly act: 'connect';
      readonly at: number;
      readonly to: number;
      readonly set: readonly (readonly [string, Value])[];
    }
  | { readonly act: 'disconnect'; readonly at: number; readonly to: number };

export interface ApiStep {
  readonly by: 'u' | 'other';
  readonly edits: readonly ApiEdit[];
}

export const NODES = 5;
const arbAt = fc.nat(NODES - 1);

const arbPropertyName = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('p', 'q') },
  { weight: 1, arbitrary: arbName },
);
const arbSet = fc.uniqueArray(fc.tuple(arbPropertyName, arbValue), { maxLength: 3, selector: ([name]) => name });

const arbEdit: fc.Arbitrary<ApiEdit> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('put' as const),
      at: arbAt,
      labels: fc.option(fc.uniqueArray(fc.oneof(fc.constantFrom('Draft', 'Person'), arbName), { maxLength: 2 })),
      set: arbSet,
      remove: fc.subarray(['p', 'q']),
      replace: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('delete' as const), at: arbAt }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant('connect' as const), at: arbAt, to: arbAt, set: arbSet }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('disconnect' as const), at: arbAt, to: arbAt }) },
);

/** What two writers do to one graph, a transaction a step, with values of every type. */
export const arbApiStory: fc.Arbitrary<readonly ApiStep[]> = fc.array(
  fc.record({ by: fc.constantFrom('u', 'other'), edits: fc.array(arbEdit, { minLength: 1, maxLength: 4 }) }),
  { minLength: 2, maxLength: 7 },
);

export interface Transaction {
  /** As GraphWrite inputs. */
  readonly writes: readonly Answer[];
  readonly after: ApiGraph;
}

/** What a step sends to the service, and what the graph must be afterwards. Keys begin with `prefix`. */
export function transactionOf(before: ApiGraph, prefix: string, edits: readonly ApiEdit[]): Transaction {
  const after = new Map<string, Facts>(before);
  const writes = edits.flatMap((edit) => writeOf(after, prefix, edit) ?? []);
  return { writes, after };
}

function writeOf(graph: Map<string, Facts>, prefix: string, edit: ApiEdit): Answer | null {
  const key = `${prefix}${edit.at}`;
  if (edit.act === 'put') return putNode(graph, key, edit);
  if (edit.act === 'delete') return deleteNode(graph, key);
  const end = `${prefix}${edit.to}`;
  const link = `${key}-${edit.to}`;
  const id = idOf('RELATIONSHIP', link);
  if (edit.act === 'disconnect') return graph.delete(id) ? { deleteRelationship: { key: link } } : null;
  if (!graph.has(idOf('NODE', key)) || !graph.has(idOf('NODE', end))) return null;
  graph.set(id, withValues(new Map([...(graph.get(id) ?? []), ['ends', stable(['T', key, end])]]), edit.set));
  return { putRelationship: { key: link, type: 'T', start: key, end, set: inputs(edit.set) } };
}

function putNode(graph: Map<string, Facts>, key: string, edit: Extract<ApiEdit, { act: 'put' }>): Answer {
  const id = idOf('NODE', key);
  const there = graph.get(id);
  const names = new Set(edit.set.map(([name]) => name));
  const remove = edit.replace ? [] : edit.remove.filter((name) => !names.has(name));
  const facts = new Map(edit.replace ? [] : there);
  for (const name of remove) facts.delete(`p:${name}`);
  facts.set('labels', edit.labels === null ? (there?.get('labels') ?? '[]') : stable([...edit.labels].sort()));
  graph.set(id, withValues(facts, edit.set));
  const labels = edit.labels === null ? {} : { labels: edit.labels };
  return { putNode: { key, ...labels, set: inputs(edit.set), remove, replace: edit.replace } };
}

function deleteNode(graph: Map<string, Facts>, key: string): Answer | null {
  if (!graph.delete(idOf('NODE', key))) return null;
  for (const [id, facts] of [...graph]) {
    const [, start, end]: unknown[] = JSON.parse(facts.get('ends') ?? '[]');
    if (start === key || end === key) graph.delete(id);
  }
  return { deleteNode: { key, cascade: true } };
}

const inputs = (set: readonly (readonly [string, Value])[]): Answer => set.map(([name, value]) => ({ name, value }));

function withValues(facts: Facts, set: readonly (readonly [string, Value])[]): Facts {
  return new Map([...facts, ...set.map(([name, value]) => [`p:${name}`, stable(value)] as const)]);
}
