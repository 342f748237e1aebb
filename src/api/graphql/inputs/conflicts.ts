import { CONFLICT_SIDES, type ConflictChoice, type ConflictSide } from '../../../core/conflict-choice.ts';
import { decodeValue } from '../../../core/decode.ts';
import { type FieldProblem, InvalidInputError } from '../../../core/errors.ts';
import type { BulkResolution, ResolutionInput } from '../../../services/contract.ts';
import { builder } from '../builder.ts';
import { decodeId } from '../ids.ts';
import { ConflictFilterInput } from './filters.ts';

export const ConflictSideEnum = builder.enumType('ConflictSide', {
  description:
    'BASE: what the undo set left. TARGET: what it would be without it. LIVE: what is there. MERGED: as the conflict shows it.',
  values: CONFLICT_SIDES,
});
const Absent = builder.enumType('Absent', { values: ['ABSENT'] as const });

const ConflictChoiceInput = builder.inputType('ConflictChoiceInput', {
  isOneOf: true,
  fields: (t) => ({
    side: t.field({ type: ConflictSideEnum }),
    value: t.field({ type: 'JSON', description: 'Encoded as in PropertyInput; labels as a list of strings.' }),
    absent: t.field({ type: Absent }),
  }),
});

const ConflictResolutionInput = builder.inputType('ConflictResolutionInput', {
  fields: (t) => ({
    conflict: t.id({ required: true }),
    choose: t.field({ type: ConflictChoiceInput, required: true }),
    expectVersion: t.int({ required: true, description: 'Conflict.version as it was seen.' }),
    expectLive: t.string({ description: 'Conflict.liveHash as it was seen.' }),
    remember: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Later operations decide the same way. Only with a side.',
    }),
  }),
});

const BulkResolutionInput = builder.inputType('BulkResolutionInput', {
  fields: (t) => ({
    where: t.field({ type: ConflictFilterInput, required: true }),
    choose: t.field({ type: ConflictChoiceInput, required: true }),
    expectCount: t.field({ type: 'BigInt', required: true, description: 'How many conflicts match.' }),
  }),
});

export const ResolveConflictsInput = builder.inputType('ResolveConflictsInput', {
  description: 'Exactly one of a list of resolutions and `all`. All decisions of a request hold, or none.',
  fields: (t) => ({
    operation: t.id({ required: true }),
    resolutions: t.field({ type: [ConflictResolutionInput] }),
    all: t.field({ type: BulkResolutionInput }),
    idempotencyKey: t.string(),
  }),
});

interface ChoiceShape {
  readonly side?: ConflictSide | null | undefined;
  readonly value?: unknown;
  readonly absent?: 'ABSENT' | null | undefined;
}
interface ResolutionShape extends Omit<ResolutionInput, 'choice'> {
  readonly choose: ChoiceShape;
}
interface BulkShape extends Omit<BulkResolution, 'choice'> {
  readonly choose: ChoiceShape;
}

/** @throws InvalidInputError with the path of every id and value that is none */
export function readResolutions(resolutions: readonly ResolutionShape[]): ResolutionInput[] {
  const problems: FieldProblem[] = [];
  const read = resolutions.map(({ choose, conflict, ...resolution }, at): ResolutionInput => {
    const path = ['resolutions', `${at}`];
    const id = decodeId(conflict);
    if (id?.type !== 'Conflict') problems.push({ path: [...path, 'conflict'], message: 'is not the id of a Conflict' });
    return { ...resolution, conflict: id?.key ?? '', choice: readChoice(choose, [...path, 'choose'], problems) };
  });
  if (problems.length > 0) throw new InvalidInputError(problems);
  return read;
}

/** @throws InvalidInputError */
export function readBulk(all: BulkShape | null | undefined): BulkResolution | null {
  if (all === null || all === undefined) return null;
  const problems: FieldProblem[] = [];
  const choice = readChoice(all.choose, ['all', 'choose'], problems);
  if (problems.length > 0) throw new InvalidInputError(problems);
  return { where: all.where, choice, expectCount: all.expectCount };
}

function readChoice(
  { side, value, absent }: ChoiceShape,
  path: readonly string[],
  problems: FieldProblem[],
): ConflictChoice {
  if (side !== null && side !== undefined) return { side };
  if (absent !== null && absent !== undefined) return { absent: true };
  const decoded = decodeValue(value);
  if (decoded.ok) return { value: decoded.value };
  problems.push({ path: [...path, 'value', ...decoded.path.map(String)], message: decoded.message });
  return { absent: true };
}
