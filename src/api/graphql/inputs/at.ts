import { InvalidInputError } from '../../../core/errors.ts';
import type { At } from '../../../core/moments.ts';
import { builder } from '../builder.ts';
import { requireId } from '../ids.ts';
import { AtKeyword } from '../types/enums.ts';

export interface AtShape {
  readonly point?: string | null | undefined;
  readonly time?: Date | null | undefined;
  readonly seq?: bigint | null | undefined;
  readonly keyword?: 'LIVE' | 'EARLIEST' | null | undefined;
}

export const AtInput = builder.inputType('At', {
  description: 'A moment. A time means the last transaction at or before it.',
  isOneOf: true,
  fields: (t) => ({
    point: t.id(),
    time: t.field({ type: 'DateTime' }),
    seq: t.field({ type: 'BigInt' }),
    keyword: t.field({ type: AtKeyword }),
  }),
});

/** @throws InvalidInputError naming what is wrong below `path` */
export function readAt(input: AtShape, path: readonly string[]): At {
  if (input.point !== undefined && input.point !== null) {
    return { point: requireId(input.point, 'RollbackPoint', [...path, 'point']) };
  }
  if (input.time !== undefined && input.time !== null) return { time: input.time };
  if (input.seq !== undefined && input.seq !== null) {
    if (input.seq < 0n) throw InvalidInputError.field([...path, 'seq'], 'must not be negative');
    return { seq: input.seq };
  }
  return { keyword: input.keyword ?? 'LIVE' };
}

export function readAtOrNull(input: AtShape | null | undefined, path: readonly string[]): At | null {
  return input === null || input === undefined ? null : readAt(input, path);
}
