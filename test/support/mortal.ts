/** What a dead instance's calls end with. */
export class Died extends Error {
  override readonly name = 'Died';
}

/** Where a call is struck: before it does anything, after it did, or (a graph transaction) with all its writes but not committed. */
export type Moment = 'before' | 'inside' | 'after';

/** The n-th call, counted from 1, of any method of any port, or of these methods. */
export interface Death {
  readonly call: number;
  readonly moment: Moment;
  readonly of?: ReadonlySet<string>;
}

/**
 * An instance of the service that dies at a call to one of its ports, like a process that is killed there: from then on nothing it calls
 * happens any more. Null: it lives.
 */
export class Mortal {
  #left: number;
  readonly #moment: Moment;
  readonly #of: ReadonlySet<string> | null;
  dead = false;

  constructor(death: Death | null) {
    this.#left = death?.call ?? Number.POSITIVE_INFINITY;
    this.#moment = death?.moment ?? 'before';
    this.#of = death?.of ?? null;
  }

  readonly wrap = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => this.#call(String(name), member.bind(target), args);
      },
    });

  #call(name: string, member: (...args: unknown[]) => unknown, args: readonly unknown[]): unknown {
    const strikes = this.#strikes(name);
    if (this.dead || (strikes && this.#moment === 'before')) return this.#die(name);
    if (strikes && this.#moment === 'inside' && name === 'transaction') {
      return Promise.resolve(member(args[0], this.#struckInside(args[1])));
    }
    const result = member(...args);
    if (!(result instanceof Promise)) return result;
    return result.then((value: unknown) => (strikes || this.dead ? this.#die(name) : value));
  }

  #strikes(name: string): boolean {
    if (this.#of?.has(name) === false) return false;
    this.#left -= 1;
    return this.#left === 0;
  }

  /** Ends both who awaits the result and who iterates over it. */
  #die(name: string): Promise<never> {
    this.dead = true;
    const end = Promise.reject(new Died(name));
    end.catch(() => {});
    return Object.assign(end, {
      [Symbol.asyncIterator]: () => {
        throw new Died(name);
      },
    });
  }

  #struckInside(work: unknown): unknown {
    if (typeof work !== 'function') return work;
    return async (tx: unknown) => {
      await work(tx);
      this.dead = true;
      throw new Died('inside a transaction');
    };
  }
}
