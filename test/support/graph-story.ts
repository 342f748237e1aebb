import fc from 'fast-check';
import { changedAspects, stateOf, valuesOf } from '../../src/core/aspects.ts';
import { type EntityChange, type EntityState, entityId } from '../../src/core/entities.ts';
import { node, relationship } from './graph-writes.ts';

/** One thing that somebody does to a small graph; what makes no sense at its time does nothing. */
export interface StoryEdit {
  readonly act: 'put' | 'set' | 'remove' | 'label' | 'delete' | 'connect' | 'disconnect';
  readonly at: number;
  readonly to: number;
  readonly value: number;
}

export interface StoryStep {
  readonly by: 'u' | 'other';
  readonly edits: readonly StoryEdit[];
}

const NODES = 5;

const arbEdit: fc.Arbitrary<StoryEdit> = fc.record({
  act: fc.constantFrom(
    'put',
    'put',
    'set',
    'set',
    'set',
    'remove',
    'label',
    'delete',
    'connect',
    'connect',
    'disconnect',
  ),
  at: fc.nat(NODES - 1),
  to: fc.nat(NODES - 1),
  value: fc.nat(2),
});

/** What two writers do to one graph, one transaction a step. */
export const arbStory: fc.Arbitrary<readonly StoryStep[]> = fc.array(
  fc.record({ by: fc.constantFrom('u', 'other'), edits: fc.array(arbEdit, { minLength: 1, maxLength: 4 }) }),
  { minLength: 2, maxLength: 8 },
);

export type Content = Map<string, EntityState>;

/** The net changes of a step on a graph whose keys begin with `prefix`. A deleted node takes its relationships with it. */
export function changesOf(content: Content, prefix: string, edits: readonly StoryEdit[]): EntityChange[] {
  const after: Content = new Map(content);
  for (const edit of edits) apply(after, prefix, edit);
  const ids = new Set([...content.keys(), ...after.keys()]);
  return [...ids].flatMap((id): EntityChange[] => {
    const [was, is] = [content.get(id) ?? null, after.get(id) ?? null];
    const state = was ?? is;
    if (state === null || changedAspects(was, is).length === 0) return [];
    return [{ kind: state.kind, key: state.key, before: was, after: is }];
  });
}

function apply(content: Content, prefix: string, { act, at, to, value }: StoryEdit): void {
  const key = `${prefix}${at}`;
  const id = `n:${key}`;
  const there = content.get(id);
  const link = `r:${prefix}${at}-${to}`;
  const property = value === 2 ? 'q' : 'p';
  if (act === 'put' && there === undefined) content.set(id, node(key, { [property]: value }, []));
  if (act === 'disconnect') content.delete(link);
  if (act === 'connect' && there && content.has(`n:${prefix}${to}`) && !content.has(link)) {
    content.set(link, relationship(link.slice(2), key, `${prefix}${to}`, { p: value }));
  }
  if (there?.kind !== 'NODE') return;
  if (act === 'set') content.set(id, { ...there, properties: { ...there.properties, [property]: value + to } });
  if (act === 'label') content.set(id, { ...there, labels: value === 0 ? [] : [`L${value}`] });
  if (act === 'remove') {
    const { [property]: _removed, ...rest } = there.properties;
    content.set(id, { ...there, properties: rest });
  }
  if (act !== 'delete') return;
  content.delete(id);
  for (const state of [...content.values()]) {
    if (state.kind === 'RELATIONSHIP' && [state.start, state.end].includes(key)) content.delete(entityId(state));
  }
}

/** The graph after these changes alone, aspect by aspect: what others did, had nobody else done anything. */
export function replay(start: Content, changes: readonly EntityChange[]): Content {
  const content: Content = new Map(start);
  for (const change of changes) {
    const id = entityId(change);
    const there = content.get(id) ?? null;
    if (change.after === null) content.delete(id);
    else if (change.before === null) content.set(id, change.after);
    else if (there !== null) {
      const values = valuesOf(there);
      const wanted = valuesOf(change.after);
      for (const aspect of changedAspects(change.before, change.after)) {
        const value = wanted.get(aspect);
        if (value === undefined) values.delete(aspect);
        else values.set(aspect, value);
      }
      const state = stateOf(change, values);
      if (state !== null) content.set(id, state);
    }
  }
  return content;
}
