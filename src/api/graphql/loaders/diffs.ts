import DataLoader from 'dataloader';
import type { At } from '../../../core/moments.ts';
import type { Scope } from '../../../core/scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { DiffShape } from '../types/refs.ts';

interface Asked {
  readonly graphId: number;
  readonly from: At;
  /** Null: live. */
  readonly to: At | null;
  readonly scope: Scope | null;
  /** What the start is called where that says more than the moment that is compared: a point that has expired is still a point. */
  readonly start?: At;
}

/** Diffs that are asked for at the same time begin together, so that what is asked of each of them next is read for all at once. */
export function diffLoaders({ services }: ApiDependencies) {
  const together = new DataLoader<Asked, DiffShape>(
    async (asked) => {
      const settled = await Promise.allSettled(asked.map((each) => resolved(each)));
      return settled.map((each) => (each.status === 'fulfilled' ? each.value : asError(each.reason)));
    },
    { cache: false },
  );
  const resolved = async ({ graphId, from, to, scope, start }: Asked): Promise<DiffShape> => ({
    view: await services.diffs.between(graphId, from, to, scope),
    ends: { from: start ?? from, to: to ?? { keyword: 'LIVE' } },
  });
  return { diff: (asked: Asked): Promise<DiffShape> => together.load(asked) };
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
