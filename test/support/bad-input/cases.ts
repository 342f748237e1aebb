import { expect } from '@jest/globals';
import type { Answer } from '../graphql-client.ts';
import type { BadInputWorld } from './world.ts';

export const NUL = 'a\0b';
export const LONE = 'a\ud800b';
const LONG = 'x'.repeat(513);
/** Names that nothing can have. */
export const BAD_NAMES = [NUL, LONE, LONG];

export type Ids = BadInputWorld['ids'];
/** What is wrong, the mutation, its input and the error that it must answer with. */
export type Case = readonly [name: string, mutation: string, input: (ids: Ids) => Answer, error: Answer];

export const invalid = (...paths: string[]): Answer => ({
  __typename: 'InvalidInputError',
  code: 'INVALID_INPUT',
  fields: paths.map((path) => ({ path: path.split('.'), message: expect.stringMatching(/./) })),
});
export const notFound = (message: RegExp = /./): Answer => ({
  __typename: 'NotFoundError',
  code: 'NOT_FOUND',
  message: expect.stringMatching(message),
});
export const wrongState = (state: string): Answer => ({ __typename: 'StateError', code: 'WRONG_STATE', state });
export const limited = (limit: number): Answer => ({
  __typename: 'LimitError',
  code: 'LIMIT_EXCEEDED',
  limit: `${limit}`,
});
export const constraint = (more: Answer): Answer => ({
  __typename: 'ConstraintError',
  code: 'CONSTRAINT_FAILED',
  ...more,
});

/** A name that a test's title can carry. */
export function shown(name: string): string {
  return name.length > 100 ? 'too long' : JSON.stringify(name);
}
