import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { buildSchema, lexicographicSortSchema, printSchema } from 'graphql';
import { schema } from '../../../src/api/graphql/schema.ts';
import { missingFrom } from '../../support/schema-contract.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/** Fields of the contract that nothing serves yet. A field that is served must leave this list. */
const NOT_SERVED = new Set<string>();

describe('the schema', () => {
  it('is the one in schema.graphql', () => {
    expect(`${printSchema(lexicographicSortSchema(schema))}\n`).toBe(read('../../../schema.graphql'));
  });

  it('has everything that clients may rely on', () => {
    const contract = buildSchema(read('../../support/contract.graphql'));
    expect(missingFrom(schema, contract, NOT_SERVED)).toEqual([]);
  });

  it('does not have the fields that nothing serves', () => {
    const served = Object.keys(schema.getMutationType()?.getFields() ?? {}).map((name) => `Mutation.${name}`);
    expect(served.filter((name) => NOT_SERVED.has(name))).toEqual([]);
  });
});
