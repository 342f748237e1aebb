/** What ports store, by the names of their methods: nothing else of an operation outlives a process. */
export const PERSISTING: ReadonlySet<string> = new Set([
  'acquire',
  'advance',
  'copy',
  'dropUnfound',
  'finish',
  'forgetMarker',
  'group',
  'markReleases',
  'put',
  'questionConflicts',
  'release',
  'reset',
  'resetRows',
  'setState',
  'storeDifferences',
  'transaction',
]);

/** When a fault comes: before a step, while it is under way, with all its writes made and not committed, or after it. */
export type FaultMoment = 'before' | 'during' | 'inside' | 'after';

export interface Strike {
  /** Counted from 1. */
  readonly step: number;
  readonly moment: FaultMoment;
}

/** Counts the persisted steps of whatever runs through the ports that it wraps, and calls a fault at one of them. */
export class PersistedSteps {
  /** Their names, in order. */
  readonly names: string[] = [];
  #strike: Strike | null;
  readonly #fault: () => Promise<void>;
  struck = false;

  constructor(strike: Strike | null = null, fault: () => Promise<void> = async () => {}) {
    this.#strike = strike;
    this.#fault = fault;
  }

  readonly wrap = <Port extends object>(_name: string, port: Port): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        const call = member.bind(target);
        // What is begun persists when it is finished.
        if (name === 'begin') return (...args: unknown[]) => this.wrap('begun', begun(call(...args)));
        return PERSISTING.has(String(name)) ? (...args: unknown[]) => this.#step(String(name), call, args) : call;
      },
    });

  async #step(name: string, call: (...args: unknown[]) => unknown, args: readonly unknown[]): Promise<unknown> {
    this.names.push(name);
    const moment = this.#strike?.step === this.names.length ? this.#strike.moment : null;
    if (moment === 'before') await this.#hit();
    if (moment === 'inside') return call(args[0], this.#hitInside(args[1]));
    const hit = moment === 'during' ? this.#hit() : null;
    const result = await Promise.resolve(call(...args)).finally(() => hit);
    if (moment === 'after') await this.#hit();
    return result;
  }

  #hitInside(work: unknown): unknown {
    if (typeof work !== 'function') return work;
    return async (tx: unknown) => {
      const result: unknown = await work(tx);
      await this.#hit();
      return result;
    };
  }

  async #hit(): Promise<void> {
    if (this.struck) return;
    this.struck = true;
    await this.#fault();
  }
}

/** A step that was begun. */
export function begun(result: unknown): object {
  if (typeof result !== 'object' || result === null) throw new TypeError('nothing was begun');
  return result;
}

/** Every moment of every step; `inside` only where there is a transaction of the graph. */
export function strikesOf(names: readonly string[], moments: readonly FaultMoment[]): Strike[] {
  return names.flatMap((name, at) =>
    moments.flatMap((moment) => (moment === 'inside' && name !== 'transaction' ? [] : [{ step: at + 1, moment }])),
  );
}

/** A step as a call: which of its method's. */
export function callOf(names: readonly string[], step: number): readonly [method: string, count: number] {
  const method = names[step - 1] ?? '';
  return [method, names.slice(0, step).filter((name) => name === method).length];
}
