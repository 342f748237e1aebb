/** Who listens to what within this process. */
export class Topics {
  readonly #listeners = new Map<string, Set<() => void>>();

  /** @returns whether it is the first listener of the topic */
  add(topic: string, wake: () => void): boolean {
    const listeners = this.#listeners.get(topic);
    if (listeners !== undefined) {
      listeners.add(wake);
      return false;
    }
    this.#listeners.set(topic, new Set([wake]));
    return true;
  }

  /** @returns whether it was the last listener of the topic */
  remove(topic: string, wake: () => void): boolean {
    const listeners = this.#listeners.get(topic);
    if (listeners === undefined || !listeners.delete(wake) || listeners.size > 0) return false;
    this.#listeners.delete(topic);
    return true;
  }

  /** Wakes the listeners of a topic, not within the caller's own work: a slow or failing listener is none of its business. */
  wake(topic: string): void {
    for (const listener of this.#listeners.get(topic) ?? []) setImmediate(() => this.#call(topic, listener));
  }

  wakeAll(): void {
    for (const topic of this.#listeners.keys()) this.wake(topic);
  }

  topics(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  clear(): void {
    this.#listeners.clear();
  }

  #call(topic: string, listener: () => void): void {
    if (this.#listeners.get(topic)?.has(listener) === true) listener();
  }
}
