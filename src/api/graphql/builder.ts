import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import type PrismaTypes from '../../generated/pothos-prisma-types.ts';
import { getDatamodel } from '../../generated/pothos-prisma-types.ts';
import type { ApiContext } from './context.ts';
import {
  parseBigInt,
  parseBigIntLiteral,
  parseDateTime,
  parseDateTimeLiteral,
  parseJson,
  parseJsonLiteral,
  serializeBigInt,
  serializeDateTime,
} from './scalars.ts';

export interface SchemaShape {
  PrismaTypes: PrismaTypes;
  Context: ApiContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    BigInt: { Input: bigint; Output: bigint };
    JSON: { Input: unknown; Output: unknown };
  };
}

/** The schema's types as Pothos sees them. */
export type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaShape>;

/** Types register themselves here when their file is loaded; see schema.ts. The client comes with each request's context. */
export const builder = new SchemaBuilder<SchemaShape>({
  plugins: [ErrorsPlugin, RelayPlugin, PrismaPlugin],
  defaultFieldNullability: false,
  // `node` and `nodes` are our own: an id from elsewhere is null there, not an error.
  relay: { nodeQueryOptions: false, nodesQueryOptions: false, idFieldOptions: {} },
  prisma: { client: (context) => context.prisma, dmmf: getDatamodel() },
  errors: { directResult: true },
});

builder.scalarType('DateTime', {
  description: 'RFC 3339 with offset.',
  serialize: serializeDateTime,
  parseValue: parseDateTime,
  parseLiteral: parseDateTimeLiteral,
});

builder.scalarType('BigInt', {
  description: 'A whole number: a decimal string in output, a string or an integer in input.',
  serialize: serializeBigInt,
  parseValue: parseBigInt,
  parseLiteral: parseBigIntLiteral,
});

builder.scalarType('JSON', {
  serialize: (value) => value,
  parseValue: parseJson,
  parseLiteral: parseJsonLiteral,
});
