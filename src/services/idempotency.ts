import { createHash, hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { IdempotencyError, InvalidInputError, StateError } from '../core/errors.ts';
import type { IdempotencyId, IdempotencyStore } from '../ports/idempotency-store.ts';
import type { Keys } from '../ports/keys.ts';
import type { Caller } from './contract.ts';

const CLAIM_MS = 15_000;
const RENEW_MS = 5000;
const FIRST_WAIT_MS = 10;
const LONGEST_WAIT_MS = 500;
/** How long a caller waits for another that does the work under the same key. */
const PATIENCE_MS = 30_000;
const MAX_KEY = 255;
/** Clients are promised a day, which they count from when they had their answer. */
export const KEPT_MS = 48 * 3_600_000;
const SWEEP_MS = 3_600_000;
const SWEEP_BATCH = 5000;

/** One mutation under an idempotency key. Without a key every call does the work. */
export interface IdempotentCall {
  /** A graph's id as text: a key is the caller's own for each graph and mutation. */
  readonly graph: string;
  readonly mutation: string;
  readonly key: string | null | undefined;
  /** The coerced input, without the key. */
  readonly input: unknown;
  /** The type of the object that the mutation returns, as an error about the key names it. */
  readonly type: string;
}

/** One try at the work. Ids drawn from it are the same each time the same key is used, so that a retry can find its own traces. */
export interface Attempt {
  /** A UUID. */
  readonly id: string;
  /** An earlier try died or failed and may have got somewhere. */
  readonly retried: boolean;
  /** UUIDs, one after the other the same in each try. */
  readonly nextKey: () => string;
}

export interface IdempotencyDependencies {
  readonly store: IdempotencyStore;
  readonly keys: Keys;
  /** Names this process. */
  readonly holder: string;
}

/** Runs mutations once per key. */
export class Idempotency {
  readonly #deps: IdempotencyDependencies;
  #sweep: NodeJS.Timeout | undefined;

  constructor(deps: IdempotencyDependencies) {
    this.#deps = deps;
  }

  /** From now on forgets keys that nobody has claimed for `keptMs`. */
  start(keptMs: number, onError: (error: unknown) => void): void {
    const sweep = (): void => void this.sweep(keptMs).catch(onError);
    sweep();
    this.#sweep = setInterval(sweep, SWEEP_MS).unref();
  }

  stop(): void {
    clearInterval(this.#sweep);
  }

  async sweep(keptMs: number): Promise<void> {
    while ((await this.#deps.store.purge(keptMs, SWEEP_BATCH)) === SWEEP_BATCH);
  }

  /**
   * The stored result of the key, or that of `work`. Callers with the same key at the same time wait for one of them. A failure is not
   * stored: the next call with the key tries again.
   *
   * @param idOf the id of the object in a result
   * @throws IdempotencyError when the key was used with another input
   */
  async run<Result>(
    caller: Caller,
    call: IdempotentCall,
    work: (attempt: Attempt) => Promise<Result>,
    idOf: (result: Result) => string = String,
  ): Promise<Result> {
    const { key } = call;
    if (key === null || key === undefined) {
      const { keys } = this.#deps;
      return work({ id: keys.next(), retried: false, nextKey: () => keys.next() });
    }
    checkKey(key);
    const id: IdempotencyId = { actor: caller.actor, graph: call.graph, mutation: call.mutation, key };
    const inputHash = hash('sha256', canonicalInput(call.input), 'hex');
    // Every claim has a holder of its own, so that a late one cannot finish or fail another's.
    const holder = `${this.#deps.holder}:${this.#deps.keys.next()}`;
    const claim = await this.#claim(id, inputHash, holder);
    // What is stored is what `work` returned under this mutation, as JSON.
    if (claim.kind === 'DONE') return claim.result as Result;
    if (claim.kind === 'MISMATCH') {
      const first = claim.result === null ? null : { type: call.type, id: idOf(claim.result as Result) };
      throw new IdempotencyError(`the idempotency key ${key} was used before with another input`, first);
    }
    return this.#work(id, holder, () => work(attemptOf(id, inputHash, claim.retried)));
  }

  async #claim(id: IdempotencyId, inputHash: string, holder: string) {
    let waited = 0;
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const claim = await this.#deps.store.claim(id, inputHash, holder, CLAIM_MS);
      if (claim.kind !== 'BUSY') return claim;
      if (waited > PATIENCE_MS) throw new StateError('a request with this idempotency key is still running', 'RUNNING');
      await sleep(wait);
      waited += wait;
    }
  }

  async #work<Result>(id: IdempotencyId, holder: string, work: () => Promise<Result>): Promise<Result> {
    const { store } = this.#deps;
    const renewal = setInterval(() => void store.renew(id, holder, CLAIM_MS).catch(() => {}), RENEW_MS);
    try {
      const result = await work();
      await store.finish(id, holder, result);
      return result;
    } catch (error) {
      // Without it the claim would only run out.
      await store.fail(id, holder).catch(() => {});
      throw error;
    } finally {
      clearInterval(renewal);
    }
  }
}

function attemptOf(id: IdempotencyId, inputHash: string, retried: boolean): Attempt {
  const seed = JSON.stringify([id.actor, id.graph, id.mutation, id.key, inputHash]);
  let drawn = 0;
  const nextKey = (): string => {
    drawn += 1;
    return uuidOf(`${seed}${drawn}`);
  };
  return { id: uuidOf(seed), retried, nextKey };
}

/** A UUID (version 8: of the application's own making) that the text decides. */
export function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Equal for inputs that say the same: absent and undefined fields alike, fields in any order. */
function canonicalInput(input: unknown): string {
  return JSON.stringify(input, (_name, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}

function checkKey(key: string): void {
  const fits = key.length > 0 && key.length <= MAX_KEY && !key.includes('\0') && key.isWellFormed();
  if (!fits)
    throw InvalidInputError.field(['idempotencyKey'], `must be 1 to ${MAX_KEY} characters of well-formed text`);
}
