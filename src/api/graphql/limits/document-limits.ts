import { type DocumentNode, type FragmentDefinitionNode, Kind, type SelectionSetNode, visit } from 'graphql';
import { codedError } from '../errors.ts';

export interface DocumentLimits {
  /** Lexical tokens of a document. */
  readonly tokens: number;
  /** Fields within fields, fragments spread out. */
  readonly depth: number;
  /** Aliases in the whole document. */
  readonly aliases: number;
  /** Directives in the whole document. */
  readonly directives: number;
  /** Fields and spreads at the root of each operation. */
  readonly rootFields: number;
}

export const DOCUMENT_LIMITS: DocumentLimits = { tokens: 5000, depth: 20, aliases: 30, directives: 20, rootFields: 20 };

/**
 * Refuses documents that are large by their form alone, before validation spends time on them.
 * @throws GraphQLError with the code TOO_COMPLEX
 */
export function checkDocument(document: DocumentNode, limits: DocumentLimits): void {
  let aliases = 0;
  let directives = 0;
  visit(document, {
    Field: (field) => {
      if (field.alias !== undefined) aliases += 1;
    },
    Directive: () => {
      directives += 1;
    },
  });
  check('aliases', aliases, limits.aliases);
  check('directives', directives, limits.directives);
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const depths = new Map<string, number>();
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    check('root fields', definition.selectionSet.selections.length, limits.rootFields);
    check('depth', depthOf(definition.selectionSet, fragments, depths), limits.depth);
  }
}

/** Each fragment is measured once. One that contains itself counts as flat here: validation refuses it. */
function depthOf(
  { selections }: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  depths: Map<string, number>,
): number {
  let deepest = 0;
  for (const selection of selections) {
    let depth = 0;
    if (selection.kind === Kind.FIELD) {
      depth = 1 + (selection.selectionSet === undefined ? 0 : depthOf(selection.selectionSet, fragments, depths));
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      depth = depthOf(selection.selectionSet, fragments, depths);
    } else {
      const name = selection.name.value;
      const known = depths.get(name);
      const fragment = fragments.get(name);
      if (known === undefined && fragment !== undefined) {
        depths.set(name, 0);
        depths.set(name, depthOf(fragment.selectionSet, fragments, depths));
      }
      depth = depths.get(name) ?? 0;
    }
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function check(what: string, found: number, limit: number): void {
  if (found > limit)
    throw codedError('TOO_COMPLEX', `the query has too much ${what}: ${found}, at most ${limit}`, { limit });
}
