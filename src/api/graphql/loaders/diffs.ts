import DataLoader from 'dataloader';
import type { At } from '../../../core/moments.ts';
import type { Scope } from '../../../core/scope.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { DiffShape } from '../types/refs.ts';

interface Asked {
  readonly graphId: number;
  /** One that has to be read first is read here, so that all begin together all the same. */
  readonly from: At | (() => Promise<At>);
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
      const begun = asked.map(async (each) => ({ each, from: await startOf(each) }));
      await Promise.allSettled(begun);
      const settled = await Promise.allSettled(begun.map(async (one) => resolved(await one)));
      return settled.map((each) => (each.status === 'fulfilled' ? each.value : asError(each.reason)));
    },
    { cache: false },
  );
  const resolved = async ({ each, from }: { readonly each: Asked; readonly from: At }): Promise<DiffShape> => {
    const { graphId, to, scope, start } = each;
    const view = await services.diffs.between(graphId, from, to, scope);
    return { view, ends: { from: start ?? from, to: to ?? { keyword: 'LIVE' } } };
  };
  return { diff: (asked: Asked): Promise<DiffShape> => together.load(asked) };
}

function startOf({ from }: Asked): At | Promise<At> {
  return typeof from === 'function' ? from() : from;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
