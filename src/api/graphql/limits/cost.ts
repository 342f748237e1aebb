import {
  type ExecutionArgs,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  getArgumentValues,
  getNamedType,
  getNullableType,
  getVariableValues,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { DEFAULT_PAGE, MAX_PAGE } from '../connections.ts';

/** The most that one operation may cost: about as many fields as it can answer. */
export const MAX_COST = 200_000;

/** Items that a list is taken to have when nothing bounds it. */
const PLAIN_LIST = 5;
/** Fields that are computed rather than read. */
const COMPUTED: ReadonlyMap<string, number> = new Map([
  ['diff', 50],
  ['changesSince', 50],
  ['contributions', 50],
  ['neighbourhood', 50],
  ['subgraph', 50],
  ['planSubgraph', 50],
]);

interface Costing {
  readonly schema: ExecutionArgs['schema'];
  readonly variables: Readonly<Record<string, unknown>>;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly known: Map<string, number>;
}

/**
 * How many fields an operation may answer, from its variables as they will be coerced: `first: $n` costs what n says. Zero when the
 * variables do not fit their types; execution reports that.
 */
export function costOf({ schema, document, operationName, variableValues }: ExecutionArgs): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  let operation: OperationDefinitionNode | undefined;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    else if (definition.kind === Kind.OPERATION_DEFINITION) {
      if (operation === undefined || definition.name?.value === operationName) operation = definition;
    }
  }
  if (operation === undefined) return 0;
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variableValues ?? {});
  const root = schema.getRootType(operation.operation);
  if (coerced === undefined || !root) return 0;
  return selectionCost({ schema, variables: coerced, fragments, known: new Map() }, operation.selectionSet, root);
}

function selectionCost(costing: Costing, { selections }: SelectionSetNode, parent: GraphQLCompositeType): number {
  let cost = 0;
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      const fields = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields() : {};
      const field = fields[selection.name.value];
      if (field === undefined) continue;
      const type = getNamedType(field.type);
      cost += 1 + (COMPUTED.get(field.name) ?? 0);
      if (selection.selectionSet === undefined || !isCompositeType(type)) continue;
      const args = getArgumentValues(field, selection, costing.variables);
      cost += multiplier(field, args) * selectionCost(costing, selection.selectionSet, type);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      cost += selectionCost(
        costing,
        selection.selectionSet,
        conditionOf(costing, selection.typeCondition?.name.value, parent),
      );
    } else {
      cost += fragmentCost(costing, selection.name.value, parent);
    }
  }
  return cost;
}

/** A fragment costs the same wherever it is spread, so it is counted once. */
function fragmentCost(costing: Costing, name: string, parent: GraphQLCompositeType): number {
  const known = costing.known.get(name);
  if (known !== undefined) return known;
  const fragment = costing.fragments.get(name);
  if (fragment === undefined) return 0;
  const cost = selectionCost(
    costing,
    fragment.selectionSet,
    conditionOf(costing, fragment.typeCondition.name.value, parent),
  );
  costing.known.set(name, cost);
  return cost;
}

function conditionOf(
  { schema }: Costing,
  name: string | undefined,
  parent: GraphQLCompositeType,
): GraphQLCompositeType {
  const type = name === undefined ? parent : schema.getType(name);
  return isCompositeType(type) ? type : parent;
}

function multiplier({ type, name }: GraphQLField<unknown, unknown>, args: Readonly<Record<string, unknown>>): number {
  if (getNamedType(type).name.endsWith('Connection')) return pageSize(args.first ?? args.last);
  if (Array.isArray(args.ids)) return args.ids.length;
  if (typeof args.limit === 'number') return Math.max(1, Math.min(args.limit, MAX_PAGE));
  // The items of a connection were counted with the connection.
  if (name === 'edges' || name === 'nodes') return 1;
  return isListType(getNullableType(type)) ? PLAIN_LIST : 1;
}

/** A size that is out of bounds is refused by the connection itself, at no cost. */
function pageSize(size: unknown): number {
  return typeof size === 'number' ? Math.max(0, Math.min(size, MAX_PAGE)) : DEFAULT_PAGE;
}
