import type { InputRef } from '@pothos/core';
import { parseScope, type Scope } from '../../../core/scope.ts';
import { builder } from '../builder.ts';
import { Direction } from '../types/enums.ts';

const NeighbourhoodInput = builder.inputType('NeighbourhoodInput', {
  fields: (t) => ({
    keys: t.idList({ required: true }),
    hops: t.int({ required: true, defaultValue: 1 }),
    types: t.stringList(),
    direction: t.field({ type: Direction, required: true, defaultValue: 'BOTH' }),
  }),
});

/** As GraphQL coerced it; what it means is parsed by the core. */
export interface ScopeShape {
  readonly keys?: readonly string[] | null | undefined;
  readonly labels?: readonly string[] | null | undefined;
  readonly relationshipTypes?: readonly string[] | null | undefined;
  readonly properties?: readonly string[] | null | undefined;
  readonly neighbourhood?: object | null | undefined;
  readonly all?: readonly ScopeShape[] | null | undefined;
  readonly any?: readonly ScopeShape[] | null | undefined;
  readonly not?: ScopeShape | null | undefined;
}

const scopeRef = builder.inputRef<ScopeShape>('ScopeInput');
scopeRef.implement({
  description: 'Fields of one object are all required, items of a list are alternatives, an empty list is an error.',
  fields: (t) => ({
    keys: t.idList(),
    labels: t.stringList(),
    relationshipTypes: t.stringList(),
    properties: t.stringList(),
    neighbourhood: t.field({ type: NeighbourhoodInput }),
    all: t.field({ type: [scopeRef] }),
    any: t.field({ type: [scopeRef] }),
    not: t.field({ type: scopeRef }),
  }),
});

export const ScopeInput: InputRef<ScopeShape> = scopeRef;

/** @throws InvalidInputError naming what is wrong below `path` */
export function readScope(input: ScopeShape | null | undefined, path: readonly string[]): Scope | null {
  return input === null || input === undefined ? null : parseScope(withoutPrototypes(input), path);
}

/** GraphQL builds input objects without a prototype, which is fine, but leaves absent fields undefined, which is not absent. */
function withoutPrototypes(input: ScopeShape): unknown {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
