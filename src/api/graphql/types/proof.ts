import { isRecord } from '../../../core/decoded.ts';
import type { EntityChange } from '../../../core/entities.ts';
import { NotFoundError } from '../../../core/errors.ts';
import type { RollbackOperation } from '../../../generated/prisma/client.ts';
import { builder } from '../builder.ts';
import { type Connection, type PageArguments, pageArguments } from '../connections.ts';
import type { ApiContext } from '../context.ts';
import { listRecordsAs } from '../record-connections.ts';
import { storedBigInt, storedBigIntOrNull, storedText } from '../stored.ts';
import { ChangeConnection } from './change.ts';
import { ProofMethod } from './enums.ts';
import { MomentRef } from './moment.ts';
import { changeFrom } from './stored-change.ts';
import { oneOf } from './stored-enum.ts';

export interface ProofShape {
  readonly operation: RollbackOperation;
  readonly proof: Readonly<Record<string, unknown>>;
}

export function proofOf(operation: RollbackOperation): ProofShape | null {
  return isRecord(operation.proof) ? { operation, proof: operation.proof } : null;
}

export const ProofRef = builder.objectRef<ProofShape>('Proof').implement({
  description: 'The reading back that shows that the graph is what the operation promised.',
  fields: (t) => ({
    method: t.field({
      type: ProofMethod,
      resolve: ({ proof }) => oneOf(ProofMethod, storedText(proof.method) ?? 'TOUCHED_ENTITIES'),
    }),
    at: t.field({
      type: MomentRef,
      description: "The operation's final fence.",
      resolve: async ({ operation, proof }, _, { loaders }) => {
        const moment = await loaders.momentOf(operation.graphId, storedBigIntOrNull(proofSeq(proof)));
        if (moment === null) throw new NotFoundError('the moment of the proof is not recorded');
        return moment;
      },
    }),
    planHash: t.string({ resolve: ({ operation, proof }) => storedText(proof.planHash) ?? operation.planHash ?? '' }),
    checkedEntities: t.field({ type: 'BigInt', resolve: ({ proof }) => storedBigInt(proof.checkedEntities) }),
    matches: t.boolean({ resolve: ({ proof }) => proof.matches === true }),
    expectedChecksum: t.string({ nullable: true, resolve: ({ proof }) => storedText(proof.expectedChecksum) }),
    actualChecksum: t.string({ nullable: true, resolve: ({ proof }) => storedText(proof.actualChecksum) }),
    changedMeanwhile: t.field({
      type: ChangeConnection,
      description: 'Explained by later recorded transactions.',
      args: pageArguments(t.arg),
      resolve: ({ operation }, args, context) => differences('changedMeanwhile', operation, args, context),
    }),
    differences: t.field({
      type: ChangeConnection,
      description: 'Before: as expected. After: as it was found.',
      args: pageArguments(t.arg),
      resolve: ({ operation }, args, context) => differences('differences', operation, args, context),
    }),
  }),
});

/** The moment is stored as its seq, or as a moment. */
function proofSeq(proof: Readonly<Record<string, unknown>>): unknown {
  return isRecord(proof.at) ? proof.at.seq : (proof.at ?? proof.seq);
}

function differences(
  field: 'differences' | 'changedMeanwhile',
  { id }: RollbackOperation,
  args: PageArguments,
  context: ApiContext,
): Promise<Connection<EntityChange>> {
  const listing = { connection: `Proof.${field}`, record: 'proofDifference', parentField: 'operationId' } as const;
  const explained = field === 'changedMeanwhile';
  const filters = [{ field: 'explained', is: 'EQUAL', value: explained }] as const;
  return listRecordsAs(context, { ...listing, parent: id, filters }, args, (row) =>
    changeFrom(row, row.expected, row.actual),
  );
}
