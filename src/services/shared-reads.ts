/**
 * Reads that many readers want at the same moment are made once. A reader joins a read only before it has begun, so that it sees everything
 * that was stored before the reader asked.
 */
export class SharedReads<Result> {
  readonly #due = new Map<string, Promise<Result>>();

  /** @param key equal for reads that give the same */
  read(key: string, read: () => Promise<Result>): Promise<Result> {
    const due = this.#due.get(key) ?? this.#schedule(key, read);
    this.#due.set(key, due);
    return due;
  }

  async #schedule(key: string, read: () => Promise<Result>): Promise<Result> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    this.#due.delete(key);
    return read();
  }
}
