import { decodeValue } from '../../../core/decode.ts';
import { type FieldProblem, InvalidInputError } from '../../../core/errors.ts';
import type { ValueType } from '../../../core/values.ts';
import type { DeleteEntity, GraphWrite, PropertyWrite, PutMode } from '../../../core/writes.ts';
import { builder } from '../builder.ts';
import { PutModeEnum, ValueTypeEnum } from '../types/enums.ts';

const PropertyInput = builder.inputType('PropertyInput', {
  description: 'A value, bare or in the lossless encoding of Value.json.',
  fields: (t) => ({
    name: t.string({ required: true }),
    value: t.field({ type: 'JSON', required: true }),
    type: t.field({ type: ValueTypeEnum }),
    elementType: t.field({ type: ValueTypeEnum }),
  }),
});

const PutNodeInput = builder.inputType('PutNodeInput', {
  fields: (t) => ({
    key: t.id(),
    mode: t.field({ type: PutModeEnum, required: true, defaultValue: 'UPSERT' }),
    expectHash: t.string(),
    labels: t.stringList({ description: 'Replaces the set.' }),
    addLabels: t.stringList(),
    removeLabels: t.stringList(),
    set: t.field({ type: [PropertyInput] }),
    remove: t.stringList(),
    replace: t.boolean({ required: true, defaultValue: false }),
  }),
});

const PutRelationshipInput = builder.inputType('PutRelationshipInput', {
  fields: (t) => ({
    key: t.id(),
    mode: t.field({ type: PutModeEnum, required: true, defaultValue: 'UPSERT' }),
    expectHash: t.string(),
    type: t.string(),
    start: t.id(),
    end: t.id(),
    set: t.field({ type: [PropertyInput] }),
    remove: t.stringList(),
    replace: t.boolean({ required: true, defaultValue: false }),
  }),
});

const DeleteEntityInput = builder.inputType('DeleteEntityInput', {
  fields: (t) => ({
    key: t.id({ required: true }),
    expectHash: t.string(),
    cascade: t.boolean({ required: true, defaultValue: false }),
  }),
});

export const GraphWriteInput = builder.inputType('GraphWrite', {
  isOneOf: true,
  fields: (t) => ({
    putNode: t.field({ type: PutNodeInput }),
    deleteNode: t.field({ type: DeleteEntityInput }),
    putRelationship: t.field({ type: PutRelationshipInput }),
    deleteRelationship: t.field({ type: DeleteEntityInput }),
  }),
});

export const WriteGraphInput = builder.inputType('WriteGraphInput', {
  fields: (t) => ({
    graph: t.string({ required: true }),
    session: t.id(),
    actor: t.string({ description: 'Only without session.' }),
    changes: t.field({ type: [GraphWriteInput], required: true, description: '1 to 10000.' }),
    idempotencyKey: t.string(),
  }),
});

interface PropertyShape {
  readonly name: string;
  readonly value?: unknown;
  readonly type?: ValueType | null | undefined;
  readonly elementType?: ValueType | null | undefined;
}
interface PutShape {
  readonly mode: PutMode;
  readonly replace: boolean;
  readonly set?: readonly PropertyShape[] | null | undefined;
}
export interface GraphWriteShape {
  readonly putNode?: PutShape | null | undefined;
  readonly deleteNode?: DeleteEntity | null | undefined;
  readonly putRelationship?: PutShape | null | undefined;
  readonly deleteRelationship?: DeleteEntity | null | undefined;
}

/** Problems that are listed before reading stops. */
const MAX_PROBLEMS = 100;

/**
 * The writes with their values decoded.
 * @throws InvalidInputError with the exact path of every value that is none
 */
export function readGraphWrites(changes: readonly GraphWriteShape[]): GraphWrite[] {
  const problems: FieldProblem[] = [];
  const writes = changes.map((change, index): GraphWrite => {
    const path = ['changes', String(index)];
    if (change.putNode) return { putNode: readPut(change.putNode, [...path, 'putNode'], problems) };
    if (change.deleteNode) return { deleteNode: change.deleteNode };
    if (change.putRelationship) {
      return { putRelationship: readPut(change.putRelationship, [...path, 'putRelationship'], problems) };
    }
    if (change.deleteRelationship) return { deleteRelationship: change.deleteRelationship };
    // GraphQL lets only inputs with exactly one field through.
    throw InvalidInputError.field(path, 'must have exactly one field');
  });
  if (problems.length > 0) throw new InvalidInputError(problems.slice(0, MAX_PROBLEMS));
  return writes;
}

function readPut<Put extends PutShape>(
  put: Put,
  path: readonly string[],
  problems: FieldProblem[],
): Omit<Put, 'set'> & { readonly set: PropertyWrite[] | null } {
  if (put.set === null || put.set === undefined) return { ...put, set: null };
  const set: PropertyWrite[] = [];
  for (const [index, { name, value, type, elementType }] of put.set.entries()) {
    const decoded = decodeValue(value, { type, elementType });
    if (decoded.ok) set.push({ name, value: decoded.value });
    else {
      const at = [...path, 'set', String(index), 'value', ...decoded.path.map(String)];
      problems.push({ path: at, message: decoded.message });
    }
  }
  return { ...put, set };
}
