interface Asked<Part, Result> {
  readonly part: Part;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Reads that many readers want at the same moment are made by one call: siblings of a request go on side by side, each with what is its
 * own, and cost the statements of one. A reader joins a call only before it has begun, so that it sees everything that was stored before
 * the reader asked.
 */
export class ReadsTogether<Args, Part, Result> {
  readonly #read: (args: Args, parts: readonly Part[]) => Promise<readonly Result[]>;
  readonly #atOnce: (args: Args) => number;
  readonly #due = new Map<string, Asked<Part, Result>[]>();

  /**
   * @param read answers the parts in their order
   * @param atOnce how many parts one call may have
   */
  constructor(
    read: (args: Args, parts: readonly Part[]) => Promise<readonly Result[]>,
    atOnce: (args: Args) => number = () => Number.POSITIVE_INFINITY,
  ) {
    this.#read = read;
    this.#atOnce = atOnce;
  }

  /** @param args what all parts of a call have in common, as JSON has it */
  read(args: Args, part: Part): Promise<Result> {
    return new Promise((resolve, reject) => {
      const key = JSON.stringify(args);
      const asked = { part, resolve, reject };
      const due = this.#due.get(key);
      if (due !== undefined) {
        due.push(asked);
        return;
      }
      const all = [asked];
      this.#due.set(key, all);
      setImmediate(() => {
        this.#due.delete(key);
        void this.#make(args, all);
      });
    });
  }

  async #make(args: Args, all: readonly Asked<Part, Result>[]): Promise<void> {
    const atOnce = this.#atOnce(args);
    for (let start = 0; start < all.length; start += atOnce) {
      const some = all.slice(start, start + atOnce);
      try {
        const results = await this.#read(
          args,
          some.map(({ part }) => part),
        );
        for (const [index, result] of results.entries()) some[index]?.resolve(result);
      } catch (error) {
        for (const { reject } of some) reject(error);
      }
    }
  }
}
