import DataLoader from 'dataloader';

/** A loader of objects by a plain key, in one call for all keys asked for at the same time. Null where there is none. */
export function byKey<Key extends string | number, Item>(
  load: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Item>>,
): DataLoader<Key, Item | null> {
  return new DataLoader<Key, Item | null>(async (keys) => {
    const found = await load(keys);
    return keys.map((key) => found.get(key) ?? null);
  });
}

/** One loader for each distinct set of arguments, so that siblings with the same arguments are read together. */
export class LoaderFamily<Args, Key, Item> {
  readonly #loaders = new Map<string, DataLoader<Key, Item>>();
  readonly #load: (args: Args, keys: readonly Key[]) => Promise<ReadonlyMap<Key, Item>>;
  readonly #missing: (key: Key) => Item | Error;
  readonly #atOnce: (args: Args) => number;

  /** @param atOnce how many keys are loaded by one call */
  constructor(
    load: (args: Args, keys: readonly Key[]) => Promise<ReadonlyMap<Key, Item>>,
    missing: (key: Key) => Item | Error,
    atOnce: (args: Args) => number = () => Number.POSITIVE_INFINITY,
  ) {
    this.#load = load;
    this.#missing = missing;
    this.#atOnce = atOnce;
  }

  load(args: Args, key: Key): Promise<Item> {
    const id = argumentsId(args);
    let loader = this.#loaders.get(id);
    if (loader === undefined) {
      loader = new DataLoader<Key, Item>(
        async (keys) => {
          const found = await this.#load(args, keys);
          return keys.map((each) => found.get(each) ?? this.#missing(each));
        },
        { maxBatchSize: this.#atOnce(args) },
      );
      this.#loaders.set(id, loader);
    }
    return loader.load(key);
  }
}

/** Arguments as text, equal for equal ones. */
export function argumentsId(args: unknown): string {
  return JSON.stringify(args, (_name, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part));
}
